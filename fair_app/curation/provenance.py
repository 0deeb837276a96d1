"""The training set of an earlier moment, out of what was ever written and decided.

Teachers' texts and persons' decisions are only ever added. So what a run learned from follows from
them and from where they ended then, which its lineage tells, whatever was added since.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fair_app.curation.acceptance import Rule, Score
from fair_app.curation.board import COMPLETE, rationale_rows
from fair_app.curation.decisions import Decision, Key, State, fold
from fair_app.curation.training_set import (
    ALL_CURATED,
    FeedbackRow,
    Selection,
    TrainingRow,
    random_set,
    training_set,
)


@dataclass(frozen=True)
class Answer:
    """The student's answer to a question of an exam, `truncated` where the limit cut it off.

    `rule_correct` is the grader's word. `answered_at`: seconds since 1970, None of an older bundle.
    """

    id: int
    exam_id: int
    question_id: int
    position: int
    text: str
    rule_correct: bool
    truncated: bool | None
    answered_at: float | None = None


@dataclass(frozen=True)
class Rationale:
    """A teacher's rationale. `prompt`: the hash of the template behind it, "" of one from a file.

    `correct` is its final answer's grade.
    """

    id: int
    question_id: int
    teacher_id: int
    prompt: str
    finish: str
    correct: bool | None
    text: str | None


@dataclass(frozen=True)
class Feedback:
    """A teacher's feedback on an answer; `prompt` as in `Rationale`."""

    id: int
    answer_id: int
    teacher_id: int
    prompt: str
    finish: str
    text: str | None


@dataclass(frozen=True)
class Review:
    """A peer's score of a rationale, as it was read; `prompt` as in `Rationale`."""

    id: int
    rationale_id: int
    reviewer_id: int
    prompt: str
    score: Score | str


@dataclass(frozen=True)
class Provenance:
    """All that was ever written and decided about some exams. `teachers`: names by id.

    `mentors` are the ids of those that were the project's mentor.
    """

    teachers: Mapping[int, str]
    answers: Sequence[Answer]
    rationales: Sequence[Rationale]
    feedback: Sequence[Feedback]
    reviews: Sequence[Review]
    decisions: Sequence[Decision]
    mentors: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Extent:
    """The committee of a moment by its ids, in order, and the last ids of what there was then.

    The mentor's id stands behind the committee's, where there was one. `answered_at` is the time of
    the last answer, without an end in lineages from before they told it.
    """

    teachers: tuple[int, ...]
    rationales: int
    feedback: int
    reviews: int
    decisions: int
    answered_at: float = math.inf


@dataclass(frozen=True)
class Moment:
    """What a training set was chosen by, and when.

    `prompts` are the hashes of the templates in force by role. Without `by_persons` only grades of
    answers are taken from the decisions. `drawn` is the seed of rationales that were drawn at
    random in place of peer review, None for those that it accepted.
    """

    ledger: Extent
    prompts: Mapping[str, str]
    rule: Rule
    selection: Selection = ALL_CURATED
    by_persons: bool = True
    drawn: int | None = None


@dataclass(frozen=True)
class _Written:
    """A rationale as `rationale_rows` takes it."""

    id: int
    question_id: int
    teacher: str
    correct: bool | None
    finish: str
    by_mentor: bool
    tokens: int = 0


def mistakes_at(known: Provenance, at: Moment, exam: int) -> dict[int, Answer]:
    """The wrong answers in an exam at a moment by question, in the exam's order."""
    return _mistakes(known, at, exam, _states(known, at))


def training_rows_at(known: Provenance, at: Moment, exam: int) -> list[TrainingRow]:
    """The training set on an exam's mistakes at a moment. Raises BadInput where it was empty."""
    states = _states(known, at)
    mistakes = _mistakes(known, at, exam, states)
    position = {one.id: one.position for one in known.answers}
    place = {teacher_id: number for number, teacher_id in enumerate(at.ledger.teachers)}

    def current(author: int, prompt: str, role: str) -> bool:
        return author in place and prompt in ("", at.prompts.get(role))

    rationales = sorted(
        (
            one
            for one in known.rationales
            if one.id <= at.ledger.rationales
            and one.question_id in mistakes
            and current(one.teacher_id, one.prompt, "rationale")
        ),
        key=lambda one: (mistakes[one.question_id].position, place[one.teacher_id]),
    )
    scores: defaultdict[int, list[tuple[str, Score]]] = defaultdict(list)
    for review in sorted(known.reviews, key=lambda one: place.get(one.reviewer_id, -1)):
        if review.id <= at.ledger.reviews and current(review.reviewer_id, review.prompt, "review"):
            # What is not a number does not count, and `counted` says so.
            given = (known.teachers[review.reviewer_id], review.score)
            scores[review.rationale_id].append(given)  # type: ignore[arg-type]
    rows = rationale_rows(
        [
            _Written(
                one.id,
                one.question_id,
                known.teachers[one.teacher_id],
                one.correct,
                one.finish,
                one.teacher_id in known.mentors,
            )
            for one in rationales
        ],
        scores,
    )
    question_of = {one.id: one.question_id for one in known.answers if one.exam_id == exam}
    feedback = sorted(
        (
            one
            for one in known.feedback
            if one.id <= at.ledger.feedback
            and one.answer_id in question_of
            and current(one.teacher_id, one.prompt, "feedback")
            and one.finish == COMPLETE
            and one.text
        ),
        key=lambda one: (position[one.answer_id], place[one.teacher_id]),
    )
    chosen: dict[str, Any] = {
        "rationales": rows,
        "texts": {one.id: one.text or "" for one in rationales},
        "rule": at.rule,
        "feedback": [
            FeedbackRow(question_of[one.answer_id], known.teachers[one.teacher_id], one.text)
            for one in feedback
        ],
        "states": states if at.by_persons else {},
        "selection": at.selection,
    }
    return training_set(**chosen) if at.drawn is None else random_set(**chosen, seed=at.drawn)


def _states(known: Provenance, at: Moment) -> dict[Key, State]:
    return fold(one for one in known.decisions if one.id <= at.ledger.decisions)


def _mistakes(
    known: Provenance, at: Moment, exam: int, states: Mapping[Key, State]
) -> dict[int, Answer]:
    own = [
        one
        for one in known.answers
        if one.exam_id == exam and (one.answered_at or 0) <= at.ledger.answered_at
    ]
    return {
        one.question_id: one
        for one in sorted(own, key=lambda one: one.position)
        if not _is_right(one, states.get(("answer", one.id)))
    }


def _is_right(answer: Answer, state: State | None) -> bool:
    if state is None or state.correct is None:
        return answer.rule_correct
    return state.correct
