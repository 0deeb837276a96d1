"""What training sets are made from, whole: also what is not current any more, as it once was.

Rows of these tables are only ever added, so a row's id says whether it was there at a moment whose
last ids are known (`extent`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.questions import list_as_json
from db.store import fetch, fetch_one


@dataclass(frozen=True)
class Extent:
    """The last ids of what the teachers of a project have written; 0 where there is nothing.

    `answered_at` is the time of the last answer in its exams: an exam may go on, and grow.
    """

    rationales: int
    feedback: int
    reviews: int
    answered_at: float


@dataclass(frozen=True)
class TeacherRow:
    """One teacher of a project, active or not."""

    id: int
    name: str
    origin: str
    simulated: bool
    active: bool
    position: int
    spec: dict[str, Any]


@dataclass(frozen=True)
class AnswerRow:
    """An exam's answer by its id. `rule_correct` is the grade that no person has touched."""

    id: int
    exam_id: int
    question_id: int
    position: int
    text: str
    prediction: Any
    rule: str | None
    rule_correct: bool
    truncated: bool | None
    answered_at: float | None


@dataclass(frozen=True)
class RationaleRow:
    """A rationale; `prompt` is the hash of the template it was asked with ('': from a file)."""

    id: int
    question_id: int
    teacher_id: int
    prompt: str
    finish: str
    correct: bool | None
    text: str | None


@dataclass(frozen=True)
class FeedbackRow:
    """A teacher's feedback on an answer; `prompt` as in `RationaleRow`."""

    id: int
    answer_id: int
    teacher_id: int
    prompt: str
    finish: str
    text: str | None


@dataclass(frozen=True)
class ReviewRow:
    """A review of a rationale, its score as read; `prompt` as in `RationaleRow`."""

    id: int
    rationale_id: int
    reviewer_id: int
    prompt: str
    score: Any
    text: str | None


def extent(store: Database, project_id: int) -> Extent:
    """How far the work of a project's teachers goes now."""
    found = fetch_one(
        store,
        Extent,
        """SELECT (SELECT coalesce(max(w.id), 0) FROM rationales w JOIN teachers t
                   ON t.id = w.teacher_id WHERE t.project_id = :project) AS rationales,
                  (SELECT coalesce(max(w.id), 0) FROM feedback w JOIN teachers t
                   ON t.id = w.teacher_id WHERE t.project_id = :project) AS feedback,
                  (SELECT coalesce(max(w.id), 0) FROM reviews w JOIN teachers t
                   ON t.id = w.reviewer_id WHERE t.project_id = :project) AS reviews,
                  (SELECT coalesce(max(a.answered_at), 0.0) FROM answers a JOIN exams e
                   ON e.id = a.exam_id
                   WHERE e.project_id = :project AND e.purpose = 'exam') AS answered_at""",
        {"project": project_id},
    )
    assert found is not None
    return found


def teachers(store: Database, project_id: int) -> list[TeacherRow]:
    """All teachers that a project ever had, by id."""
    return fetch(
        store,
        TeacherRow,
        """SELECT id, name, origin, simulated, active, position, spec FROM teachers
           WHERE project_id = ? ORDER BY id""",
        [project_id],
    )


def exam_ids(store: Database, project_id: int, asked: Iterable[int]) -> list[int]:
    """Those of the asked ids that are exams of a project."""
    cursor = store.execute(
        """SELECT id FROM exams WHERE project_id = ? AND id IN (SELECT value FROM json_each(?))
           ORDER BY id""",
        [project_id, list_as_json(asked)],
    )
    return [int(exam_id) for (exam_id,) in cursor]


def answers(store: Database, exams: Iterable[int]) -> list[AnswerRow]:
    """All answers of some exams, in their order."""
    return fetch(
        store,
        AnswerRow,
        """SELECT id, exam_id, question_id, position, text, prediction, rule,
                  coalesce(rule_correct, correct) AS rule_correct, truncated, answered_at
           FROM answers WHERE text IS NOT NULL AND exam_id IN (SELECT value FROM json_each(?))
           ORDER BY exam_id, position""",
        [list_as_json(exams)],
    )


def rationales(store: Database, project_id: int, exams: Iterable[int]) -> list[RationaleRow]:
    """All rationales that a project's teachers ever wrote on the questions of some exams, by id."""
    return fetch(
        store,
        RationaleRow,
        """SELECT w.id, w.question_id, w.teacher_id, w.prompt, w.finish, w.correct, w.text
           FROM rationales w JOIN teachers t ON t.id = w.teacher_id
           WHERE t.project_id = ? AND w.question_id IN (SELECT question_id FROM answers
                 WHERE exam_id IN (SELECT value FROM json_each(?))) ORDER BY w.id""",
        [project_id, list_as_json(exams)],
    )


def feedback(store: Database, exams: Iterable[int]) -> list[FeedbackRow]:
    """All feedback that was ever given on the answers of some exams, by id."""
    return fetch(
        store,
        FeedbackRow,
        """SELECT w.id, w.answer_id, w.teacher_id, w.prompt, w.finish, w.text
           FROM feedback w JOIN answers a ON a.id = w.answer_id
           WHERE a.exam_id IN (SELECT value FROM json_each(?)) ORDER BY w.id""",
        [list_as_json(exams)],
    )


def reviews(store: Database, rationale_ids: Iterable[int]) -> list[ReviewRow]:
    """All reviews that were ever given of some rationales, by id."""
    return fetch(
        store,
        ReviewRow,
        """SELECT id, rationale_id, reviewer_id, prompt, score, text FROM reviews
           WHERE rationale_id IN (SELECT value FROM json_each(?)) ORDER BY id""",
        [list_as_json(rationale_ids)],
    )
