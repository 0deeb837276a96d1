"""Checkpoints: trained adapters by name. The weights lie in the checkpoints folder."""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.store import fetch, fetch_one, insert_or_ignore, now


@dataclass(frozen=True)
class Checkpoint:
    """One row of `checkpoints`. `base` is the REF of the student that the adapter belongs to."""

    id: int
    project_id: int
    job_id: int | None
    name: str
    base: str
    lineage: dict[str, Any]
    created_at: float


def add(
    store: Database,
    project_id: int,
    *,
    job_id: int | None,
    name: str,
    base: str,
    lineage: dict[str, Any],
) -> None:
    """Record a checkpoint whose folder is complete, unless a job that was killed had done so."""
    insert_or_ignore(
        store,
        "checkpoints",
        {
            "project_id": project_id,
            "job_id": job_id,
            "name": name,
            "base": base,
            "lineage": lineage,
            "created_at": now(),
        },
    )


def by_name(store: Database, name: str) -> Checkpoint | None:
    """The checkpoint with this name, or None."""
    return fetch_one(store, Checkpoint, "SELECT * FROM checkpoints WHERE name = ?", [name])


def of_project(store: Database, project_id: int) -> list[Checkpoint]:
    """A project's checkpoints, the newest first."""
    return fetch(
        store,
        Checkpoint,
        "SELECT * FROM checkpoints WHERE project_id = ? ORDER BY id DESC",
        [project_id],
    )
