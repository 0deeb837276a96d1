"""Which curated texts a student learns from (arXiv 2410.03663, section 3.3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fair_app.curation.acceptance import RationaleRow, Verdict
from fair_app.errors import BadInput

MIXED = "mixed"


@dataclass(frozen=True)
class FeedbackRow:
    """What one teacher said about the student's wrong answer to a question."""

    question_id: int
    teacher: str
    text: str | None


@dataclass(frozen=True)
class TrainingRow:
    """A question to learn from, with its (teacher, text) pairs: at least one of each kind."""

    question_id: int
    rationales: tuple[tuple[str, str], ...]
    feedback: tuple[tuple[str, str], ...]


def training_set(
    rationales: Sequence[RationaleRow],
    verdicts: Mapping[int, Verdict],
    feedback: Sequence[FeedbackRow],
    teacher: str = MIXED,
    keep_rule: bool = False,
) -> list[TrainingRow]:
    """The questions with a usable rationale and feedback, in the order of `rationales`.

    `mixed` takes the accepted rationales and all feedback. A teacher's name takes that teacher's
    alone, whatever the scores, as the reference does; with `keep_rule` only what is accepted. What
    a person rejected stays out either way, and an edited text replaces the original. Blank texts
    are never used. `verdicts` holds one for every rationale, by its id.

    Raises BadInput for a teacher who wrote nothing here, and for an empty training set.
    """
    names = list(
        dict.fromkeys([row.teacher for row in rationales] + [row.teacher for row in feedback])
    )
    if teacher != MIXED and names and teacher not in names:
        raise BadInput(
            f"There is no teacher '{teacher}' here: choose {MIXED} or one of {', '.join(names)}."
        )
    by_rule = keep_rule or teacher == MIXED
    texts = [
        (row, verdicts[row.id].text)
        for row in rationales
        if teacher in (MIXED, row.teacher) and _usable(verdicts[row.id], by_rule)
    ]
    answers = _by_question((row.question_id, row.teacher, text) for row, text in texts)
    remarks = _by_question(
        (row.question_id, row.teacher, row.text or "")
        for row in feedback
        if teacher in (MIXED, row.teacher)
    )
    rows = [
        TrainingRow(question_id, tuple(pairs), tuple(remarks[question_id]))
        for question_id, pairs in answers.items()
        if question_id in remarks
    ]
    if not rows:
        raise BadInput(_why_empty(rationales, verdicts, teacher, bool(answers), bool(remarks)))
    return rows


def _usable(judged: Verdict, by_rule: bool) -> bool:
    return judged.accepted or not (by_rule or judged.by == "person")


def _by_question(rows: Iterable[tuple[int, str, str]]) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for question_id, teacher, text in rows:
        if text.strip():
            found.setdefault(question_id, []).append((teacher, text))
    return found


def _why_empty(
    rationales: Sequence[RationaleRow],
    verdicts: Mapping[int, Verdict],
    teacher: str,
    any_rationale: bool,
    any_feedback: bool,
) -> str:
    whose = "the committee" if teacher == MIXED else teacher
    own = [row for row in rationales if teacher in (MIXED, row.teacher)]
    if not any_rationale and not any(row.text.strip() for row in own):
        return f"There is no rationale by {whose} to learn from: collect the teachers' work first."
    if not any_rationale:
        means = [verdicts[row.id].mean for row in own if verdicts[row.id].by == "rule"]
        best = max((mean for mean in means if mean is not None), default=None)
        lower = f"lower the threshold below {best:.2f} or " if best is not None else ""
        return f"No rationale by {whose} is accepted: {lower}accept some by hand."
    if not any_feedback:
        return f"There is no feedback by {whose} to learn from: collect the missing feedback first."
    return (
        f"No question has both an accepted rationale and feedback by {whose}: "
        "lower the threshold, accept more by hand, or collect the missing feedback."
    )
