"""What a person is told about the backups of this home."""

import time
from datetime import UTC, datetime

from fair_app.settings import Settings
from fair_app.storage.manifest import taken_at
from fair_app.storage.standing import Restored, standing

TOLD_S = 7 * 24 * 3600.0
"""How long it is said that a home was restored."""


def restored_note(settings: Settings, at: float | None = None) -> str:
    """What this home was restored from and when, for a week; "" where there is nothing to tell.

    `at`: now, in seconds since 1970.
    """
    found = standing(settings).restored
    at = time.time() if at is None else at
    return _restored(found) if found and at - found.at < TOLD_S else ""


def backup_fault(settings: Settings) -> str:
    """That the last backup could not be made, and of when the newest is; "" where all is well."""
    found = standing(settings)
    if not settings.backup or not found.failed:
        return ""
    newest = (
        f"the newest is of {_moment(taken_at(found.made))}, in {found.place}"
        if found.made
        else "there is none"
    )
    return f"The last backup could not be made ({newest}). {found.failed}"


def _restored(found: Restored) -> str:
    restored = _moment(datetime.fromtimestamp(found.at, UTC))
    lost = (
        "It was made as the server stopped."
        if found.at_stop
        else f"At most {_minutes(found.minutes)} of work was lost."
    )
    if found.skipped:
        skipped = "; ".join(found.skipped)
        lost = f"{lost} Newer ones were broken and left out: {skipped}."
    if found.missing:
        missing = ", ".join(found.missing)
        lost = f"{lost} Of it, these were broken and are not here: {missing}."
    return f"Restored on {restored} from the backup of {_moment(taken_at(found.name))}. {lost}"


def _minutes(minutes: float) -> str:
    return "1 minute" if minutes <= 1 else f"{minutes:,.0f} minutes"


def _moment(moment: datetime) -> str:
    return moment.strftime("%-d %B %Y, %H:%M UTC")
