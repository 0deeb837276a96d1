"""Jobs that nobody will go on with."""

from sqlite_utils import Database


def giving_up(store: Database) -> None:
    """A job that ended before it was done may be given up: it is not resumed, and keeps no name."""
    store.execute("ALTER TABLE jobs ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0")
