"""Making a copy of a store fit to be given away: who has it can neither sign in nor see a key."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

FORGOTTEN = ("sessions", "shares")
"""Tables of hashes of tokens; none of their rows stays."""
MAY_HOLD_AN_ADDRESS = (
    ("teachers", "spec"),
    ("exams", "settings"),
    ("exams", "source"),
    ("exams", "description"),
    ("trials", "server"),
    ("trials", "settings"),
    ("trials", "error"),
    ("calls", "error"),
    ("batches", "message"),
    ("paces", "name"),
    ("paces", "why"),
    ("probes", "name"),
    ("probes", "message"),
    ("jobs", "params"),
    ("jobs", "result"),
    ("jobs", "error"),
    ("job_logs", "line"),
    ("checkpoints", "lineage"),
)
"""Where the address of a server may stand, in which a person may have put a password."""


def strip(path: Path, without_credentials: Callable[[str], str]) -> None:
    """Take out of the copy of a store at `path` what lets somebody in, for good.

    Sessions, links to look, whose browser asked for a job, and what `without_credentials` takes
    out of addresses. No write-ahead log may lie beside the copy. Raises sqlite3.Error.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.create_function("without_credentials", 1, without_credentials, deterministic=True)
        # Some keep rows as they were written; the copy has them again at the end.
        triggers = store.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
        ).fetchall()
        store.execute("BEGIN")
        for name, _ in triggers:
            store.execute(f'DROP TRIGGER "{name}"')
        for table in FORGOTTEN:
            store.execute(f"DELETE FROM {table}")
        store.execute("UPDATE jobs SET owner = ''")
        for table, column in MAY_HOLD_AN_ADDRESS:
            store.execute(
                f"""UPDATE OR REPLACE {table} SET {column} = without_credentials({column})
                    WHERE instr({column}, '://')"""
            )
        for _, sql in triggers:
            store.execute(sql)
        store.execute("COMMIT")
        # What was deleted still stands between the pages until they are written anew.
        store.execute("VACUUM")
