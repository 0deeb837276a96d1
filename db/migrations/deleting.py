"""Deleting a project with all that belongs to it."""

from sqlite_utils import Database

DELETING = (
    # The one exception of an append-only log: its project went before it. Foreign keys see to it
    # that this is the same transaction.
    "DROP TRIGGER decisions_are_never_deleted",
    """
    CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
    WHEN EXISTS (SELECT 1 FROM projects WHERE id = old.project_id)
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
    # What a project that is gone has left on the disk, until it is gone too. area: which folder
    # of the home; name: what lies there.
    """
    CREATE TABLE removals (
        id INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        area TEXT NOT NULL CHECK (area IN ('checkpoints', 'uploads', 'logs')),
        name TEXT NOT NULL CHECK (name <> '' AND instr(name, '/') = 0),
        UNIQUE (area, name)
    )
    """,
)


def deleting(store: Database) -> None:
    """A decision may go with its project, and what a project had on the disk is remembered."""
    for statement in DELETING:
        store.execute(statement)
