"""The mentor of a project: an author beside the committee, and all that it was asked for."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.committee import RationaleRow, TeacherRow, rationales
from db.questions import list_as_json
from db.store import fetch, fetch_one, insert, scalar, update, writing

ORIGIN = "mentor"
"""The origin of a mentor's row among the teachers."""


@dataclass(frozen=True)
class SampleRow:
    """One answer of a mentor to a question, with its text; `number` goes with its seed.

    `outcome` is None until all answers that its question was to have are there.
    """

    id: int
    question_id: int
    call_id: int
    number: int
    prediction: str | None
    correct: bool
    outcome: str | None
    text: str | None
    finish: str | None


@dataclass(frozen=True)
class Tally:
    """What a mentor was asked: questions, samples, how many were right, how many were kept.

    `most` is the largest number of samples that a question has.
    """

    questions: int
    samples: int
    right: int
    kept: int
    most: int


@dataclass(frozen=True)
class CameOf:
    """What became of answers: how many were right, and how many are of each outcome."""

    right: int
    kept: int
    wrong: int
    duplicates: int
    incomplete: int


def choose(store: Database, project_id: int, name: str, spec: dict[str, Any], key: str) -> int:
    """Make this the mentor of a project and return its id among the teachers.

    One that was the mentor before has its row again with all that it wrote; the present one's stays
    and is not active. `key` tells one mentor from another.
    """
    with writing(store):
        store.execute(
            "UPDATE teachers SET active = 0 WHERE project_id = ? AND origin = ? AND active",
            [project_id, ORIGIN],
        )
        known = scalar(
            store,
            "SELECT id FROM teachers WHERE project_id = ? AND origin = ? AND spec_hash = ?",
            [project_id, ORIGIN, key],
        )
        if known is not None:
            update(store, "teachers", known, {"active": 1, "spec": spec})
            return int(known)
        return insert(
            store,
            "teachers",
            {
                "project_id": project_id,
                "name": name,
                "origin": ORIGIN,
                "simulated": 0,
                "spec": spec,
                "spec_hash": key,
                "position": 0,
            },
        )


def of_project(store: Database, project_id: int) -> TeacherRow | None:
    """The mentor of a project, or None."""
    return fetch_one(
        store,
        TeacherRow,
        "SELECT * FROM teachers WHERE project_id = ? AND origin = ? AND active",
        [project_id, ORIGIN],
    )


def asked(store: Database, mentor_id: int, question_ids: Iterable[int]) -> set[tuple[int, str]]:
    """What a mentor has answered: the question and the call's key, of these questions."""
    cursor = store.execute(
        """SELECT s.question_id, c.key FROM mentor_samples s JOIN calls c ON c.id = s.call_id
           WHERE s.teacher_id = ? AND s.question_id IN (SELECT value FROM json_each(?))""",
        [mentor_id, list_as_json(question_ids)],
    )
    return {(int(question_id), str(key)) for question_id, key in cursor}


def add_sample(store: Database, values: dict[str, Any]) -> int:
    """Write an answer (teacher_id, question_id, call_id, number, prediction, correct)."""
    return insert(store, "mentor_samples", values)


def unsettled(store: Database, mentor_id: int, question_id: int) -> list[SampleRow]:
    """The answers to a question of which it is still to be said what becomes of them."""
    return fetch(
        store,
        SampleRow,
        """SELECT s.id, s.question_id, s.call_id, s.number, s.prediction, s.correct, s.outcome,
                  c.text, c.finish
           FROM mentor_samples s JOIN calls c ON c.id = s.call_id
           WHERE s.teacher_id = ? AND s.question_id = ? AND s.outcome IS NULL
           ORDER BY s.number, s.id""",
        [mentor_id, question_id],
    )


def settle(store: Database, sample: SampleRow, mentor_id: int, outcome: str, text: str) -> None:
    """Write what became of an answer; `kept` makes it the mentor's next rationale, with `text`."""
    kept = None
    if outcome == "kept":
        kept = insert(
            store,
            "rationales",
            {
                "question_id": sample.question_id,
                "teacher_id": mentor_id,
                "call_id": sample.call_id,
                "text": text,
                "finish": sample.finish,
                "prediction": sample.prediction,
                "correct": int(sample.correct),
                "sample": scalar(
                    store,
                    """SELECT coalesce(max(sample) + 1, 0) FROM rationales
                       WHERE question_id = ? AND teacher_id = ?""",
                    [sample.question_id, mentor_id],
                ),
            },
        )
    update(store, "mentor_samples", sample.id, {"outcome": outcome, "rationale_id": kept})


def rationales_on(store: Database, project_id: int, question_id: int) -> list[RationaleRow]:
    """The present mentor's rationales of a question, in the order in which they were kept."""
    found = rationales(store, project_id, [question_id], with_mentor=True)
    mentor = of_project(store, project_id)
    return [one for one in found if mentor is not None and one.teacher_id == mentor.id]


def texts_on(store: Database, project_id: int, question_id: int) -> list[str]:
    """What the project's present authors have written on a question."""
    cursor = store.execute(
        """SELECT r.text FROM rationales r JOIN teachers t ON t.id = r.teacher_id
           WHERE r.question_id = ? AND t.project_id = ? AND t.active AND r.current
                 AND r.text IS NOT NULL""",
        [question_id, project_id],
    )
    return [str(text) for (text,) in cursor]


def tally(store: Database, mentor_id: int) -> Tally:
    """What a mentor was asked so far."""
    found = fetch_one(
        store,
        Tally,
        """SELECT count(*) AS questions, coalesce(sum(samples), 0) AS samples,
                  coalesce(sum(right), 0) AS right, coalesce(sum(kept), 0) AS kept,
                  coalesce(max(samples), 0) AS most
           FROM (SELECT count(*) AS samples, sum(correct) AS right, sum(outcome IS 'kept') AS kept
                 FROM mentor_samples WHERE teacher_id = ? GROUP BY question_id)""",
        [mentor_id],
    )
    assert found is not None
    return found


def came_of(store: Database, mentor_id: int, keys: Iterable[str]) -> CameOf:
    """What became of a mentor's answers with these calls' keys."""
    found = fetch_one(
        store,
        CameOf,
        """SELECT coalesce(sum(s.correct), 0) AS right,
                  coalesce(sum(s.outcome IS 'kept'), 0) AS kept,
                  coalesce(sum(s.outcome IS 'wrong'), 0) AS wrong,
                  coalesce(sum(s.outcome IS 'duplicate'), 0) AS duplicates,
                  coalesce(sum(s.outcome IS 'incomplete'), 0) AS incomplete
           FROM mentor_samples s JOIN calls c ON c.id = s.call_id
           WHERE s.teacher_id = ? AND c.key IN (SELECT value FROM json_each(?))""",
        [mentor_id, json.dumps(sorted(keys))],
    )
    assert found is not None
    return found


def written(store: Database, mentor_id: int, exam_id: int) -> int:
    """How many rationales a mentor has on the mistakes of an exam."""
    return int(
        scalar(
            store,
            """SELECT count(*) FROM rationales r
               JOIN answers a ON a.question_id = r.question_id AND a.exam_id = ?
               WHERE r.teacher_id = ? AND r.current AND a.correct = 0""",
            [exam_id, mentor_id],
        )
    )
