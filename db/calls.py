"""The ledger: a teacher call is a row before it is sent, and a finished one is never sent again."""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.store import encoded, fetch, fetch_one, insert, now, scalar, update


@dataclass(frozen=True)
class Call:
    """One row of `calls`. `origin`: asked of a model, simulated by rules, or imported."""

    id: int
    key: str
    job_id: int | None
    batch_id: int | None
    teacher: str
    provider: str
    model: str
    role: str
    prompt: str
    prompt_hash: str
    state: str
    text: str | None
    finish: str | None
    origin: str
    error_kind: str | None
    error: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    attempts: int
    sent_at: float
    finished_at: float | None


def by_key(store: Database, key: str) -> Call | None:
    """The call with this key, whichever project made it, or None."""
    return fetch_one(store, Call, "SELECT * FROM calls WHERE key = ?", [key])


def send(store: Database, values: dict[str, Any]) -> int:
    """Write the row of a call about to be sent (again, if it failed or was cut off); return its id.

    `values`: key, job_id, teacher, provider, model, role, prompt, prompt_hash, origin, and
    batch_id where it is one of a batch.
    """
    values = {"batch_id": None, **values}
    columns = ", ".join(values)
    marks = ", ".join("?" * len(values))
    store.execute(
        f"""INSERT INTO calls ({columns}, state, sent_at) VALUES ({marks}, 'sent', ?)
            ON CONFLICT (key) DO UPDATE SET
                state = 'sent', sent_at = excluded.sent_at, attempts = attempts + 1,
                job_id = excluded.job_id, batch_id = excluded.batch_id, finished_at = NULL,
                error_kind = NULL, error = NULL""",
        [*encoded(values.values()), now()],
    )
    return int(store.execute("SELECT id FROM calls WHERE key = ?", [values["key"]]).fetchone()[0])


def finish(store: Database, call_id: int, values: dict[str, Any]) -> None:
    """Write what came back (text, finish, input_tokens, output_tokens, cost_usd)."""
    update(store, "calls", call_id, {**values, "state": "done", "finished_at": now()})


def fail(store: Database, call_id: int, kind: str, message: str) -> None:
    """Write why no answer came: the failure's class and its text."""
    update(
        store,
        "calls",
        call_id,
        {"state": "failed", "error_kind": kind, "error": message, "finished_at": now()},
    )


def add_imported(store: Database, values: dict[str, Any]) -> int:
    """Write a finished call that another program made (key, provider, model, role, text, …)."""
    known = by_key(store, values["key"])
    if known is not None:
        return known.id
    return insert(
        store,
        "calls",
        {
            "prompt": "",
            "prompt_hash": "",
            **values,
            "state": "done",
            "origin": "imported",
            "sent_at": now(),
            "finished_at": now(),
        },
    )


def waits_in_batch(store: Database, call: Call) -> bool:
    """Whether this call is part of a batch that its provider still has."""
    return call.state == "sent" and bool(
        scalar(store, "SELECT is_open FROM batches WHERE id = ?", [call.batch_id])
    )


def is_being_asked(store: Database, call: Call, by_other_than: int) -> bool:
    """Whether another job that runs now has sent this call and waits for its answer."""
    return call.state == "sent" and bool(
        scalar(
            store,
            "SELECT 1 FROM jobs WHERE id = ? AND id != ? AND state = 'running'",
            [call.job_id, by_other_than],
        )
    )


@dataclass(frozen=True)
class Tally:
    """Calls of one teacher in one role: how many in each state, tokens, USD.

    `unpriced` counts finished calls whose cost nobody knows; `seconds` are spent waiting for
    finished answers.
    """

    teacher: str
    role: str
    sent: int
    done: int
    failed: int
    attempts: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int
    seconds: float


_TALLY = """
    SELECT teacher, role, sum(state = 'sent') AS sent, sum(state = 'done') AS done,
           sum(state = 'failed') AS failed, sum(attempts) AS attempts,
           coalesce(sum(input_tokens), 0) AS input_tokens,
           coalesce(sum(output_tokens), 0) AS output_tokens,
           coalesce(sum(cost_usd), 0.0) AS cost_usd,
           sum(state = 'done' AND cost_usd IS NULL) AS unpriced,
           coalesce(sum(finished_at - sent_at) FILTER (WHERE state = 'done'), 0.0) AS seconds
    FROM calls WHERE {} GROUP BY teacher, role ORDER BY min(id)
"""
_OF_PROJECT = "job_id IN (SELECT id FROM jobs WHERE project_id = ?)"


def tally_of_job(store: Database, job_id: int) -> list[Tally]:
    """What one job has sent, by teacher and role."""
    return fetch(store, Tally, _TALLY.format("job_id = ?"), [job_id])


def tally_of_project(store: Database, project_id: int) -> list[Tally]:
    """What all jobs of a project have sent, by teacher and role."""
    return fetch(store, Tally, _TALLY.format(_OF_PROJECT), [project_id])


def spent(store: Database, project_id: int) -> float:
    """What the calls that a project sent have cost, in USD, where it is known."""
    return float(
        scalar(
            store,
            f"SELECT coalesce(sum(cost_usd), 0.0) FROM calls WHERE {_OF_PROJECT}",
            [project_id],
        )
    )


def finished_since(store: Database, job_id: int, moment: float) -> int:
    """How many calls of a job have ended since a moment."""
    return int(
        scalar(
            store,
            "SELECT count(*) FROM calls WHERE job_id = ? AND finished_at >= ?",
            [job_id, moment],
        )
    )


@dataclass(frozen=True)
class Failures:
    """Calls that failed for one reason."""

    teacher: str
    role: str
    kind: str
    message: str
    count: int


def failures(store: Database, project_id: int) -> list[Failures]:
    """What the present teachers failed to answer, the most frequent reason first."""
    return fetch(
        store,
        Failures,
        f"""SELECT teacher, role, error_kind AS kind, error AS message, count(*) AS count
            FROM calls WHERE state = 'failed' AND {_OF_PROJECT}
                 AND teacher IN (SELECT name FROM teachers WHERE project_id = ? AND active)
            GROUP BY teacher, role, error_kind, error ORDER BY count(*) DESC, teacher, role""",
        [project_id, project_id],
    )


def typical_output(store: Database, provider: str, model: str, role: str) -> float | None:
    """The mean output tokens of a model's finished calls in a role; None before the first."""
    return scalar(
        store,
        """SELECT avg(output_tokens) FROM calls
           WHERE provider = ? AND model = ? AND role = ? AND state = 'done'""",
        [provider, model, role],
    )
