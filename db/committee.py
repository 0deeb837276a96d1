"""Teachers of a project and what they wrote: rationales, feedback and reviews.

The project's mentor (`db.mentors`) writes rationales too, but is none of the committee.
"""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.exams import FILTERS
from db.questions import list_as_json
from db.store import fetch, fetch_one, insert, scalar, update, writing


@dataclass(frozen=True)
class TeacherRow:
    """One row of `teachers`. `simulated`: rule-based, which every screen says."""

    id: int
    project_id: int
    name: str
    origin: str
    simulated: bool
    spec: dict[str, Any]
    spec_hash: str
    position: int
    active: bool


@dataclass(frozen=True)
class RationaleRow:
    """One rationale with its author. `correct` is the answer check against the gold answer.

    `sample` says which of its author's it is on the question, from 0; a teacher has one alone.
    """

    id: int
    question_id: int
    teacher_id: int
    teacher: str
    text: str | None
    finish: str
    prediction: str | None
    correct: bool | None
    sample: int


@dataclass(frozen=True)
class FeedbackRow:
    """One teacher's feedback on one wrong answer."""

    id: int
    answer_id: int
    question_id: int
    teacher_id: int
    teacher: str
    text: str | None
    finish: str


@dataclass(frozen=True)
class ReviewRow:
    """One peer review. `score` is as read: None when unreadable, and it may lie outside 1..5."""

    id: int
    rationale_id: int
    reviewer_id: int
    reviewer: str
    text: str | None
    score: Any


AUTHORS = "t.origin = 'mentor', t.position"
"""The order of the authors of rationales: the committee's own, and the mentor behind it."""


def set_committee(
    store: Database,
    project_id: int,
    members: list[dict[str, Any]],
    *,
    keep_imported: bool = False,
) -> None:
    """Make `members` (name, spec, spec_hash, origin, simulated) the active committee, in order.

    A member that stood there with the same hash keeps its row and all that it wrote; one that
    changed gets a new row; others become inactive. `keep_imported`: teachers out of files stay,
    before the members, unless a member has their name. The mentor is not touched.
    """
    names = {member["name"] for member in members}
    stay = [
        row.id
        for row in teachers(store, project_id)
        if keep_imported and row.origin == "imported" and row.name not in names
    ]
    with writing(store):
        store.execute(
            "UPDATE teachers SET active = 0 WHERE project_id = ? AND origin != 'mentor'",
            [project_id],
        )
        for position, teacher_id in enumerate(stay):
            update(store, "teachers", teacher_id, {"active": 1, "position": position})
        for position, member in enumerate(members, len(stay)):
            known = scalar(
                store,
                """SELECT id FROM teachers WHERE project_id = ? AND name = ? AND spec_hash = ?
                   AND origin != 'mentor'""",
                [project_id, member["name"], member["spec_hash"]],
            )
            if known is None:
                insert(
                    store,
                    "teachers",
                    {**member, "project_id": project_id, "position": position},
                )
            else:
                # What does not change its answers (limits, prices) may have changed.
                changed = {"active": 1, "position": position, "spec": member["spec"]}
                update(store, "teachers", known, changed)


def teachers(store: Database, project_id: int) -> list[TeacherRow]:
    """The active committee in its order."""
    return fetch(
        store,
        TeacherRow,
        """SELECT * FROM teachers WHERE project_id = ? AND active = 1 AND origin != 'mentor'
           ORDER BY position, id""",
        [project_id],
    )


def teacher(store: Database, teacher_id: int) -> TeacherRow:
    """One teacher, active or not; KeyError when there is none."""
    found = fetch_one(store, TeacherRow, "SELECT * FROM teachers WHERE id = ?", [teacher_id])
    if found is None:
        raise KeyError(teacher_id)
    return found


def rationales(
    store: Database,
    project_id: int,
    question_ids: list[int] | None = None,
    *,
    with_mentor: bool = False,
) -> list[RationaleRow]:
    """Rationales of the active committee, by question and committee order; the mentor's behind."""
    only = "" if question_ids is None else "AND r.question_id IN (SELECT value FROM json_each(?))"
    whose = "" if with_mentor else "AND t.origin != 'mentor'"
    return fetch(
        store,
        RationaleRow,
        f"""SELECT r.id, r.question_id, r.teacher_id, t.name AS teacher, r.text, r.finish,
                   r.prediction, r.correct, r.sample
            FROM teachers t JOIN rationales r ON r.teacher_id = t.id
            WHERE t.project_id = ? AND t.active = 1 AND r.current {only} {whose}
            ORDER BY r.question_id, {AUTHORS}, r.sample""",
        [project_id, *([] if question_ids is None else [list_as_json(question_ids)])],
    )


def rationale(store: Database, rationale_id: int) -> RationaleRow | None:
    """One rationale, or None."""
    return fetch_one(
        store,
        RationaleRow,
        """SELECT r.id, r.question_id, r.teacher_id, t.name AS teacher, r.text, r.finish,
                  r.prediction, r.correct, r.sample
           FROM rationales r JOIN teachers t ON t.id = r.teacher_id WHERE r.id = ?""",
        [rationale_id],
    )


def feedback(
    store: Database, exam_id: int, question_ids: list[int] | None = None
) -> list[FeedbackRow]:
    """Feedback of the active committee on the answers of one exam."""
    only = "" if question_ids is None else "AND a.question_id IN (SELECT value FROM json_each(?))"
    return fetch(
        store,
        FeedbackRow,
        f"""SELECT f.id, f.answer_id, a.question_id, f.teacher_id, t.name AS teacher, f.text,
                   f.finish
            FROM answers a JOIN feedback f ON f.answer_id = a.id
                 JOIN teachers t ON t.id = f.teacher_id
            WHERE a.exam_id = ? AND t.active = 1 AND f.current {only}
            ORDER BY a.position, t.position""",
        [exam_id, *([] if question_ids is None else [list_as_json(question_ids)])],
    )


def reviews(
    store: Database, project_id: int, question_ids: list[int] | None = None
) -> list[ReviewRow]:
    """Reviews by active teachers of active authors' rationales, by rationale and reviewer."""
    only = "" if question_ids is None else "AND r.question_id IN (SELECT value FROM json_each(?))"
    return fetch(
        store,
        ReviewRow,
        f"""SELECT v.id, v.rationale_id, v.reviewer_id, p.name AS reviewer, v.text, v.score
            FROM teachers t JOIN rationales r ON r.teacher_id = t.id
                 JOIN reviews v ON v.rationale_id = r.id
                 JOIN teachers p ON p.id = v.reviewer_id
            WHERE t.project_id = ? AND t.active = 1 AND p.active = 1
                  AND r.current AND v.current {only}
            ORDER BY v.rationale_id, p.position""",
        [project_id, *([] if question_ids is None else [list_as_json(question_ids)])],
    )


def written_by(
    store: Database, teacher_id: int, question_id: int, answer_id: int
) -> tuple[RationaleRow | None, bool]:
    """A teacher's present rationale for a question, and whether it gave feedback on an answer."""
    rationale_id = scalar(
        store,
        "SELECT id FROM rationales WHERE question_id = ? AND teacher_id = ? AND current",
        [question_id, teacher_id],
    )
    has_feedback = scalar(
        store,
        "SELECT 1 FROM feedback WHERE answer_id = ? AND teacher_id = ? AND current",
        [answer_id, teacher_id],
    )
    return rationale_id and rationale(store, rationale_id), bool(has_feedback)


def reviewers_of(store: Database, rationale_id: int) -> set[int]:
    """The ids of the teachers whose present reviews of a rationale are there."""
    cursor = store.execute(
        "SELECT reviewer_id FROM reviews WHERE rationale_id = ? AND current", [rationale_id]
    )
    return {int(reviewer) for (reviewer,) in cursor}


def add_rationale(store: Database, values: dict[str, Any]) -> int:
    """Write a rationale (question_id, teacher_id, call_id, text, finish, prediction, correct,
    prompt)."""
    return insert(store, "rationales", values)


def add_feedback(store: Database, values: dict[str, Any]) -> int:
    """Write feedback (answer_id, teacher_id, call_id, text, finish,
    prompt)."""
    return insert(store, "feedback", values)


def add_review(store: Database, values: dict[str, Any]) -> int:
    """Write a review (rationale_id, reviewer_id, call_id, text, score,
    prompt)."""
    return insert(store, "reviews", values)


def counts(store: Database, project_id: int, exam_id: int) -> dict[str, int]:
    """How many rationales, feedback and reviews the active committee has written.

    Its reviews of the mentor's rationales are counted too.
    """
    return {
        "rationales": scalar(
            store,
            """SELECT count(*) FROM teachers t JOIN rationales r ON r.teacher_id = t.id
               WHERE t.project_id = ? AND t.active = 1 AND t.origin != 'mentor' AND r.current""",
            [project_id],
        ),
        "feedback": scalar(
            store,
            """SELECT count(*) FROM answers a JOIN feedback f ON f.answer_id = a.id
                      JOIN teachers t ON t.id = f.teacher_id
               WHERE a.exam_id = ? AND t.active = 1 AND f.current""",
            [exam_id],
        ),
        "reviews": scalar(
            store,
            """SELECT count(*) FROM teachers t JOIN rationales r ON r.teacher_id = t.id
                      JOIN reviews v ON v.rationale_id = r.id
                      JOIN teachers p ON p.id = v.reviewer_id
               WHERE t.project_id = ? AND t.active = 1 AND p.active = 1
                     AND r.current AND v.current""",
            [project_id],
        ),
    }


@dataclass(frozen=True)
class Missing:
    """How many calls a teacher that can be asked has still to answer about an exam's mistakes."""

    teacher_id: int
    rationales: int
    feedback: int
    reviews: int

    @property
    def calls(self) -> int:
        """All of them."""
        return self.rationales + self.feedback + self.reviews


def missing(
    store: Database, project_id: int, exam_id: int, *, review_mentor: bool = False
) -> list[Missing]:
    """What is missing by teacher, in committee order.

    A rationale that is not written yet will be reviewed; one that was cut off, blocked or left
    empty will not. The mentor's are to be reviewed with `review_mentor` alone.
    """
    return fetch(
        store,
        Missing,
        f"""
        WITH mistakes AS (SELECT a.id, a.question_id FROM answers a
                          WHERE a.exam_id = :exam AND {FILTERS["wrong"]}),
             asked AS (SELECT id, position FROM teachers
                       WHERE project_id = :project AND active AND origin = 'committee'),
             written AS (SELECT r.id, r.teacher_id, r.finish FROM rationales r
                         JOIN mistakes m ON m.question_id = r.question_id
                         JOIN asked t ON t.id = r.teacher_id WHERE r.current),
             augmented AS (SELECT r.id FROM rationales r
                           JOIN mistakes m ON m.question_id = r.question_id
                           JOIN teachers t ON t.id = r.teacher_id
                           WHERE :mentor AND t.project_id = :project AND t.active
                                 AND t.origin = 'mentor' AND r.current AND r.finish = 'complete')
        SELECT t.id AS teacher_id,
               (SELECT count(*) FROM mistakes)
                   - (SELECT count(*) FROM written w WHERE w.teacher_id = t.id) AS rationales,
               (SELECT count(*) FROM mistakes)
                   - (SELECT count(*) FROM feedback f JOIN mistakes m ON m.id = f.answer_id
                      WHERE f.teacher_id = t.id AND f.current) AS feedback,
               (SELECT count(*) FROM mistakes) * (SELECT count(*) - 1 FROM asked)
                   - (SELECT count(*) FROM written w
                      WHERE w.teacher_id != t.id AND w.finish != 'complete')
                   - (SELECT count(*) FROM reviews v JOIN written w ON w.id = v.rationale_id
                      WHERE v.reviewer_id = t.id AND v.current AND w.finish = 'complete')
                   + (SELECT count(*) FROM augmented)
                   - (SELECT count(*) FROM reviews v JOIN augmented w ON w.id = v.rationale_id
                      WHERE v.reviewer_id = t.id AND v.current) AS reviews
        FROM asked t ORDER BY t.position
        """,
        {"exam": exam_id, "project": project_id, "mentor": review_mentor},
    )


def templates(store: Database, project_id: int) -> dict[str, str]:
    """The project's own prompt templates by role; a role without one has its default."""
    return dict(
        store.execute(
            "SELECT role, template FROM prompts WHERE project_id = ? AND active", [project_id]
        ).fetchall()
    )


def set_template(
    store: Database, project_id: int, role: str, template: str | None, template_hash: str
) -> None:
    """Make a template the one that a role is asked with; None is the default, of that hash.

    What was asked with another template stays, and is not current; what was asked with this one
    before is current again. Texts from files (without a prompt) stay current.
    """
    with writing(store):
        store.execute(
            "UPDATE prompts SET active = 0 WHERE project_id = ? AND role = ?", [project_id, role]
        )
        if template is not None:
            store.execute(
                """INSERT INTO prompts (project_id, role, template, hash) VALUES (?, ?, ?, ?)
                   ON CONFLICT (project_id, role, hash) DO UPDATE SET active = 1""",
                [project_id, role, template, template_hash],
            )
        table, author = {
            "rationale": ("rationales", "teacher_id"),
            "feedback": ("feedback", "teacher_id"),
            "review": ("reviews", "reviewer_id"),
        }[role]
        store.execute(
            f"""UPDATE {table} SET current = (prompt = ?)
                WHERE prompt != ''
                      AND {author} IN (SELECT id FROM teachers WHERE project_id = ?)""",
            [template_hash, project_id],
        )
