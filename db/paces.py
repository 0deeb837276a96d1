"""When the next call to a provider may be sent, shared by all jobs, and the last connection tests.

A name is a provider's account, or one model of it. A limit of calls or tokens a minute moves the
model's moment on with every call; a provider that says "too many" moves its account's.
"""

from dataclasses import dataclass

from sqlite_utils import Database

from db.store import fetch, fetch_one, now, writing


@dataclass(frozen=True)
class Pause:
    """An account that is not asked before `free_at` (seconds since 1970), and why."""

    name: str
    free_at: float
    why: str


@dataclass(frozen=True)
class Probe:
    """What came of the last test of a connection."""

    name: str
    ok: bool
    message: str
    at: float


def take(store: Database, account: str, model: str, gap_s: float) -> float:
    """Take this moment for a call: 0.0, or the seconds to wait before asking again.

    A taken moment keeps the next call to the same model of the account away for `gap_s` seconds.
    """
    if gap_s == 0.0:
        return _wait(store, account, model)
    with writing(store):
        wait = _wait(store, account, model)
        if wait == 0.0:
            _move(store, model, now() + gap_s, "")
        return wait


def delay(store: Database, model: str, seconds: float) -> None:
    """Move a model's next moment, when a call took more tokens than expected, or fewer."""
    store.execute("UPDATE paces SET free_at = free_at + ? WHERE name = ?", [seconds, model])


def pause(store: Database, account: str, until: float, why: str) -> None:
    """Keep all calls to an account away until a moment; a pause is never shortened."""
    with writing(store):
        if until > now() + _wait(store, account, account):
            _move(store, account, until, why)


def pauses(store: Database) -> list[Pause]:
    """The accounts that are paused now."""
    return fetch(
        store, Pause, "SELECT * FROM paces WHERE why != '' AND free_at > ? ORDER BY name", [now()]
    )


def save_probe(store: Database, name: str, ok: bool, message: str) -> None:
    """Keep what came of a test of a connection."""
    store.execute(
        "INSERT OR REPLACE INTO probes (name, ok, message, at) VALUES (?, ?, ?, ?)",
        [name, int(ok), message, now()],
    )


def probe(store: Database, name: str) -> Probe | None:
    """What came of the last test of this connection, or None."""
    return fetch_one(store, Probe, "SELECT * FROM probes WHERE name = ?", [name])


def _wait(store: Database, account: str, model: str) -> float:
    row = store.execute(
        "SELECT max(free_at) FROM paces WHERE name IN (?, ?)", [account, model]
    ).fetchone()
    return max(0.0, row[0] - now()) if row[0] is not None else 0.0


def _move(store: Database, name: str, free_at: float, why: str) -> None:
    store.execute(
        "INSERT OR REPLACE INTO paces (name, free_at, why) VALUES (?, ?, ?)", [name, free_at, why]
    )
