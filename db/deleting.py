"""Deleting a project with all its rows, and what it has left on the disk.

The ledger's calls lose who sent them, and stay: other projects may have asked the same, or will.
Those that none has asked may go too.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlite_utils import Database

from db.migrations.curation import SEARCHED
from db.questions import list_as_json
from db.store import BUSY_TIMEOUT_S, fetch, fetch_one, writing

PATIENCE_S, TRIES = 1.0, 30
"""So long, and so often, readers are waited for before the log is emptied. Writers wait along."""

_TEACHERS = "SELECT id FROM teachers WHERE project_id = :project"
_EXAMS = "SELECT id FROM exams WHERE project_id = :project"
_JOBS = "SELECT id FROM jobs WHERE project_id = :project"
OWN = {
    "mentor_samples": f"teacher_id IN ({_TEACHERS})",
    "reviews": f"reviewer_id IN ({_TEACHERS})",
    "feedback": f"teacher_id IN ({_TEACHERS})",
    "rationales": f"teacher_id IN ({_TEACHERS})",
    "samples": f"answer_id IN (SELECT id FROM answers WHERE exam_id IN ({_EXAMS}))",
    "answers": f"exam_id IN ({_EXAMS})",
    "trials": "project_id = :project",
    "sessions": "share_id IN (SELECT id FROM shares WHERE project_id = :project)",
    "shares": "project_id = :project",
    "job_metrics": f"job_id IN ({_JOBS})",
    "job_logs": f"job_id IN ({_JOBS})",
    "leases": f"job_id IN ({_JOBS})",
    "checkpoints": "project_id = :project",
    "batches": "project_id = :project",
    "prompts": "project_id = :project",
    "teachers": "project_id = :project",
    "exams": "project_id = :project",
    "questions": "project_id = :project",
    "jobs": "project_id = :project",
    "projects": "id = :project",
    "decisions": "project_id = :project",
}
"""The tables that hold what belongs to a project, each with which of its rows do, in the order in
which they go. Decisions come behind their project: before it, a trigger keeps them."""


USING = ("rationales", "feedback", "reviews", "mentor_samples")
"""Tables whose rows came from a call of the ledger."""


@dataclass(frozen=True)
class Holding:
    """What a project holds. `at_providers`: batches of calls that were not fetched yet."""

    exams: int
    evaluations: int
    answers: int
    decisions: int
    checkpoints: int
    at_providers: int


@dataclass(frozen=True)
class Removal:
    """What a project that is gone has left in a folder of its home."""

    id: int
    project: str
    area: str
    name: str


def holding(store: Database, project_id: int) -> Holding:
    """What would go with a project."""
    found = fetch_one(
        store,
        Holding,
        f"""SELECT
            (SELECT count(*) FROM exams WHERE project_id = :project AND purpose = 'exam') AS exams,
            (SELECT count(*) FROM exams WHERE project_id = :project AND purpose = 'evaluation')
                AS evaluations,
            (SELECT count(*) FROM answers WHERE exam_id IN ({_EXAMS})) AS answers,
            (SELECT count(*) FROM decisions WHERE project_id = :project) AS decisions,
            (SELECT count(*) FROM checkpoints WHERE project_id = :project) AS checkpoints,
            (SELECT count(*) FROM batches WHERE project_id = :project AND is_open) AS at_providers
        """,
        {"project": project_id},
    )
    assert found is not None
    return found


@contextmanager
def checked_at_the_end(store: Database) -> Iterator[None]:
    """A unit of work, as `writing` is, whose foreign keys are checked together at its end.

    One by one, each row that goes would have every row looked at that could name it.
    Raises sqlite3.IntegrityError, with nothing written, where one names what is not there.
    """
    assert not store.conn.in_transaction  # in a transaction the switch does nothing
    store.execute("PRAGMA foreign_keys=off")
    try:
        with writing(store):
            yield
            if broken := store.execute("PRAGMA foreign_key_check").fetchone():
                raise sqlite3.IntegrityError(f"a row of {broken[0]} names one of {broken[2]}")
    finally:
        store.execute("PRAGMA foreign_keys=on")


def delete(store: Database, project_id: int) -> None:
    """Delete a project and all its rows, within `checked_at_the_end`."""
    own = {"project": project_id}
    store.execute(f"UPDATE calls SET job_id = NULL WHERE job_id IN ({_JOBS})", own)
    store.execute(
        """UPDATE calls SET batch_id = NULL
           WHERE batch_id IN (SELECT id FROM batches WHERE project_id = :project)""",
        own,
    )
    for table, which in OWN.items():
        store.execute(f"DELETE FROM {table} WHERE {which}", own)


def calls_of(store: Database, project_id: int) -> list[int]:
    """The ledger's calls that a project has used or sent, by their ids."""
    used = " UNION ".join(f"SELECT call_id FROM {table} WHERE {OWN[table]}" for table in USING)
    cursor = store.execute(
        f"{used} UNION SELECT id FROM calls WHERE job_id IN ({_JOBS})", {"project": project_id}
    )
    return [int(call_id) for (call_id,) in cursor]


def forget_calls(store: Database, ids: Iterable[int]) -> int:
    """Take those of these calls out of the ledger that nothing uses; return how many it were."""
    used = " UNION ".join(f"SELECT call_id FROM {table}" for table in USING)
    asked = "SELECT value FROM json_each(?)"
    cursor = store.execute(
        f"DELETE FROM calls WHERE id IN ({asked}) AND id NOT IN ({used})", [list_as_json(ids)]
    )
    return cursor.rowcount


def built_on(store: Database, project_id: int, refs: Iterable[str]) -> list[str]:
    """The names of other projects that need one of these students, by their REFs.

    It is their student, the base of a checkpoint, a teacher, or named by a job that may still run.
    """
    found: set[str] = set()
    for ref in refs:
        cursor = store.execute(
            """SELECT name FROM projects WHERE id <> :project AND (
                   student = :ref
                   OR id IN (SELECT project_id FROM checkpoints WHERE base = :ref)
                   OR id IN (SELECT project_id FROM teachers
                             WHERE active AND instr(spec, :quoted))
                   OR id IN (SELECT project_id FROM jobs WHERE instr(params, :quoted)
                             AND NOT given_up AND state NOT IN ('succeeded', 'cancelled')))""",
            {"project": project_id, "ref": ref, "quoted": json.dumps(ref)},
        )
        found |= {name for (name,) in cursor}
    return sorted(found)


def checkpoint_names(store: Database) -> set[str]:
    """The names of all checkpoints."""
    return {name for (name,) in store.execute("SELECT name FROM checkpoints")}


def named_by(store: Database, words: str) -> set[int | None]:
    """The projects whose jobs were asked for something with these words in it."""
    cursor = store.execute("SELECT DISTINCT project_id FROM jobs WHERE instr(params, ?)", [words])
    return {project_id for (project_id,) in cursor}


def add_removal(store: Database, project: str, area: str, name: str) -> None:
    """Remember what is to be removed from the disk.

    Under a new id, so that who is just done with an older one of this name does not forget it.
    """
    store.execute(
        "INSERT OR REPLACE INTO removals (project, area, name) VALUES (?, ?, ?)",
        [project, area, name],
    )


def removals(store: Database) -> list[Removal]:
    """What is still to be removed from the disk."""
    return fetch(store, Removal, "SELECT * FROM removals ORDER BY id")


def forget_removals(store: Database, done: Iterable[Removal]) -> None:
    """They are removed. Their names are not left in the file."""
    store.execute("PRAGMA secure_delete=on")
    with writing(store):
        for one in done:
            store.execute("DELETE FROM removals WHERE id = ?", [one.id])
    _empty_log(store)


def wipe(store: Database) -> None:
    """Take what was deleted out of the file: out of the full-text indexes, which mark words as
    deleted and keep them, out of unused parts of its pages, and out of the log beside it.

    The file is written anew. Others read on meanwhile, and wait with what they write. Raises
    sqlite3.OperationalError when the disk has no room for it, or others keep the store busy.
    """
    for table in SEARCHED:
        with writing(store):
            store.execute(f"INSERT INTO {table}_fts ({table}_fts) VALUES ('optimize')")
    store.conn.execute("VACUUM")
    _empty_log(store)


def _empty_log(store: Database) -> None:
    """Write the log (`-wal`) into the store and cut it to nothing.

    Not while somebody reads what was before: their turn is waited for, a little at a time.
    """
    store.execute(f"PRAGMA busy_timeout={round(1000 * PATIENCE_S)}")
    try:
        for _ in range(TRIES):
            (is_busy, *_) = store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not is_busy:
                return
            time.sleep(PATIENCE_S)
    finally:
        store.execute(f"PRAGMA busy_timeout={1000 * BUSY_TIMEOUT_S}")
    raise sqlite3.OperationalError("somebody reads it all the time")
