"""How the backups of a home stand: a small file beside its database, for pages and commands.

It is not in the database, since that is what a backup restores.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fair_app.settings import Settings
from fair_app.storage.locks import noting
from fair_app.whole_files import disk_full_at, whole_file


@dataclass(frozen=True)
class Restored:
    """What a home was restored from. Times are seconds since 1970, UTC.

    `minutes`: work of so many minutes after the backup may be lost; `skipped`: newer backups that
    could not be used, and why; `missing`: what of it was broken and is not here.
    """

    name: str
    place: str
    at: float
    minutes: float
    at_stop: bool
    files: int
    skipped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """The newest backup of this home (`made`, "" without one) and its place, the fault since, and
    what the home was restored from.

    `looked_at`: when one was last made, or nothing had changed since the newest.
    """

    place: str = ""
    made: str = ""
    failed: str = ""
    failed_at: float = 0.0
    looked_at: float = 0.0
    restored: Restored | None = None


def standing(settings: Settings) -> Standing:
    """Read it; a home without any has an empty one."""
    try:
        values: dict[str, Any] = json.loads(_file(settings).read_text(encoding="utf-8"))
        restored = values.pop("restored")
        if restored is not None:
            for several in ("skipped", "missing"):
                restored[several] = tuple(restored[several])
            restored = Restored(**restored)
        return Standing(**values, restored=restored)
    except (FileNotFoundError, AttributeError, KeyError, TypeError, ValueError):
        # What is said here is only told: a file that was damaged is written anew.
        return Standing()


def note(settings: Settings, **changed: Any) -> None:
    """Change some of it. Raises WorkFailed when the disk is full."""
    file = _file(settings)
    with noting(settings), whole_file(file, full=disk_full_at(file.parent)) as partial:
        now = replace(standing(settings), **changed)
        partial.write_text(json.dumps(asdict(now), indent=1), encoding="utf-8")


def _file(settings: Settings) -> Path:
    return settings.database.with_name("backups.json")
