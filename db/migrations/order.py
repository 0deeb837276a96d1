"""The order of waiting jobs."""

from sqlite_utils import Database


def order(store: Database) -> None:
    """The order of waiting jobs, which a person may change. Without a place a job has its id's."""
    store.execute("ALTER TABLE jobs ADD COLUMN place REAL")
