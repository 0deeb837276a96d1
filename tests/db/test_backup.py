"""A copy of a store that is written to, what is wrong with one, and whether one can be written."""

import sqlite3
from pathlib import Path

import pytest

from db import backup
from db.store import connect, scalar


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "fair.db"
    connect(path).execute("CREATE TABLE notes (text TEXT)")
    return path


def test_a_copy_is_one_plain_file_without_what_is_not_committed(store: Path) -> None:
    copy = store.with_name("copy.db")
    with sqlite3.connect(store) as writer:
        writer.execute("INSERT INTO notes VALUES ('done')")
    writer.execute("INSERT INTO notes VALUES ('under way')")
    backup.copy(store, copy)
    writer.rollback()
    writer.close()
    assert backup.fault(copy) == ""
    assert sorted(path.name for path in store.parent.glob("copy*")) == ["copy.db"]
    with sqlite3.connect(copy) as made:
        assert made.execute("SELECT text FROM notes").fetchall() == [("done",)]
    # it is a store again as soon as it is opened
    assert scalar(connect(copy), "PRAGMA journal_mode") == "wal"


def test_equal_stores_have_equal_copies(store: Path) -> None:
    copies = [store.with_name(name) for name in ("a", "b")]
    for copy in copies:
        backup.copy(store, copy)
    assert copies[0].read_bytes() == copies[1].read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 5000]
)
def test_what_is_no_store_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file.db"
    file.write_bytes(content)
    assert backup.fault(file)
    assert backup.fault(tmp_path / "nowhere.db")


def test_a_database_of_another_program_is_no_store(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE projects (x)")
    assert backup.fault(tmp_path / "other.db") == "it is no database of this program"


def test_whether_something_can_be_written(store: Path, tmp_path: Path) -> None:
    before = [tuple(row) for row in connect(store).execute("SELECT name FROM sqlite_master")]
    assert backup.not_writable(store, 0.1) == ""
    assert [
        tuple(row) for row in connect(store).execute("SELECT name FROM sqlite_master")
    ] == before
    with sqlite3.connect(store, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked" in backup.not_writable(store, 0.1)
        other.execute("ROLLBACK")
    assert backup.not_writable(store, 0.1) == ""
    assert "unable to open" in backup.not_writable(tmp_path / "gone.db", 0.1)
    (tmp_path / "rotten.db").write_bytes(b"rotten" * 1000)
    assert "not a database" in backup.not_writable(tmp_path / "rotten.db", 0.1)
