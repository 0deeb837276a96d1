"""A database that an earlier version made is migrated with all that is in it."""

import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from db import curation, decisions, jobs, projects
from db.decisions import Entry
from db.migrations import migrations
from db.store import close, connect, scalar, writing

PROJECT = 1
ROWS = (
    """INSERT INTO projects (id, name, task, student, threshold, created_at)
       VALUES (1, 'old', 'svamp', 'smollm2-135m', 3.5, 1700000000)""",
    """INSERT INTO questions (id, project_id, task, split, key, text, gold_answer, gold_text,
                              context, options, source_id, kind)
       VALUES (1, 1, 'svamp', 'train', 'k', 'How many bananas?', '3', '3', '', '[]', 7, '')""",
    """INSERT INTO exams (id, project_id, purpose, origin, student, task, split, settings,
                          created_at)
       VALUES (1, 1, 'exam', 'run', 'smollm2-135m', 'svamp', 'train', '{}', 1700000000)""",
    "UPDATE projects SET exam_id = 1",
    """INSERT INTO answers (id, exam_id, question_id, position, text, correct, rule_correct)
       VALUES (1, 1, 1, 0, 'Perhaps eleven.', 0, 0)""",
    *(
        f"""INSERT INTO teachers (id, project_id, name, origin, simulated, spec, spec_hash,
                                  position)
            VALUES ({number}, 1, '{name}', 'committee', 0, '{{}}', 'h', {number})"""
        for number, name in ((1, "gpt"), (2, "gemini"))
    ),
    """INSERT INTO calls (id, key, teacher, provider, model, role, prompt, prompt_hash, state,
                          origin, sent_at)
       VALUES (1, 'k', 'gpt', 'openai', 'm', 'rationale', 'p', 'h', 'done', 'asked', 1700000000)""",
    """INSERT INTO rationales (id, question_id, teacher_id, call_id, text, finish, correct)
       VALUES (1, 1, 1, 1, 'Crème first, then three.', 'complete', 1)""",
    """INSERT INTO feedback (id, answer_id, teacher_id, call_id, text, finish)
       VALUES (1, 1, 2, 1, 'You guessed.', 'complete')""",
    """INSERT INTO reviews (id, rationale_id, reviewer_id, call_id, text, score)
       VALUES (1, 1, 2, 1, 'Convincing throughout.', 5)""",
    """INSERT INTO decisions (id, project_id, subject, subject_id, action, value, actor, reason,
                              undoes, at)
       VALUES (1, 1, 'rationale', 1, 'reject', NULL, 'ann', 'unclear', NULL, 1700000001),
              (2, 1, 'rationale', 1, 'edit', 'Three, by counting.', 'ann', '', NULL, 1700000002),
              (3, 1, 'rationale', 1, 'undo', NULL, 'ann', '', 2, 1700000003),
              (4, 1, 'rationale', 1, 'undo', NULL, 'ann', '', 3, 1700000004),
              (7, 1, 'answer', 1, 'grade', 'correct', 'bob', 'is right', NULL, 1700000005),
              (8, 1, 'answer', 1, 'undo', NULL, 'bob', '', 7, 1700000006)""",
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database as the first migration alone made it, with a row in whatever is migrated."""
    path = tmp_path / "fair.db"
    store = Database(sqlite3.connect(path, isolation_level="IMMEDIATE"))
    store.enable_wal()
    store.execute("PRAGMA foreign_keys=on")
    with writing(store):
        migrations.apply(store, stop_before="curation")
        for statement in ROWS:
            store.execute(statement)
    assert [one.name for one in migrations.applied(store)] == ["foundation"]
    store.close()
    return path


def decided(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as plain:
        found = plain.execute(
            """SELECT id, project_id, subject, subject_id, action, value, actor, reason, undoes, at
               FROM decisions ORDER BY id"""
        ).fetchall()
    plain.close()
    return found


def test_every_decision_is_as_it_was(old: Path) -> None:
    before = decided(old)
    store = connect(old)
    assert decided(old) == before
    assert len(before) == 6
    log = decisions.log(store, PROJECT)
    assert [one.gesture for one in log] == [None] * 6
    assert [one.undoes for one in log] == [None, None, 2, 3, None, 7]
    assert scalar(store, "PRAGMA integrity_check") == "ok"
    assert store.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_log_is_append_only_still_and_takes_what_is_new(old: Path) -> None:
    store = connect(old)
    for statement in ("UPDATE decisions SET actor = 'eve' WHERE id = 1", "DELETE FROM decisions"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store.execute(statement)
    new = decisions.append(
        store,
        PROJECT,
        "ann",
        [
            Entry("question", 1, "favourite", "1"),
            Entry("rationale", 1, "restore"),
            Entry("rationale", 1, "comment", "three?", "unclear"),
            Entry("rationale", 1, "undo", undoes=4),
        ],
    )
    assert new == 12
    for bad in (
        Entry("rationale", 1, "undo", undoes=99),
        Entry("rationale", 1, "bless"),
        Entry("essay", 1, "accept"),
    ):
        with pytest.raises(sqlite3.IntegrityError):
            decisions.append(store, PROJECT, "ann", [bad])
    assert decisions.revision(store, PROJECT) == 12


def test_a_project_keeps_its_threshold_and_has_the_papers_rule_beside_it(old: Path) -> None:
    project = projects.get(connect(old), PROJECT)
    assert (project.threshold, project.rule, project.reasons, project.revision) == (3.5, {}, [], 0)


@pytest.mark.parametrize(
    "word", ["bananas", "eleven", "creme", "guessed", "CONVINCING", "counting", "unclear"]
)
def test_old_texts_are_found(old: Path, word: str) -> None:
    found = curation.search(connect(old), PROJECT, 1, [word])
    # The reason of a rejection is not what somebody wrote about the text.
    assert found == (set() if word == "unclear" else {1})


def test_new_and_changed_texts_are_found_and_what_is_gone_is_not(old: Path) -> None:
    store = connect(old)
    store.execute("UPDATE rationales SET text = 'Quite different.' WHERE id = 1")
    assert curation.search(store, PROJECT, 1, ["creme"]) == set()
    assert curation.search(store, PROJECT, 1, ["different"]) == {1}
    decisions.append(store, PROJECT, "ann", [Entry("rationale", 1, "comment", "zebra")])
    assert curation.search(store, PROJECT, 1, ["zebra"]) == {1}


def test_what_a_person_may_look_at_moves_the_revision(old: Path) -> None:
    store = connect(old)
    at = 0
    for statement in (
        "UPDATE answers SET correct = 1 WHERE id = 1",
        "UPDATE rationales SET current = 0 WHERE id = 1",
        "UPDATE feedback SET current = 0 WHERE id = 1",
        "UPDATE reviews SET score = 1 WHERE id = 1",
        "UPDATE teachers SET active = 0 WHERE id = 1",
        "UPDATE projects SET exam_id = NULL WHERE id = 1",
        """INSERT INTO reviews (rationale_id, reviewer_id, call_id, score, prompt)
           VALUES (1, 2, 1, 4, 'other')""",
    ):
        store.execute(statement)
        now = curation.revision(store, PROJECT)
        assert now > at, statement
        at = now
    decisions.append(store, PROJECT, "ann", [Entry("rationale", 1, "accept")])
    store.execute("UPDATE projects SET threshold = 4")
    assert curation.revision(store, PROJECT) == at


def test_a_migration_that_fails_leaves_the_old_database(old: Path) -> None:
    before = decided(old)
    with sqlite3.connect(old) as plain:
        # The last of what the migration makes has this name.
        plain.execute("CREATE TABLE decisions_fts (x)")
    plain.close()
    with pytest.raises(sqlite3.OperationalError, match="decisions_fts"):
        connect(old)
    assert decided(old) == before
    with sqlite3.connect(old) as plain:
        names = {row[0] for row in plain.execute("SELECT name FROM sqlite_master")}
        assert "decisions_are_never_changed" in names
        assert not names & {"decisions_now", "questions_fts", "answers_update_revises"}
        plain.execute("DROP TABLE decisions_fts")
    plain.close()
    assert decisions.revision(connect(old), PROJECT) == 8


def _open(path: Path, revisions: "multiprocessing.Queue[int]") -> None:
    revisions.put(decisions.revision(connect(path), PROJECT))
    close(path)


def test_two_processes_may_open_an_old_database_at_once(old: Path) -> None:
    context = multiprocessing.get_context("spawn")
    revisions: multiprocessing.Queue[int] = context.Queue()
    rivals = [context.Process(target=_open, args=(old, revisions)) for _ in range(2)]
    for rival in rivals:
        rival.start()
    assert [revisions.get(timeout=180) for _ in rivals] == [8, 8]
    for rival in rivals:
        rival.join()
    assert not migrations.pending(connect(old))


def test_jobs_that_wait_keep_their_order(old: Path) -> None:
    with sqlite3.connect(old) as plain:
        plain.executemany(
            """INSERT INTO jobs (id, kind, params, state, created_at)
               VALUES (?, 'exam', '{}', 'queued', 1700000000)""",
            [(4,), (9,)],
        )
    plain.close()
    store = connect(old)
    assert [(job.id, job.place) for job in jobs.waiting(store)] == [(4, None), (9, None)]
    jobs.swap(store, 4, 9)
    assert [(job.id, job.place) for job in jobs.waiting(store)] == [(9, 4.0), (4, 9.0)]
