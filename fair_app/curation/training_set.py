"""Which curated texts a student learns from (arXiv 2410.03663, section 3.3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from fair_app.curation.acceptance import MENTOR, RationaleRow, Rule, level, verdict
from fair_app.curation.decisions import Key, State
from fair_app.errors import BadInput

MIXED = "mixed"
WITH_MENTOR = "mixed+mentor"
COMMITTEES = (MIXED, WITH_MENTOR)
"""Whose texts a student may learn from beside one author's: the committee's, and the mentor's."""
TAKEN = (*COMMITTEES, MENTOR)
"""Names that no teacher can have: `--teacher` means others by them."""

Chosen = Literal["accepted", "right"]
ACCEPTED: Chosen = "accepted"
RIGHT: Chosen = "right"
CHOSEN: tuple[Chosen, ...] = (ACCEPTED, RIGHT)
"""Which rationales are learned from: those that the rule accepts, or all with a right answer."""


@dataclass(frozen=True)
class Selection:
    """Which curated texts are learned from.

    `mixed` takes the committee's accepted rationales and all feedback; of a question with a
    favourite that is accepted, that rationale alone. `mixed+mentor` takes the mentor's accepted
    rationales beside them. A teacher's name takes that teacher's alone, whatever the scores, as the
    reference does; with `keep_rule` only what is accepted. `mentor` takes the mentor's accepted
    rationales, and the committee's feedback: a mentor gives none. With `rationales` "right" those
    with a right final answer are taken in place of the accepted ones. Without `with_feedback` no
    feedback is learned from, and a question needs none.
    """

    teacher: str = MIXED
    keep_rule: bool = False
    rationales: Chosen = ACCEPTED
    with_feedback: bool = True


ALL_CURATED = Selection()


@dataclass(frozen=True)
class FeedbackRow:
    """What one teacher said about the student's wrong answer to a question."""

    question_id: int
    teacher: str
    text: str | None


@dataclass(frozen=True)
class TrainingRow:
    """A question to learn from, with its (teacher, text) pairs: at least one of each kind, unless
    feedback is left out."""

    question_id: int
    rationales: tuple[tuple[str, str], ...]
    feedback: tuple[tuple[str, str], ...]


HUMAN = "human"
"""Who wrote a rationale that a person edited, as the training set names the author."""


def author_of(row: RationaleRow, state: State | None) -> str:
    """Who wrote what is learnt from: the teacher, or a person who edited the teacher's text."""
    return f"{HUMAN}, after {row.teacher}" if state and state.text is not None else row.teacher


def training_set(
    rationales: Sequence[RationaleRow],
    texts: Mapping[int, str],
    rule: Rule,
    feedback: Sequence[FeedbackRow],
    states: Mapping[Key, State] | None = None,
    selection: Selection = ALL_CURATED,
) -> list[TrainingRow]:
    """The questions with a usable rationale and feedback, in the order of `rationales`.

    What a person rejected stays out whatever is selected, and an edited text replaces the original,
    which is then marked as a person's. Blank texts are never used. `texts` has every rationale's
    original, by its id.

    Raises BadInput for a teacher who wrote nothing here, and for an empty training set.
    """
    decided = states or {}
    teacher, with_feedback = selection.teacher, selection.with_feedback
    _check_author(teacher, rationales, feedback)
    own = [row for row in rationales if _is_by(row, teacher)]
    by_all = _all_explain(teacher, own)
    used = [row for row in own if _usable(row, rule, decided, selection)]
    if teacher in COMMITTEES:
        used = _favourites(used, decided)
    answers = _by_question(
        (
            row.question_id,
            author_of(row, _state(row, decided)),
            _edited(row, decided) or texts[row.id],
        )
        for row in used
    )
    remarks = _by_question(
        (row.question_id, row.teacher, row.text or "")
        for row in feedback
        if with_feedback and (by_all or row.teacher == teacher)
    )
    rows = [
        TrainingRow(question_id, tuple(pairs), tuple(remarks.get(question_id, ())))
        for question_id, pairs in answers.items()
        if question_id in remarks or not with_feedback
    ]
    if not rows:
        written = any(texts[row.id].strip() for row in own)
        judged = [row for row in own if verdict(row, rule, _state(row, decided)).by == "rule"]
        raise BadInput(
            _why_empty(judged, rule, selection, written, bool(answers), bool(remarks)),
        )
    return rows


def random_set(
    rationales: Sequence[RationaleRow],
    texts: Mapping[int, str],
    rule: Rule,
    feedback: Sequence[FeedbackRow],
    states: Mapping[Key, State] | None = None,
    selection: Selection = ALL_CURATED,
    *,
    seed: int,
) -> list[TrainingRow]:
    """As many rationales as `training_set` has, but drawn at random: what peer review is worth.

    They are drawn from all of `rationales` that could be learned from: with a text, with feedback
    on their question where that is wanted, and not rejected by a person. The rest is as there,
    favourites aside. Raises BadInput as `training_set`.
    """
    decided = states or {}
    teacher, with_feedback = selection.teacher, selection.with_feedback
    kept = training_set(rationales, texts, rule, feedback, decided, selection)
    own = [row for row in rationales if _is_by(row, teacher)]
    by_all = _all_explain(teacher, own)
    answered = {
        row.question_id
        for row in feedback
        if (row.text or "").strip() and (by_all or row.teacher == teacher)
    }
    pool = [
        row
        for row in own
        if (row.question_id in answered or not with_feedback)
        and (_edited(row, decided) or texts[row.id]).strip()
        and (_state(row, decided) or State()).accepted is not False
    ]
    number = sum(len(row.rationales) for row in kept)
    drawn = Random(f"rationales {seed}").sample(pool, min(number, len(pool)))
    taken = {row.id for row in drawn}
    accepted: dict[Key, State] = {
        ("rationale", row.id): replace(_state(row, decided) or State(), accepted=True)
        for row in drawn
    }
    return training_set(
        [row for row in rationales if row.id in taken],
        texts,
        rule,
        feedback,
        accepted,
        replace(selection, rationales=ACCEPTED),
    )


def _check_author(
    teacher: str, rationales: Sequence[RationaleRow], feedback: Sequence[FeedbackRow]
) -> None:
    """Raise BadInput where nobody of this name wrote anything, while others did."""
    names = list(
        dict.fromkeys([row.teacher for row in rationales] + [row.teacher for row in feedback])
    )
    written = teacher == WITH_MENTOR and any(row.by_mentor for row in rationales)
    if teacher == MIXED or not names or teacher in names or written:
        return
    if teacher in (WITH_MENTOR, MENTOR):
        raise BadInput("There is no rationale by a mentor here: let it write some first (augment).")
    several = " or ".join(COMMITTEES if MENTOR in names else COMMITTEES[:1])
    raise BadInput(
        f"There is no teacher '{teacher}' here: choose {several} or one of {', '.join(names)}."
    )


def _is_by(row: RationaleRow, teacher: str) -> bool:
    """Whether a rationale is by those that are asked for."""
    if teacher == WITH_MENTOR:
        return True
    return not row.by_mentor if teacher == MIXED else row.teacher == teacher


def _all_explain(teacher: str, own: Sequence[RationaleRow]) -> bool:
    """Whether all feedback is learned from: a mentor, whose rationales are `own`, gives none."""
    return teacher in COMMITTEES or (bool(own) and all(row.by_mentor for row in own))


def _state(row: RationaleRow, states: Mapping[Key, State]) -> State | None:
    return states.get(("rationale", row.id))


def _edited(row: RationaleRow, states: Mapping[Key, State]) -> str | None:
    state = _state(row, states)
    return state.text if state else None


def _favourites(rows: Sequence[RationaleRow], states: Mapping[Key, State]) -> list[RationaleRow]:
    """The rows without those of questions that have another, a favourite, among them."""
    question_of = {row.id: row.question_id for row in rows}
    favourite = {
        subject_id: state.favourite
        for (subject, subject_id), state in states.items()
        if subject == "question" and question_of.get(state.favourite or 0) == subject_id
    }
    return [row for row in rows if favourite.get(row.question_id, row.id) == row.id]


def _usable(
    row: RationaleRow,
    rule: Rule,
    states: Mapping[Key, State],
    selection: Selection,
) -> bool:
    judged = verdict(row, rule, _state(row, states))
    if judged.by == "person":
        return judged.accepted
    if selection.rationales == RIGHT:
        return row.final_correct is True
    by_rule = selection.keep_rule or selection.teacher in COMMITTEES or row.by_mentor
    return judged.accepted or not by_rule


def _by_question(rows: Iterable[tuple[int, str, str]]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for question_id, teacher, text in rows:
        if text.strip():
            found.setdefault(question_id, []).append((teacher, text))
    return found


def _why_empty(
    judged: Sequence[RationaleRow],
    rule: Rule,
    selection: Selection,
    written: bool,
    any_rationale: bool,
    any_feedback: bool,
) -> str:
    """One sentence; `judged` are the rationales on which no person decided."""
    teacher = selection.teacher
    whose = {MIXED: "the committee", WITH_MENTOR: "committee or mentor"}.get(teacher, teacher)
    if not any_rationale and not written:
        return f"There is no rationale by {whose} to learn from: collect the teachers' work first."
    if not any_rationale and selection.rationales == RIGHT:
        return f"No rationale by {whose} ends in the right answer: collect more, or accept by hand."
    if not any_rationale:
        best = max((level(row, replace(rule, per_teacher={})) for row in judged), default=-1)
        lower = f"lower the threshold below {best:.2f} or " if best > 0 else ""
        return f"No rationale by {whose} is accepted: {lower}accept some by hand."
    if not any_feedback:
        return f"There is no feedback by {whose} to learn from: collect the missing feedback first."
    return (
        f"No question has both an accepted rationale and feedback by {whose}: "
        "lower the threshold, accept more by hand, or collect the missing feedback."
    )
