"""A store as one plain file: copied while others write to it, and checked before it is used."""

import sqlite3
from contextlib import closing
from pathlib import Path

from db.store import NotOurs, connect

BUSY_TIMEOUT_S = 30
NEEDED = {"projects", "jobs", "_sqlite_migrations"}
"""Tables without which a file is no store of this program."""


def copy(source: Path, target: Path) -> None:
    """Write what the store at `source` holds at one moment to the new file `target`.

    Writers are not held up, and what they commit meanwhile is not in it. The copy needs no file
    beside it. Raises sqlite3.Error when the source cannot be read or the disk is full.
    """
    with (
        closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT_S)) as store,
        closing(sqlite3.connect(target)) as made,
    ):
        store.backup(made)
        made.execute("PRAGMA journal_mode=delete")


def fault(path: Path) -> str:
    """What is wrong with a copy of a store, in a few words; "" where nothing is."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
            (found,) = store.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        return str(error)
    if found != "ok":
        return str(found)
    return "" if tables >= NEEDED else "it is no database of this program"


def broken(path: Path) -> str:
    """What is broken in the store at `path`, in a few words; "" where nothing is.

    It is opened as it always is, and migrated where needed; its pages are looked through, which
    for 1 GB takes a few seconds. Raises sqlite3.OperationalError where it cannot be opened, and
    NotOurs.
    """
    try:
        (found,) = connect(path).execute("PRAGMA quick_check(1)").fetchone()
    except (sqlite3.OperationalError, NotOurs):
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)


def not_writable(path: Path, timeout_s: float) -> str:
    """Why nothing can be written to the store at `path`; "" where something can.

    Nothing is changed. It waits at most `timeout_s` for others that write.
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=timeout_s, isolation_level=None
        )
        with closing(connection) as store:
            store.execute("BEGIN IMMEDIATE")
            store.execute("CREATE TABLE is_writable (x)")
            store.execute("ROLLBACK")
    except sqlite3.Error as error:
        return str(error)
    return ""
