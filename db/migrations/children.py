"""Jobs that are parts of another job."""

from sqlite_utils import Database

CHILDREN = (
    # parent_id: the job that this one is a part of, which alone starts it. child_key: what the
    # parent calls it, so that a parent that is resumed finds its parts again.
    "ALTER TABLE jobs ADD COLUMN parent_id INTEGER REFERENCES jobs (id)",
    "ALTER TABLE jobs ADD COLUMN child_key TEXT",
    "CREATE UNIQUE INDEX jobs_by_parent ON jobs (parent_id, child_key) WHERE parent_id IS NOT NULL",
    *(
        f"""CREATE TRIGGER jobs_{event.lower()}_has_parent_and_key BEFORE {event} ON jobs
            WHEN (new.parent_id IS NULL) <> (new.child_key IS NULL)
            BEGIN SELECT RAISE(ABORT, 'a part of a job has a key, and no other job has one'); END"""
        for event in ("INSERT", "UPDATE")
    ),
)


def children(store: Database) -> None:
    """A job may be a part of another one."""
    for statement in CHILDREN:
        store.execute(statement)
