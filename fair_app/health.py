"""Whether this server can do its work: what a container's health check asks."""

import shutil
import sqlite3

from db.backup import broken, not_writable
from db.store import NotOurs
from fair_app.errors import WorkFailed
from fair_app.jobs.supervisor import Supervisor
from fair_app.settings import Settings

WAIT_S = 5.0
UNREACHED = {
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
}
"""What SQLite says where a database cannot be reached, read or written to."""
LEAST_FREE = 200 * 10**6
"""With fewer bytes left, the next state of a run or the next backup may not find room."""


def check_database(settings: Settings) -> None:
    """Open the database before anything else works with it. Raises WorkFailed where it is broken.

    What is done to a broken one may be lost, and its backups would take the place of whole ones.
    """
    try:
        fault = broken(settings.database)
    except (sqlite3.Error, OSError) as error:
        raise WorkFailed(database_fault(settings, error)) from error
    if fault:
        raise WorkFailed(database_fault(settings, sqlite3.DatabaseError(fault)))


def is_of_the_database(error: sqlite3.Error) -> bool:
    """Whether a fault says something of the database, and not of the program that asked it."""
    if isinstance(error, sqlite3.OperationalError):
        return _code(error) in UNREACHED
    return isinstance(error, NotOurs) or type(error) is sqlite3.DatabaseError


def database_fault(settings: Settings, error: sqlite3.Error | OSError) -> str:
    """What is wrong with the database of a home, and what to do, as a sentence."""
    if isinstance(error, NotOurs):
        return (
            f"The database {settings.database} cannot be used ({error}): update this program, or "
            "give another --home."
        )
    if isinstance(error, sqlite3.OperationalError | OSError):
        return (
            f"The database {settings.database} cannot be opened ({error}): see that this user may "
            "write it and its folder, that the disk has room, and that no other program holds it."
        )
    return (
        f"The database {settings.database} is broken ({error}): `python -m fair_app restore "
        f"--replace{'' if settings.backup else ' --from PLACE'}` puts it aside and takes the "
        "newest whole backup."
    )


def _code(error: sqlite3.OperationalError) -> int:
    """SQLite's number of a fault, without its particulars; one of our own is of the opening."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN)) & 0xFF


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
