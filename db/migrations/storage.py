"""Jobs that the server stops with itself, to be gone on with by the next one."""

from sqlite_utils import Database


def storage(store: Database) -> None:
    """A job may be asked to stop by the server, which is no person's cancel."""
    # stop_requested: set until the job is queued again.
    store.execute("ALTER TABLE jobs ADD COLUMN stop_requested INTEGER NOT NULL DEFAULT 0")
