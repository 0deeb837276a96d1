"""Whether this server can do its work: what a container's health check asks."""

import shutil
import sqlite3

from db.backup import broken, not_writable
from fair_app.errors import WorkFailed
from fair_app.jobs.supervisor import Supervisor
from fair_app.settings import Settings

WAIT_S = 5.0
LEAST_FREE = 200 * 10**6
"""With fewer bytes left, the next state of a run or the next backup may not find room."""


def check_database(settings: Settings) -> None:
    """Open the database before anything else works with it. Raises WorkFailed where it is broken.

    What is done to a broken one may be lost, and its backups would take the place of whole ones.
    """
    try:
        fault = broken(settings.database)
    except (sqlite3.OperationalError, OSError) as error:
        raise WorkFailed(
            f"The database {settings.database} cannot be opened ({error}): see that this user may "
            "write it and its folder, that the disk has room, and that no other program holds it."
        ) from error
    if fault:
        raise WorkFailed(
            f"The database {settings.database} is broken ({fault}): `python -m fair_app "
            f"restore --replace{'' if settings.backup else ' --from PLACE'}` puts it aside and "
            "takes the newest whole backup."
        )


def faults(settings: Settings, supervisor: Supervisor | None = None) -> list[str]:
    """What is wrong, in a few words each; nothing where all is well.

    Asked: can the database be written to, does the supervisor look at its queue, is the disk nearly
    full. Without a supervisor nobody asks for one.
    """
    found = []
    if fault := not_writable(settings.database, WAIT_S):
        found.append(f"the database cannot be written to ({fault})")
    if supervisor is not None and not supervisor.is_alive():
        found.append("the supervisor of jobs does not look at the queue any more")
    try:
        free = shutil.disk_usage(settings.database.parent).free
    except OSError as error:
        found.append(f"the home cannot be reached ({error.strerror})")
    else:
        if free < LEAST_FREE:
            found.append(f"the disk is nearly full ({free / 10**6:,.0f} MB left)")
    return found
