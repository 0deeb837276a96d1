"""A backup that somebody asks for on a page, made by a job: it may take minutes."""

from typing import Any

from db import jobs
from db.store import connect, writing
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import mark_orphans
from fair_app.jobs.queue import ACTIVE, JobView
from fair_app.settings import Settings
from fair_app.storage.backups import Backups
from fair_app.storage.places import place_of

KIND = "backup"


def begin(settings: Settings, owner: str = "") -> int:
    """Queue it and return the job's id.

    Raises BadInput where no place for backups is set, and while one is at work.
    """
    if not settings.backup:
        raise BadInput("No backups are made here: set FAIR_BACKUP, and start the server again.")
    store = connect(settings.database)
    mark_orphans(store)
    with writing(store):
        if any(job.kind == KIND for job in jobs.in_state(store, *ACTIVE)):
            raise BadInput("A backup is being made already: wait for it.")
        return jobs.add(store, KIND, {}, None, owner)


def latest(settings: Settings) -> JobView | None:
    """The newest job that made a backup."""
    found = jobs.of_kind_anywhere(connect(settings.database), KIND)
    return queue.view_of(settings, found) if found else None


def run(job: JobContext) -> dict[str, Any]:
    """Make one where the home's backups go. Result: backup, place, changed.

    Raises WorkFailed where the place cannot be reached.
    """
    settings = job.settings
    place = place_of(settings.backup, mounted=settings.backup_mounted)
    job.progress("writing the backup", 0, 0)
    made = Backups(settings, place).make()
    if made is None:
        job.log("Nothing has changed since the newest backup.")
    return {"backup": made.name if made else "", "place": place.shown, "changed": made is not None}
