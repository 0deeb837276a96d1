"""`backup` and `restore`: a home's backups by hand. A server makes them by itself."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.storage.backups import Backups
from fair_app.storage.places import HUB, Place, place_of
from fair_app.storage.restoring import backups_in, restore

PLACE = f"a folder, or {HUB}OWNER/NAME; default: FAIR_BACKUP"


def add_backup(add: Callable[..., Any]) -> None:
    """Add the commands."""
    backup = add("backup", back_up, project=False)
    backup.add_argument("--to", metavar="PLACE", help=PLACE)
    backup.add_argument(
        "--anew", action="store_true", help="begin again where the backups that were there are gone"
    )
    restored = add("restore", restore_home, project=False)
    restored.add_argument("--from", dest="place", metavar="PLACE", help=PLACE)
    restored.add_argument("--backup", metavar="NAME", help="this one; default: the newest whole")
    restored.add_argument("--list", action="store_true", help="name the backups, the newest first")
    restored.add_argument(
        "--replace", action="store_true", help="put the database that is here aside"
    )


def back_up(settings: Settings, arguments: Namespace) -> dict[str, Any]:
    """A backup of the database, the checkpoints and the states of runs, now."""
    if not settings.database.exists():
        raise BadInput(f"There is no database to back up ({settings.database}): check --home.")
    place = _place(settings, arguments.to, "--to")
    made = Backups(settings, place).make(anew=arguments.anew)
    if made is None:
        (newest, *_) = backups_in(place)
        return {"backup": newest, "place": place.shown, "changed": False}
    return {
        "backup": made.name,
        "place": made.place,
        "changed": True,
        "files": made.files,
        "bytes": made.bytes,
        "sent_bytes": made.sent_bytes,
        "removed": made.removed,
    }


def restore_home(settings: Settings, arguments: Namespace) -> dict[str, Any]:
    """The newest whole backup, where there is no database."""
    place = _place(settings, arguments.place, "--from")
    if arguments.list:
        return {"place": place.shown, "backups": backups_in(place)}
    found = restore(settings, place, arguments.backup, replace=arguments.replace)
    if found is None:
        raise BadInput(f"There is no backup in {place.shown}: `backup` makes one.")
    return {
        "backup": found.name,
        "place": found.place,
        "files": found.files,
        "skipped": list(found.skipped),
        "missing": list(found.missing),
    }


def _place(settings: Settings, given: str | None, option: str) -> Place:
    where = given or settings.backup
    if not where:
        raise BadInput(f"Say where the backups are: give {option}, or set FAIR_BACKUP.")
    return place_of(where, mounted=settings.backup_mounted and not given)
