"""The mentor: an author beside the committee, with several rationales of one question."""

from sqlite_utils import Database

MENTOR = (
    """CREATE UNIQUE INDEX teachers_one_mentor ON teachers (project_id)
       WHERE origin = 'mentor' AND active""",
    # What the mentor was asked, kept or not: a row an answer. number: which of the k answers with
    # one setting it is, from 0; its seed goes with it. outcome: NULL until all of its question are
    # there.
    """
    CREATE TABLE mentor_samples (
        id INTEGER PRIMARY KEY,
        teacher_id INTEGER NOT NULL REFERENCES teachers (id),
        question_id INTEGER NOT NULL REFERENCES questions (id),
        call_id INTEGER NOT NULL REFERENCES calls (id),
        number INTEGER NOT NULL,
        prediction TEXT,
        correct INTEGER NOT NULL,
        outcome TEXT CHECK (outcome IN ('kept', 'wrong', 'duplicate', 'incomplete')),
        rationale_id INTEGER UNIQUE REFERENCES rationales (id),
        CHECK ((outcome IS 'kept') = (rationale_id IS NOT NULL)),
        UNIQUE (teacher_id, question_id, call_id)
    )
    """,
    """
    CREATE TRIGGER mentors_review_nobody BEFORE INSERT ON reviews
    WHEN (SELECT origin FROM teachers WHERE id = new.reviewer_id) = 'mentor'
    BEGIN SELECT RAISE(ABORT, 'a mentor reviews nobody'); END
    """,
    """
    CREATE TRIGGER mentors_give_no_feedback BEFORE INSERT ON feedback
    WHEN (SELECT origin FROM teachers WHERE id = new.teacher_id) = 'mentor'
    BEGIN SELECT RAISE(ABORT, 'a mentor gives no feedback'); END
    """,
    """
    CREATE TRIGGER only_mentors_write_several BEFORE INSERT ON rationales
    WHEN new.sample > 0
         AND (SELECT origin FROM teachers WHERE id = new.teacher_id) IS NOT 'mentor'
    BEGIN SELECT RAISE(ABORT, 'a teacher writes one rationale of a question'); END
    """,
)


def mentor(store: Database) -> None:
    """A teacher may be the project's mentor, which writes several rationales of a question."""
    # A dropped table takes its rows from those that name them; at the end they are there again.
    store.execute("PRAGMA defer_foreign_keys = ON")
    origins = "('committee', 'imported'"
    _make_anew(store, "teachers", {f"{origins})": f"{origins}, 'mentor')"})
    _make_anew(
        store,
        "rationales",
        {
            # sample: which of the author's on the question it is, from 0; a teacher has the first
            # alone.
            "current INTEGER NOT NULL DEFAULT 1,": """current INTEGER NOT NULL DEFAULT 1,
        sample INTEGER NOT NULL DEFAULT 0,""",
            "(question_id, teacher_id, prompt)": "(question_id, teacher_id, prompt, sample)",
        },
    )
    for statement in MENTOR:
        store.execute(statement)


def _make_anew(store: Database, table: str, changes: dict[str, str]) -> None:
    """Make a table with changes in its definition: a check and a key cannot be changed in place.

    Its rows keep their ids; indexes and triggers come out as they were. Neither dropping it nor
    writing its rows back sets a trigger off, so that revisions and the full-text index stay.
    """
    definition = _definitions(store, table, "type = 'table'")[0]
    others = _definitions(store, table, "type IN ('index', 'trigger') AND sql IS NOT NULL")
    columns = ", ".join(store.table(table).columns_dict)
    for before, after in changes.items():
        assert definition.count(before) == 1, before
        definition = definition.replace(before, after)
    store.execute(f"CREATE TEMP TABLE {table}_held AS SELECT * FROM {table}")
    store.execute(f"DROP TABLE {table}")
    store.execute(definition)
    store.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM temp.{table}_held")
    store.execute(f"DROP TABLE temp.{table}_held")
    for statement in others:
        store.execute(statement)


def _definitions(store: Database, table: str, which: str) -> list[str]:
    cursor = store.execute(
        f"SELECT sql FROM sqlite_master WHERE tbl_name = ? AND {which} ORDER BY rowid", [table]
    )
    return [str(sql) for (sql,) in cursor]
