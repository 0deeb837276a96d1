"""Decisions of persons: an append-only log. The database itself refuses to change or delete one."""

from dataclasses import dataclass

from sqlite_utils import Database

from db.store import fetch, insert, now, scalar


@dataclass(frozen=True)
class DecisionRow:
    """One row of `decisions`; `undoes` names the entry that an `undo` cancels."""

    id: int
    project_id: int
    subject: str
    subject_id: int
    action: str
    value: str | None
    actor: str
    reason: str
    undoes: int | None
    at: float


def append(
    store: Database,
    project_id: int,
    *,
    subject: str,
    subject_id: int,
    action: str,
    actor: str,
    value: str | None = None,
    reason: str = "",
    undoes: int | None = None,
) -> int:
    """Add one entry and return its id."""
    return insert(
        store,
        "decisions",
        {
            "project_id": project_id,
            "subject": subject,
            "subject_id": subject_id,
            "action": action,
            "value": value,
            "actor": actor,
            "reason": reason,
            "undoes": undoes,
            "at": now(),
        },
    )


def log(store: Database, project_id: int) -> list[DecisionRow]:
    """All entries of a project, the oldest first."""
    return fetch(
        store, DecisionRow, "SELECT * FROM decisions WHERE project_id = ? ORDER BY id", [project_id]
    )


def revision(store: Database, project_id: int) -> int:
    """The id of the latest entry, 0 when there is none: the state's revision."""
    return int(
        scalar(
            store,
            "SELECT coalesce(max(id), 0) FROM decisions WHERE project_id = ?",
            [project_id],
        )
    )
