"""The first migration: all tables of a project."""

from sqlite_utils import Database

FOUNDATION = (
    # exam_id: the exam whose mistakes the committee teaches now. task_spec: how the rows of a task
    # of one's own are read (NULL: the task is built in).
    """
    CREATE TABLE projects (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        task TEXT NOT NULL,
        task_spec TEXT,
        student TEXT NOT NULL,
        threshold REAL NOT NULL DEFAULT 3.0 CHECK (threshold BETWEEN 0 AND 5),
        budget_usd REAL,
        exam_id INTEGER REFERENCES exams (id),
        created_at REAL NOT NULL
    )
    """,
    # key: hash of what is asked and of the gold answer, so that reading the same rows again finds
    # the same questions.
    """
    CREATE TABLE questions (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        task TEXT NOT NULL,
        split TEXT NOT NULL,
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        gold_answer TEXT NOT NULL,
        gold_text TEXT NOT NULL,
        context TEXT NOT NULL,
        options TEXT NOT NULL,
        source_id,
        kind TEXT NOT NULL,
        UNIQUE (project_id, task, split, key)
    )
    """,
    # An evaluation is an exam on the test split: the same code, the same tables. source: the file
    # and its checksum, or the data set and its commit, that the questions were read from.
    """
    CREATE TABLE exams (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        purpose TEXT NOT NULL CHECK (purpose IN ('exam', 'evaluation')),
        origin TEXT NOT NULL CHECK (origin IN ('run', 'imported')),
        student TEXT NOT NULL,
        task TEXT NOT NULL,
        split TEXT NOT NULL,
        source TEXT NOT NULL DEFAULT '{}',
        settings TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '{}',
        seconds REAL NOT NULL DEFAULT 0,
        created_at REAL NOT NULL
    )
    """,
    "CREATE INDEX exams_by_project ON exams (project_id, purpose)",
    # A row a question from the start; text stays NULL until the question is answered.
    # correct is the grade in force; rule_correct the rule's, which a person may override.
    """
    CREATE TABLE answers (
        id INTEGER PRIMARY KEY,
        exam_id INTEGER NOT NULL REFERENCES exams (id),
        question_id INTEGER NOT NULL REFERENCES questions (id),
        position INTEGER NOT NULL,
        text TEXT,
        prediction,
        span_start INTEGER,
        span_end INTEGER,
        rule TEXT,
        correct INTEGER,
        rule_correct INTEGER,
        tokens INTEGER,
        truncated INTEGER,
        agreement REAL,
        answered_at REAL,
        UNIQUE (exam_id, question_id)
    )
    """,
    "CREATE INDEX answers_by_grade ON answers (exam_id, correct, position)",
    # Several answers to one question, of which the vote made the one in answers (agreement: the
    # share of them that gave it). They are saved as they come, and voted on when all are there.
    """
    CREATE TABLE samples (
        id INTEGER PRIMARY KEY,
        answer_id INTEGER NOT NULL REFERENCES answers (id),
        number INTEGER NOT NULL,
        text TEXT NOT NULL,
        prediction TEXT NOT NULL,
        tokens INTEGER NOT NULL,
        truncated INTEGER NOT NULL,
        UNIQUE (answer_id, number)
    )
    """,
    # A changed teacher is a new row; the old one stays, inactive, with all that it wrote.
    """
    CREATE TABLE teachers (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        name TEXT NOT NULL,
        origin TEXT NOT NULL CHECK (origin IN ('committee', 'imported')),
        simulated INTEGER NOT NULL,
        spec TEXT NOT NULL,
        spec_hash TEXT NOT NULL,
        position INTEGER NOT NULL,
        active INTEGER NOT NULL DEFAULT 1,
        UNIQUE (project_id, name, spec_hash)
    )
    """,
    # A template of one's own for what teachers are asked; without one, the default of its role.
    """
    CREATE TABLE prompts (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        role TEXT NOT NULL CHECK (role IN ('rationale', 'feedback', 'review')),
        template TEXT NOT NULL,
        hash TEXT NOT NULL,
        active INTEGER NOT NULL DEFAULT 1,
        UNIQUE (project_id, role, hash)
    )
    """,
    # Calls that were handed to a provider together. label: what it can be found by there when its
    # remote_id was not kept.
    """
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        teacher_id INTEGER NOT NULL REFERENCES teachers (id),
        label TEXT NOT NULL UNIQUE,
        remote_id TEXT,
        is_open INTEGER NOT NULL DEFAULT 1,
        message TEXT NOT NULL DEFAULT '',
        submitted_at REAL NOT NULL,
        ended_at REAL
    )
    """,
    # The ledger: shared by all projects, a row before a call is sent. job_id: who sent it last.
    """
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        job_id INTEGER REFERENCES jobs (id),
        batch_id INTEGER REFERENCES batches (id),
        teacher TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('rationale', 'feedback', 'review')),
        prompt TEXT NOT NULL,
        prompt_hash TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('sent', 'done', 'failed')),
        text TEXT,
        finish TEXT,
        origin TEXT NOT NULL CHECK (origin IN ('asked', 'simulated', 'imported')),
        error_kind TEXT,
        error TEXT,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cost_usd REAL,
        attempts INTEGER NOT NULL DEFAULT 1,
        sent_at REAL NOT NULL,
        finished_at REAL
    )
    """,
    "CREATE INDEX calls_by_job ON calls (job_id, state)",
    # No call of this name (a provider's account, or one model of it) is sent before free_at.
    """
    CREATE TABLE paces (
        name TEXT PRIMARY KEY,
        free_at REAL NOT NULL,
        why TEXT NOT NULL DEFAULT ''
    )
    """,
    # What came of the last test of a connection.
    """
    CREATE TABLE probes (
        name TEXT PRIMARY KEY,
        ok INTEGER NOT NULL,
        message TEXT NOT NULL,
        at REAL NOT NULL
    )
    """,
    # correct: the rationale's own final answer against the gold answer (NULL: not graded).
    # prompt: the hash of the template it was asked with ('': it came from a file); what was asked
    # with another template than the project's present one stays, and is not current.
    """
    CREATE TABLE rationales (
        id INTEGER PRIMARY KEY,
        question_id INTEGER NOT NULL REFERENCES questions (id),
        teacher_id INTEGER NOT NULL REFERENCES teachers (id),
        call_id INTEGER NOT NULL REFERENCES calls (id),
        text TEXT,
        finish TEXT NOT NULL,
        prediction TEXT,
        correct INTEGER,
        prompt TEXT NOT NULL DEFAULT '',
        current INTEGER NOT NULL DEFAULT 1,
        UNIQUE (question_id, teacher_id, prompt)
    )
    """,
    "CREATE INDEX rationales_by_teacher ON rationales (teacher_id)",
    # Feedback is about one answer, not only about its question.
    """
    CREATE TABLE feedback (
        id INTEGER PRIMARY KEY,
        answer_id INTEGER NOT NULL REFERENCES answers (id),
        teacher_id INTEGER NOT NULL REFERENCES teachers (id),
        call_id INTEGER NOT NULL REFERENCES calls (id),
        text TEXT,
        finish TEXT NOT NULL,
        prompt TEXT NOT NULL DEFAULT '',
        current INTEGER NOT NULL DEFAULT 1,
        UNIQUE (answer_id, teacher_id, prompt)
    )
    """,
    """
    CREATE TABLE reviews (
        id INTEGER PRIMARY KEY,
        rationale_id INTEGER NOT NULL REFERENCES rationales (id),
        reviewer_id INTEGER NOT NULL REFERENCES teachers (id),
        call_id INTEGER NOT NULL REFERENCES calls (id),
        text TEXT,
        score,
        prompt TEXT NOT NULL DEFAULT '',
        current INTEGER NOT NULL DEFAULT 1,
        UNIQUE (rationale_id, reviewer_id, prompt)
    )
    """,
    """
    CREATE TABLE decisions (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        subject TEXT NOT NULL CHECK (subject IN ('rationale', 'answer')),
        subject_id INTEGER NOT NULL,
        action TEXT NOT NULL
            CHECK (action IN ('accept', 'reject', 'edit', 'reset', 'grade', 'undo')),
        value TEXT,
        actor TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        undoes INTEGER REFERENCES decisions (id),
        at REAL NOT NULL
    )
    """,
    "CREATE INDEX decisions_by_project ON decisions (project_id)",
    """
    CREATE TRIGGER decisions_are_never_changed BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
    """
    CREATE TRIGGER decisions_are_never_deleted BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END
    """,
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        project_id INTEGER REFERENCES projects (id),
        owner TEXT NOT NULL DEFAULT '',
        kind TEXT NOT NULL,
        params TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')),
        stage TEXT NOT NULL DEFAULT '',
        done INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0,
        eta_s REAL,
        attempt INTEGER NOT NULL DEFAULT 0,
        cancel_requested INTEGER NOT NULL DEFAULT 0,
        host TEXT,
        pid INTEGER,
        process_started_at REAL,
        heartbeat_at REAL,
        result TEXT,
        error TEXT,
        created_at REAL NOT NULL,
        started_at REAL,
        finished_at REAL
    )
    """,
    "CREATE INDEX jobs_by_state ON jobs (state)",
    "CREATE INDEX jobs_by_project ON jobs (project_id)",
    # One row a device at most: who computes on it now.
    "CREATE TABLE leases (device TEXT PRIMARY KEY, job_id INTEGER NOT NULL REFERENCES jobs (id))",
    """
    CREATE TABLE job_metrics (
        id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs (id),
        step INTEGER NOT NULL,
        name TEXT NOT NULL,
        value REAL NOT NULL,
        UNIQUE (job_id, name, step)
    )
    """,
    """
    CREATE TABLE job_logs (
        id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs (id),
        at REAL NOT NULL,
        line TEXT NOT NULL
    )
    """,
    "CREATE INDEX job_logs_by_job ON job_logs (job_id)",
    """
    CREATE TABLE checkpoints (
        id INTEGER PRIMARY KEY,
        project_id INTEGER NOT NULL REFERENCES projects (id),
        job_id INTEGER REFERENCES jobs (id),
        name TEXT NOT NULL UNIQUE,
        base TEXT NOT NULL,
        lineage TEXT NOT NULL,
        created_at REAL NOT NULL
    )
    """,
)


def foundation(store: Database) -> None:
    """Projects, questions, exams, the ledger, what teachers wrote, decisions, jobs, checkpoints."""
    for statement in FOUNDATION:
        store.execute(statement)
