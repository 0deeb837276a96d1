"""What was written on an exam's mistakes, each text with the call that it came from."""

from dataclasses import dataclass

from sqlite_utils import Database

from db.exams import FILTERS
from db.store import fetch


@dataclass(frozen=True)
class AuthoredRow:
    """A rationale as its author wrote it. `provider`, `model` and `reply`, its text, are the
    call's."""

    author: str
    question_id: int
    call_id: int
    text: str | None
    prediction: str | None
    correct: bool | None
    provider: str
    model: str
    reply: str | None


def by_teachers(store: Database, project_id: int, exam_id: int) -> list[AuthoredRow]:
    """The committee's complete rationales, by teacher and in the order of the exam."""
    return fetch(
        store,
        AuthoredRow,
        f"""SELECT t.name AS author, r.question_id, r.call_id, r.text, r.prediction, r.correct,
                   c.provider, c.model, c.text AS reply
            FROM teachers t JOIN rationales r ON r.teacher_id = t.id
                 JOIN calls c ON c.id = r.call_id
                 JOIN answers a ON a.question_id = r.question_id AND a.exam_id = ?
            WHERE t.project_id = ? AND t.active AND t.origin != 'mentor'
                  AND r.current AND r.finish = 'complete' AND {FILTERS["wrong"]}
            ORDER BY t.position, t.id, a.position""",
        [exam_id, project_id],
    )


def by_mentor(store: Database, mentor_id: int, exam_id: int) -> list[AuthoredRow]:
    """All that a mentor answered, kept or not, in the order of the exam."""
    return fetch(
        store,
        AuthoredRow,
        f"""SELECT t.name AS author, s.question_id, s.call_id, c.text, s.prediction, s.correct,
                   c.provider, c.model, c.text AS reply
            FROM mentor_samples s JOIN teachers t ON t.id = s.teacher_id
                 JOIN calls c ON c.id = s.call_id
                 JOIN answers a ON a.question_id = s.question_id AND a.exam_id = ?
            WHERE s.teacher_id = ? AND {FILTERS["wrong"]}
            ORDER BY a.position, s.number, s.id""",
        [exam_id, mentor_id],
    )
