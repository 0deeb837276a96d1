"""What the review room needs beside the decisions."""

from sqlite_utils import Database

CURATION = (
    # rule: what the acceptance rule has beside the threshold. reasons: the short list that comments
    # are given from. revision: grows with whatever a person may look at in the review room but
    # decisions, which have ids of their own.
    "ALTER TABLE projects ADD COLUMN rule TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE projects ADD COLUMN reasons TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE projects ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    # A check cannot be changed in place: the log is copied into a table that knows questions and
    # gestures. gesture: the id of the first entry that was made together with this one.
    """
    CREATE TABLE decisions_now (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        subject TEXT NOT NULL CHECK (subject IN ('rationale', 'question', 'answer')),
        subject_id INTEGER NOT NULL,
        action TEXT NOT NULL CHECK (action IN ('accept', 'reject', 'edit', 'restore', 'comment',
            'favourite', 'grade', 'reset', 'undo')),
        value TEXT,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        undoes INTEGER REFERENCES decisions_now (id),
        gesture INTEGER,
        at REAL NOT NULL
    )
    """,
    """
    INSERT INTO decisions_now (id, project_id, subject, subject_id, action, value, actor, reason,
                               undoes, at)
    SELECT id, project_id, subject, subject_id, action, value, actor, reason, undoes, at
    FROM decisions ORDER BY id
    """,
    "DROP TRIGGER decisions_are_never_changed",
    "DROP TRIGGER decisions_are_never_deleted",
    # Dropping a table deletes its rows first: the later ones name the earlier ones.
    "PRAGMA defer_foreign_keys = ON",
    "DROP TABLE decisions",
    "ALTER TABLE decisions_now RENAME TO decisions",
    "CREATE INDEX decisions_by_project ON decisions (project_id)",
    """
    CREATE TRIGGER decisions_are_never_changed BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
    """
    CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
)

REVISED_BY = {
    "rationales": ("teachers", "teacher_id"),
    "feedback": ("teachers", "teacher_id"),
    "reviews": ("teachers", "reviewer_id"),
    "answers": ("exams", "exam_id"),
}
"""Tables whose rows the review room shows, each with the table that knows their project."""

SEARCHED = {
    "questions": ("text", "context", "options", "gold_text"),
    "answers": ("text",),
    "rationales": ("text",),
    "feedback": ("text",),
    "reviews": ("text",),
    "decisions": ("value", "reason"),
}
"""What the full-text search looks into."""


def curation(store: Database) -> None:
    """The whole acceptance rule, gestures, favourites, comments, and full-text search."""
    for statement in CURATION:
        store.execute(statement)
    for table, (owner, column) in REVISED_BY.items():
        for event in ("INSERT", "UPDATE"):
            store.execute(
                f"""CREATE TRIGGER {table}_{event.lower()}_revises AFTER {event} ON {table} BEGIN
                    UPDATE projects SET revision = revision + 1 WHERE id =
                        (SELECT project_id FROM {owner} WHERE id = new.{column}); END"""
            )
    for event in ("INSERT", "UPDATE"):
        store.execute(
            f"""CREATE TRIGGER teachers_{event.lower()}_revises AFTER {event} ON teachers BEGIN
                UPDATE projects SET revision = revision + 1 WHERE id = new.project_id; END"""
        )
    store.execute(
        """CREATE TRIGGER projects_exam_revises AFTER UPDATE OF exam_id ON projects BEGIN
           UPDATE projects SET revision = revision + 1 WHERE id = new.id; END"""
    )
    for table, columns in SEARCHED.items():
        store.table(table).enable_fts(
            columns, tokenize="unicode61 remove_diacritics 2", create_triggers=True
        )
