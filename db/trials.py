"""Trials: questions that a person puts to one or two students, and the answers as they grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.questions import list_as_json
from db.store import encoded, fetch, fetch_one, insert, now, scalar, update, writing


@dataclass(frozen=True)
class Trial:
    """One answer to one question. `asking` is the same for all answers to a question.

    `seconds` are those that the student took for what it wrote so far. `prediction` to `correct`
    are the grade of a test question, None for a question of one's own. `gold_answer` and
    `gold_text` are the test question's.
    """

    id: int
    project_id: int
    asking: int
    job_id: int
    student: str
    server: str | None
    question: str
    question_id: int | None
    settings: dict[str, Any]
    state: str
    stop_requested: bool
    text: str
    tokens: int
    seconds: float
    truncated: bool
    error: str
    prediction: str | None
    span_start: int | None
    span_end: int | None
    rule: str | None
    correct: bool | None
    asked_at: float
    ended_at: float | None
    gold_answer: str | None
    gold_text: str | None

    @property
    def under_way(self) -> bool:
        """Whether its answer waits to be written, or is being written."""
        return self.ended_at is None


TRIALS = """
    SELECT t.*, q.gold_answer, q.gold_text FROM trials t
    LEFT JOIN questions q ON q.id = t.question_id
"""


def add(store: Database, rows: Sequence[dict[str, Any]]) -> int:
    """Write the rows of one question, one a student, that wait for their answers.

    Return the id of the asking.
    """
    with writing(store):
        moment = now()
        ids = [insert(store, "trials", {**row, "asked_at": moment}) for row in rows]
        for trial_id in ids:
            update(store, "trials", trial_id, {"asking": ids[0]})
    return ids[0]


def asked(store: Database, project_id: int, asking: int) -> list[Trial]:
    """The answers to one question of a project, in the order of the students."""
    return fetch(
        store,
        Trial,
        f"{TRIALS} WHERE t.project_id = ? AND t.asking = ? ORDER BY t.id",
        [project_id, asking],
    )


def newest(store: Database, project_id: int, limit: int, offset: int = 0) -> list[Trial]:
    """The answers to a project's newest questions, the newest question first."""
    return fetch(
        store,
        Trial,
        f"""{TRIALS} WHERE t.asking IN (SELECT DISTINCT asking FROM trials WHERE project_id = ?
            ORDER BY asking DESC LIMIT ? OFFSET ?) ORDER BY t.asking DESC, t.id""",
        [project_id, limit, offset],
    )


def count_askings(store: Database, project_id: int) -> int:
    """How many questions were put in a project."""
    sql = "SELECT count(DISTINCT asking) FROM trials WHERE project_id = ?"
    return int(scalar(store, sql, [project_id]))


def of_job(store: Database, job_id: int) -> list[Trial]:
    """All that a job was asked, in order."""
    return fetch(store, Trial, f"{TRIALS} WHERE t.job_id = ? ORDER BY t.id", [job_id])


def next_asked(store: Database, job_id: int) -> list[Trial]:
    """The answers under way to the oldest question that waits for a job; empty when none does."""
    return fetch(
        store,
        Trial,
        f"""{TRIALS} WHERE t.ended_at IS NULL AND t.asking =
            (SELECT min(asking) FROM trials WHERE job_id = ? AND ended_at IS NULL)
            AND t.job_id = ? ORDER BY t.id""",
        [job_id, job_id],
    )


def lost(store: Database) -> list[tuple[Trial, str]]:
    """Answers under way whose job has ended, with the state in which it ended."""
    found = fetch(
        store,
        Trial,
        f"""{TRIALS} JOIN jobs j ON j.id = t.job_id
            WHERE t.ended_at IS NULL AND j.finished_at IS NOT NULL ORDER BY t.id""",
    )
    states = dict(
        store.execute(
            "SELECT id, state FROM jobs WHERE id IN (SELECT value FROM json_each(?))",
            [list_as_json({trial.job_id for trial in found})],
        )
    )
    return [(trial, states[trial.job_id]) for trial in found]


def write(store: Database, trial_id: int, text: str, tokens: int, seconds: float) -> None:
    """Write what there is of an answer so far."""
    update(
        store,
        "trials",
        trial_id,
        {"state": "writing", "text": text, "tokens": tokens, "seconds": seconds},
    )


def end(store: Database, trial_id: int, state: str, **values: Any) -> bool:
    """End an answer: done, stopped or failed; False when it had ended already."""
    given = {**values, "state": state, "ended_at": now()}
    assignments = ", ".join(f"{column} = ?" for column in given)
    cursor = store.execute(
        f"UPDATE trials SET {assignments} WHERE id = ? AND ended_at IS NULL",
        [*encoded(given.values()), trial_id],
    )
    return cursor.rowcount == 1


def request_stop(store: Database, project_id: int, asking: int) -> None:
    """Ask that the answers to a question be written no further."""
    store.execute(
        "UPDATE trials SET stop_requested = 1 WHERE project_id = ? AND asking = ?",
        [project_id, asking],
    )


def stop_requested(store: Database, trial_id: int) -> bool:
    """Whether a person asked that this answer be written no further."""
    return bool(scalar(store, "SELECT stop_requested FROM trials WHERE id = ?", [trial_id]))


def get(store: Database, trial_id: int) -> Trial | None:
    """The answer with this id, or None."""
    return fetch_one(store, Trial, f"{TRIALS} WHERE t.id = ?", [trial_id])
