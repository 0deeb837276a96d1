"""Jobs: one row each, with progress, metrics and log lines as rows of their own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.store import (
    encoded,
    fetch,
    fetch_one,
    insert,
    insert_or_ignore,
    now,
    scalar,
    update,
    writing,
)

ENDED = ("succeeded", "failed", "cancelled", "interrupted")
RESUMABLE = ("failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class Job:
    """One row of `jobs`. Progress is `done` of `total`; `eta_s` in seconds from the last step.

    `place` is set once a person moved the job among those that wait. A job that is a part of
    another one has that one's id as `parent_id`, and `child_key`, its name there. `stop_requested`:
    the server asked it to stop; this stands until it is queued again. `given_up`: nobody will go on
    with it.
    """

    id: int
    project_id: int | None
    owner: str
    kind: str
    params: dict[str, Any]
    state: str
    stage: str
    done: int
    total: int
    eta_s: float | None
    attempt: int
    cancel_requested: bool
    host: str | None
    pid: int | None
    process_started_at: float | None
    heartbeat_at: float | None
    result: dict[str, Any] | None
    error: str | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    place: float | None
    parent_id: int | None
    child_key: str | None
    stop_requested: bool = False
    given_up: bool = False

    @property
    def resumable(self) -> bool:
        """Whether it ended before it was done, and may be gone on with."""
        return self.state in RESUMABLE and not self.given_up


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log."""

    at: float
    line: str


def add(
    store: Database, kind: str, params: dict[str, Any], project_id: int | None, owner: str = ""
) -> int:
    """Queue a job; return its id. `owner`: whose keys it may use."""
    return insert(
        store,
        "jobs",
        {
            "project_id": project_id,
            "owner": owner,
            "kind": kind,
            "params": params,
            "state": "queued",
            "created_at": now(),
        },
    )


def add_child(store: Database, parent: Job, key: str, kind: str, params: dict[str, Any]) -> int:
    """Make a job that is a part of another, which alone starts it; return its id.

    The key must be new to the parent (sqlite3.IntegrityError).
    """
    values = {"kind": kind, "params": params, "state": "queued", "created_at": now()}
    whose = {"project_id": parent.project_id, "owner": parent.owner}
    return insert(store, "jobs", {**values, **whose, "parent_id": parent.id, "child_key": key})


def child(store: Database, parent_id: int, key: str) -> Job | None:
    """The part of a job that has this key there, or None."""
    return fetch_one(
        store, Job, "SELECT * FROM jobs WHERE parent_id = ? AND child_key = ?", [parent_id, key]
    )


def children(store: Database, parent_id: int) -> list[Job]:
    """The jobs that are parts of another, the oldest first."""
    return fetch(store, Job, "SELECT * FROM jobs WHERE parent_id = ? ORDER BY id", [parent_id])


def get(store: Database, job_id: int) -> Job | None:
    """The job with this id, or None."""
    return fetch_one(store, Job, "SELECT * FROM jobs WHERE id = ?", [job_id])


def listed(store: Database, project_id: int | None = None, limit: int = 100) -> list[Job]:
    """Jobs, the newest first, of one project or of all."""
    where = "" if project_id is None else "WHERE project_id = ?"
    return fetch(
        store,
        Job,
        f"SELECT * FROM jobs {where} ORDER BY id DESC LIMIT ?",
        [*([] if project_id is None else [project_id]), limit],
    )


def of_kind(store: Database, project_id: int, kind: str) -> list[Job]:
    """A project's jobs of one kind, the newest first."""
    return fetch(
        store,
        Job,
        "SELECT * FROM jobs WHERE project_id = ? AND kind = ? ORDER BY id DESC",
        [project_id, kind],
    )


def latest(store: Database, project_id: int, kind: str) -> Job | None:
    """A project's job of one kind that is at work, else its newest, or None."""
    return fetch_one(
        store,
        Job,
        """SELECT * FROM jobs WHERE project_id = ? AND kind = ?
           ORDER BY state = 'running' DESC, id DESC LIMIT 1""",
        [project_id, kind],
    )


def of_kind_anywhere(store: Database, kind: str) -> Job | None:
    """The newest job of one kind, of whatever project or of none; None where there is none."""
    sql = "SELECT * FROM jobs WHERE kind = ? ORDER BY id DESC LIMIT 1"
    return fetch_one(store, Job, sql, [kind])


def in_state(store: Database, *states: str) -> list[Job]:
    """Jobs in any of these states, the oldest first."""
    marks = ", ".join("?" * len(states))
    return fetch(store, Job, f"SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY id", states)


def waiting(store: Database) -> list[Job]:
    """Queued jobs in the order in which they are to start; parts are started by their parents."""
    return fetch(
        store,
        Job,
        """SELECT * FROM jobs WHERE state = 'queued' AND parent_id IS NULL
           ORDER BY coalesce(place, id), id""",
    )


def swap(store: Database, first: int, second: int) -> None:
    """Let two queued jobs change places."""
    with writing(store):
        places = dict(
            store.execute(
                "SELECT id, coalesce(place, id) FROM jobs WHERE id IN (?, ?)", [first, second]
            )
        )
        update(store, "jobs", first, {"place": places[second]})
        update(store, "jobs", second, {"place": places[first]})


def claim(store: Database, job_id: int, *, host: str, pid: int, process_started_at: float) -> bool:
    """Take a queued job for this process; False when another was faster or it is not queued."""
    cursor = store.execute(
        """UPDATE jobs SET state = 'running', attempt = attempt + 1, host = ?, pid = ?,
                  process_started_at = ?, heartbeat_at = ?, started_at = ?, finished_at = NULL,
                  error = NULL, result = NULL, eta_s = NULL, stage = 'starting'
           WHERE id = ? AND state = 'queued'""",
        [host, pid, process_started_at, now(), now(), job_id],
    )
    return cursor.rowcount == 1


def heartbeat(store: Database, job_id: int) -> None:
    """Say that the job's process is alive."""
    update(store, "jobs", job_id, {"heartbeat_at": now()})


def report(
    store: Database, job_id: int, *, stage: str, done: int, total: int, eta_s: float | None
) -> None:
    """Write the progress of a running job."""
    update(
        store,
        "jobs",
        job_id,
        {"stage": stage, "done": done, "total": total, "eta_s": eta_s, "heartbeat_at": now()},
    )


def end(
    store: Database,
    job_id: int,
    state: str,
    *,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """End a running or queued job and give back its lease; False when it had ended already."""
    with writing(store):
        cursor = store.execute(
            """UPDATE jobs SET state = ?, result = ?, error = ?, eta_s = NULL, finished_at = ?
               WHERE id = ? AND state IN ('queued', 'running')""",
            [*encoded([state, result, error]), now(), job_id],
        )
        store.execute("DELETE FROM leases WHERE job_id = ?", [job_id])
    return cursor.rowcount == 1


def request_cancel(store: Database, job_id: int) -> None:
    """Ask a running job to stop at its next safe point."""
    update(store, "jobs", job_id, {"cancel_requested": 1})


def cancel_requested(store: Database, job_id: int) -> bool:
    """Whether a person asked this job to stop."""
    return bool(scalar(store, "SELECT cancel_requested FROM jobs WHERE id = ?", [job_id]))


def request_stop(store: Database, job_id: int) -> None:
    """Ask a running job to stop at its next safe point, to be gone on with: the server ends."""
    update(store, "jobs", job_id, {"stop_requested": 1})


def stop_requested(store: Database, job_id: int) -> bool:
    """Whether the server asked this job to stop."""
    return bool(scalar(store, "SELECT stop_requested FROM jobs WHERE id = ?", [job_id]))


def must_stop(store: Database, job_id: int) -> bool:
    """Whether a person or the server asked this job to stop."""
    asked = "SELECT cancel_requested OR stop_requested FROM jobs WHERE id = ?"
    return bool(scalar(store, asked, [job_id]))


def requeue(store: Database, job_id: int, owner: str = "") -> bool:
    """Queue an ended, unsuccessful job again for an owner; False when it is not one."""
    cursor = store.execute(
        """UPDATE jobs SET state = 'queued', cancel_requested = 0, stop_requested = 0, error = NULL,
                  pid = NULL, stage = '', eta_s = NULL, finished_at = NULL, place = NULL, owner = ?
           WHERE id = ? AND state IN ('failed', 'cancelled', 'interrupted') AND NOT given_up""",
        [owner, job_id],
    )
    return cursor.rowcount == 1


def give_up(store: Database, job_id: int) -> None:
    """Mark an ended, unsuccessful job and its parts as ones that nobody will go on with."""
    store.execute(
        """UPDATE jobs SET given_up = 1 WHERE :job IN (id, parent_id)
           AND state IN ('failed', 'cancelled', 'interrupted')""",
        {"job": job_id},
    )


def take_lease(store: Database, device: str, job_id: int) -> bool:
    """Take the device for a job; True when the job holds it now."""
    insert_or_ignore(store, "leases", {"device": device, "job_id": job_id})
    return lease_holder(store, device) == job_id


def give_lease_back(store: Database, job_id: int) -> None:
    """Give back whatever device the job holds."""
    store.execute("DELETE FROM leases WHERE job_id = ?", [job_id])


def lease_holder(store: Database, device: str) -> int | None:
    """The job that holds a device, or None."""
    holder = scalar(store, "SELECT job_id FROM leases WHERE device = ?", [device])
    return None if holder is None else int(holder)


def add_metrics(store: Database, job_id: int, step: int, values: dict[str, float]) -> None:
    """Write the metrics of one step; a step that is repeated after a resume is replaced."""
    with writing(store):
        store.conn.executemany(
            "INSERT OR REPLACE INTO job_metrics (job_id, step, name, value) VALUES (?, ?, ?, ?)",
            [(job_id, step, name, value) for name, value in values.items()],
        )


def metrics(
    store: Database, job_id: int, names: Iterable[str]
) -> dict[str, list[tuple[int, float]]]:
    """Metrics by name as (step, value) in the order of steps."""
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    cursor = store.execute(
        "SELECT name, step, value FROM job_metrics WHERE job_id = ? ORDER BY step", [job_id]
    )
    for name, step, value in cursor:
        if name in found:
            found[name].append((step, value))
    return found


def latest_mean(store: Database, kind: str, metric: str) -> float | None:
    """The mean of a metric over the newest job of a kind that has it, None when none has."""
    mean = scalar(
        store,
        """SELECT avg(value) FROM job_metrics WHERE name = :metric AND job_id =
           (SELECT max(m.job_id) FROM job_metrics m JOIN jobs j ON j.id = m.job_id
            WHERE m.name = :metric AND j.kind = :kind)""",
        {"kind": kind, "metric": metric},
    )
    return None if mean is None else float(mean)


def measured(store: Database, kind: str, metric: str, student: str, limit: int) -> list[Job]:
    """A student's newest jobs of a kind that have a metric, the newest first."""
    return fetch(
        store,
        Job,
        """SELECT * FROM jobs j WHERE kind = ? AND params ->> 'student' = ?
                  AND EXISTS (SELECT 1 FROM job_metrics WHERE job_id = j.id AND name = ?)
           ORDER BY id DESC LIMIT ?""",
        [kind, student, metric, limit],
    )


def latest_succeeded(store: Database, kind: str, student: str) -> Job | None:
    """The newest job of a kind that did its work for a student, or None."""
    return fetch_one(
        store,
        Job,
        """SELECT * FROM jobs WHERE kind = ? AND state = 'succeeded' AND params ->> 'student' = ?
           ORDER BY id DESC LIMIT 1""",
        [kind, student],
    )


def add_log(store: Database, job_id: int, line: str) -> None:
    """Add a line to a job's log."""
    insert(store, "job_logs", {"job_id": job_id, "at": now(), "line": line})


def log_tail(store: Database, job_id: int, limit: int = 50) -> list[LogLine]:
    """The last lines of a job's log, the oldest first."""
    lines = fetch(
        store,
        LogLine,
        "SELECT at, line FROM job_logs WHERE job_id = ? ORDER BY id DESC LIMIT ?",
        [job_id, limit],
    )
    return lines[::-1]
