"""A command on a home whose database cannot be used: one sentence and exit code 2, no traceback."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from db import store as stores
from db.store import NotOurs, close, connect, scalar
from fair_app.cli.main import main
from fair_app.settings import Settings
from fair_app.studio.projects import create_project

Damage = Callable[[Path], None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home")
    create_project(made, "maths", "arithmetic", "smollm2-135m")
    close(made.database)
    return made


def refused(settings: Settings, capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """What a command says that is bad input."""
    assert main([*(command or ["status"]), "--home", str(settings.home)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: The database {settings.database} ")
    assert said.count("\n") == 1
    return said


def rotten(file: Path) -> None:
    file.write_bytes(b"rotten" * 1000)


def scrambled(file: Path) -> None:
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    file.write_bytes(content)


def another_programs(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE bookmarks (address)")


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as later:
        later.execute(
            """INSERT INTO _sqlite_migrations (migration_set, name, applied_at)
               VALUES ('fair', 'tomorrow', '2030-01-01')"""
        )


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (rotten, "is broken (file is not a database): `python -m fair_app restore --replace"),
        (scrambled, "is broken (database disk image is malformed): `python -m fair_app restore"),
        (another_programs, "cannot be used (it is a database of another program): update"),
        (newer, "cannot be used (a newer version of this program wrote it: tomorrow): update"),
        (a_folder, "cannot be opened (unable to open database file): see that this user may"),
    ],
)
def test_what_is_no_database_of_ours_stays_as_it_is(
    settings: Settings, capsys: pytest.CaptureFixture[str], damage: Damage, words: str
) -> None:
    damage(settings.database)
    before = settings.database.is_file() and settings.database.read_bytes()
    assert words in refused(settings, capsys)
    assert (settings.database.is_file() and settings.database.read_bytes()) == before


def test_a_home_that_cannot_be_made_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    settings = Settings(home=tmp_path / "file" / "home")
    assert "cannot be opened (no folder" in refused(settings, capsys)


def test_one_that_another_program_holds_is_said(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "BUSY_TIMEOUT_S", 0.1)
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = refused(settings, capsys, "projects", "delete", "maths", "--yes", "maths")
    assert "(database is locked)" in said
    close(settings.database)


def test_a_fault_of_the_program_is_none_of_the_databases(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.projects.all_projects", lambda store: store.execute("SELECT missing"))
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        main(["status", "--home", str(settings.home)])


def test_what_is_not_ours_is_not_kept_open(settings: Settings) -> None:
    newer(settings.database)
    for _ in range(2):
        with pytest.raises(NotOurs):
            connect(settings.database)
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as plain:
        plain.execute("DELETE FROM _sqlite_migrations WHERE name = 'tomorrow'")
    assert scalar(connect(settings.database), "SELECT name FROM projects") == "maths"
