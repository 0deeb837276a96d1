"""The log of decisions as a person reads it, and as a file that says it all."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db import decisions
from db.decisions import DescribedRow
from db.projects import Project
from db.store import connect
from fair_app.curation.decisions import Decision, standing
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.whole_files import write_whole


@dataclass(frozen=True)
class Told:
    """An entry of the log with what it is about. `undone`: another entry undid it, and stands."""

    row: DescribedRow
    undone: bool

    def as_record(self) -> dict[str, Any]:
        """The entry as plain values; the time is UTC, in ISO 8601."""
        row = self.row
        return {
            "id": row.id,
            "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds"),
            "actor": row.actor,
            "action": row.action,
            "subject": row.subject,
            "question_id": row.question_id,
            "question_key": row.question_key,
            "source_id": row.source_id,
            "teacher": row.teacher,
            "rationale_id": row.subject_id if row.subject == "rationale" else None,
            "value": row.value,
            "reason": row.reason,
            "gesture": row.gesture,
            "undoes": row.undoes,
            "state": "undone" if self.undone else "in force",
        }


def told(settings: Settings, project: Project) -> list[Told]:
    """The whole log of a project, the oldest entry first."""
    rows = decisions.described(connect(settings.database), project.id)
    entries = (
        Decision(row.id, row.subject, row.subject_id, row.action, undoes=row.undoes) for row in rows
    )
    stands = {entry.id for entry in standing(entries)}
    return [Told(row, row.id not in stands) for row in rows]


def export_decisions(settings: Settings, project: Project, path: Path) -> int:
    """Write the whole log as JSON lines, all of it or nothing, and return how many.

    Raises BadInput when nobody decided anything, or when the place cannot be written to.
    """
    log = told(settings, project)
    if not log:
        raise BadInput(
            f"Nobody has decided anything in {project.name} yet: decide something first."
        )
    write_whole({path: _lines(log)})
    return len(log)


def _lines(log: list[Told]) -> Iterator[str]:
    for entry in log:
        yield json.dumps(entry.as_record(), ensure_ascii=False) + "\n"
