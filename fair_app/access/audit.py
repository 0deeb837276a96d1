"""Who asked for what: a line for each act of an owner, each sign-in, and each change of a role.

A curator's decisions are in the log of decisions, with their names.
"""

from db import access
from db.access import Noted
from db.store import connect, writing
from fair_app.settings import Settings


def note(settings: Settings, who: str, what: str, project: str = "", detail: str = "") -> None:
    """Add a line. Nothing secret may stand in it."""
    store = connect(settings.database)
    with writing(store):
        access.note(store, who, what, project, detail)


def latest(settings: Settings, limit: int = 100) -> list[Noted]:
    """The latest lines, the newest first."""
    return access.noted(connect(settings.database), limit)
