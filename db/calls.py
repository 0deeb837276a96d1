"""The ledger: a teacher call is a row before it is sent, and a finished one is never sent again."""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.store import encoded, fetch, fetch_one, insert, now, update


@dataclass(frozen=True)
class Call:
    """One row of `calls`. `origin`: asked of a model, simulated by rules, or imported."""

    id: int
    key: str
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

    `values`: key, provider, model, role, prompt, prompt_hash, origin.
    """
    columns = ", ".join(values)
    marks = ", ".join("?" * len(values))
    store.execute(
        f"""INSERT INTO calls ({columns}, state, sent_at) VALUES ({marks}, 'sent', ?)
            ON CONFLICT (key) DO UPDATE SET
                state = 'sent', sent_at = excluded.sent_at, attempts = attempts + 1,
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


def failures(store: Database, since: float) -> list[Call]:
    """Failed calls since a time, the newest first."""
    return fetch(
        store,
        Call,
        "SELECT * FROM calls WHERE state = 'failed' AND finished_at >= ? ORDER BY id DESC",
        [since],
    )
