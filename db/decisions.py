"""Decisions of persons: an append-only log. The database itself refuses to change or delete one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db.store import fetch, insert, now, scalar, writing


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
    gesture: int | None
    at: float


@dataclass(frozen=True)
class DescribedRow(DecisionRow):
    """One row of `decisions` with what its subject is about; ids mean nothing elsewhere.

    `teacher` wrote the rationale that was decided on or made a favourite. What a decision does not
    concern is None.
    """

    question_id: int | None
    question_key: str | None
    source_id: Any
    teacher: str | None


@dataclass(frozen=True)
class Entry:
    """What is to be appended; the store adds the id and the time."""

    subject: str
    subject_id: int
    action: str
    value: str | None = None
    reason: str = ""
    undoes: int | None = None


def append(store: Database, project_id: int, actor: str, entries: Sequence[Entry]) -> int:
    """Add entries that one gesture made, all at the same time; return the id of the last."""
    at, last = now(), 0
    with writing(store):
        first = int(scalar(store, "SELECT coalesce(max(id), 0) + 1 FROM decisions"))
        for entry in entries:
            values = {
                **vars(entry),
                "project_id": project_id,
                "actor": actor,
                "gesture": first if len(entries) > 1 else None,
                "at": at,
            }
            last = insert(store, "decisions", values)
    return last


def log(store: Database, project_id: int, after: int = 0) -> list[DecisionRow]:
    """The entries of a project that came after the one with this id, the oldest first."""
    return fetch(
        store,
        DecisionRow,
        "SELECT * FROM decisions WHERE project_id = ? AND id > ? ORDER BY id",
        [project_id, after],
    )


def described(store: Database, project_id: int) -> list[DescribedRow]:
    """All entries of a project with what they are about, the oldest first."""
    return fetch(
        store,
        DescribedRow,
        """SELECT d.*, q.id AS question_id, q.key AS question_key, q.source_id,
                  t.name AS teacher
           FROM decisions d
                LEFT JOIN answers a ON d.subject = 'answer' AND a.id = d.subject_id
                LEFT JOIN rationales r ON r.id = CASE WHEN d.subject = 'rationale' THEN d.subject_id
                    WHEN d.action = 'favourite' THEN CAST(d.value AS INTEGER) END
                LEFT JOIN teachers t ON t.id = r.teacher_id
                LEFT JOIN questions q ON q.id = CASE d.subject WHEN 'question' THEN d.subject_id
                    WHEN 'answer' THEN a.question_id ELSE r.question_id END
           WHERE d.project_id = ? ORDER BY d.id""",
        [project_id],
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
