"""A database from before there were mentors is migrated with all that is in it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from db import committee, curation, mentors
from db.migrations import migrations
from db.store import connect, insert, writing
from tests.db.test_migrations import PROJECT, ROWS

TABLES = (
    *("projects", "questions", "answers", "teachers", "batches", "calls"),
    *("rationales", "feedback", "reviews", "decisions", "jobs"),
)
FURTHER = (
    """INSERT INTO batches (id, project_id, teacher_id, label, submitted_at)
       VALUES (1, 1, 2, 'b', 1700000000)""",
    """INSERT INTO rationales (id, question_id, teacher_id, call_id, text, finish, prompt, current)
       VALUES (9, 1, 1, 1, 'An older wording, été.', 'truncated', 'other', 0),
              (12, 1, 2, 1, NULL, 'blocked', '', 1)""",
    """INSERT INTO teachers (id, project_id, name, origin, simulated, spec, spec_hash, position,
                             active)
       VALUES (7, 1, 'gone', 'imported', 1, '{"a": 1}', 'x', 2, 0)""",
)


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A database of the former schema, with rows in every table that is made anew or names one."""
    path = tmp_path / "fair.db"
    store = Database(sqlite3.connect(path, isolation_level="IMMEDIATE"))
    store.enable_wal()
    store.execute("PRAGMA foreign_keys=on")
    with writing(store):
        migrations.apply(store, stop_before="curation")
        for statement in ROWS:
            store.execute(statement)
    with writing(store):
        migrations.apply(store, stop_before="mentor")
        for statement in FURTHER:
            store.execute(statement)
    store.close()
    return path


def held(path: Path) -> dict[str, list[dict[str, Any]]]:
    plain = sqlite3.connect(path)
    plain.row_factory = sqlite3.Row
    found = {
        table: [dict(row) for row in plain.execute(f"SELECT * FROM {table} ORDER BY id")]
        for table in TABLES
    }
    plain.close()
    return found


def schema(path: Path) -> dict[str, str]:
    """The two tables that are made anew, their indexes and triggers."""
    with sqlite3.connect(path) as plain:
        cursor = plain.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name IN ('teachers', 'rationales')"
        )
        found = dict(cursor)
    plain.close()
    return found


def test_every_row_index_and_trigger_is_as_it_was(former: Path) -> None:
    rows, made = held(former), schema(former)
    store = connect(former)
    after = held(former)
    assert all(row.pop("sample") == 0 for row in after["rationales"])
    assert after == rows
    now = schema(former)
    assert len(made) > 10
    assert {name for name in made if now.get(name) != made[name]} == {"teachers", "rationales"}
    assert "'imported', 'mentor')" in now["teachers"]
    assert "(question_id, teacher_id, prompt, sample)" in now["rationales"]
    assert store.execute("PRAGMA foreign_key_check").fetchall() == []
    assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_texts_are_found_and_revisions_move_as_before(former: Path) -> None:
    store = connect(former)
    store.execute("INSERT INTO rationales_fts (rationales_fts, rank) VALUES ('integrity-check', 1)")
    assert curation.search(store, PROJECT, 1, ["creme"]) == {1}
    at = curation.revision(store, PROJECT)
    assert at == held(former)["projects"][0]["revision"]
    for statement in (
        "UPDATE rationales SET text = 'Quite different.' WHERE id = 1",
        "UPDATE teachers SET position = 5 WHERE id = 2",
    ):
        store.execute(statement)
        assert curation.revision(store, PROJECT) > at
        at = curation.revision(store, PROJECT)
    assert curation.search(store, PROJECT, 1, ["different"]) == {1}


def test_a_mentor_may_write_several_and_nothing_else(former: Path) -> None:
    store = connect(former)
    with writing(store):
        own = mentors.choose(store, PROJECT, "mentor", {"model": "m"}, "h")
    another = {"question_id": 1, "call_id": 1, "text": "t", "finish": "complete"}
    with writing(store):
        for sample in range(3):
            insert(store, "rationales", {**another, "teacher_id": own, "sample": sample})
    assert [one.sample for one in mentors.rationales_on(store, PROJECT, 1)] == [0, 1, 2]
    assert [one.name for one in committee.teachers(store, PROJECT)] == ["gpt", "gemini"]
    given: list[tuple[str, dict[str, Any]]] = [
        ("rationales", {**another, "teacher_id": own, "sample": 2}),
        ("rationales", {**another, "teacher_id": 2, "sample": 1}),
        ("reviews", {"rationale_id": 1, "reviewer_id": own, "call_id": 1}),
        ("feedback", {"answer_id": 1, "teacher_id": own, "call_id": 1, "finish": "complete"}),
        (
            "teachers",
            {
                **{"project_id": PROJECT, "name": "mentor", "origin": "mentor", "simulated": 0},
                **{"spec": {}, "spec_hash": "another", "position": 0},
            },
        ),
    ]
    for table, values in given:
        with pytest.raises(sqlite3.IntegrityError):
            insert(store, table, values)
    # The committee is another one, and the mentor stays.
    committee.set_committee(store, PROJECT, [])
    assert mentors.of_project(store, PROJECT) is not None
    assert committee.teachers(store, PROJECT) == []
