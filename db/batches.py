"""Batches: calls that were handed to a provider together, and are fetched from it later."""

from dataclasses import dataclass

from sqlite_utils import Database

from db.store import fetch, insert, now, update


@dataclass(frozen=True)
class Batch:
    """One row of `batches`. `remote_id` is None until the provider has said its own."""

    id: int
    project_id: int
    teacher_id: int
    label: str
    remote_id: str | None
    is_open: bool
    message: str
    submitted_at: float
    ended_at: float | None


def add(store: Database, project_id: int, teacher_id: int, label: str) -> int:
    """Write a batch that is about to be submitted; return its id."""
    return insert(
        store,
        "batches",
        {
            "project_id": project_id,
            "teacher_id": teacher_id,
            "label": label,
            "submitted_at": now(),
        },
    )


def set_remote_id(store: Database, batch_id: int, remote_id: str) -> None:
    """Keep what the provider calls the batch."""
    update(store, "batches", batch_id, {"remote_id": remote_id})


def end(store: Database, batch_id: int, message: str = "") -> None:
    """Nothing more is to be fetched of a batch; `message` says why not all of it came."""
    update(store, "batches", batch_id, {"is_open": 0, "message": message, "ended_at": now()})


def still_open(store: Database, project_id: int) -> list[Batch]:
    """The batches of a project that are still to be fetched, the oldest first."""
    return fetch(
        store,
        Batch,
        "SELECT * FROM batches WHERE project_id = ? AND is_open ORDER BY id",
        [project_id],
    )


def call_ids(store: Database, batch_id: int) -> list[int]:
    """The calls of a batch that have no answer yet."""
    cursor = store.execute(
        "SELECT id FROM calls WHERE batch_id = ? AND state = 'sent' ORDER BY id", [batch_id]
    )
    return [int(call_id) for (call_id,) in cursor]
