"""Questions that persons put to students, outside any exam."""

from sqlite_utils import Database

TRIALS = (
    # A row an answer. asking: the id of the first row of the same question. job_id: who writes the
    # answer. server: the address of the student's server (NULL: it answers on this machine).
    # question: as it was put; question_id: the test question that it is, which has a gold answer.
    # text grows while the answer is written.
    """
    CREATE TABLE trials (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        asking INTEGER REFERENCES trials (id),
        job_id INTEGER NOT NULL REFERENCES jobs (id),
        student TEXT NOT NULL,
        server TEXT,
        question TEXT NOT NULL CHECK (question <> ''),
        question_id INTEGER REFERENCES questions (id),
        settings TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'writing', 'done', 'stopped', 'failed')),
        stop_requested INTEGER NOT NULL DEFAULT 0,
        text TEXT NOT NULL DEFAULT '',
        tokens INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        truncated INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        prediction TEXT,
        span_start INTEGER,
        span_end INTEGER,
        rule TEXT,
        correct INTEGER,
        asked_at REAL NOT NULL,
        ended_at REAL,
        CHECK ((state IN ('done', 'stopped', 'failed')) = (ended_at IS NOT NULL))
    )
    """,
    "CREATE INDEX trials_by_project ON trials (project_id, asking)",
    "CREATE INDEX trials_under_way ON trials (job_id) WHERE ended_at IS NULL",
    # A process that was given up on may still be writing.
    """
    CREATE TRIGGER trials_end_once BEFORE UPDATE ON trials WHEN old.ended_at IS NOT NULL
    BEGIN SELECT RAISE(IGNORE); END
    """,
)


def trials(store: Database) -> None:
    """What persons asked students, and what these answered."""
    for statement in TRIALS:
        store.execute(statement)
