"""`backup` and `restore` from the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from db.store import close
from fair_app.cli.main import main
from fair_app.settings import Settings
from fair_app.storage.locks import serving
from tests.storage.homes import FILES, filled, found_in, home, project_names


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return filled(home(tmp_path / "home"))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_home_goes_to_a_place_and_comes_back(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at, place = ["--home", str(settings.home)], str(tmp_path / "place")
    made = said(capsys, "backup", *at, "--to", place)
    assert (made["changed"], made["files"], made["removed"]) == (True, len(FILES), 0)
    assert made["sent_bytes"] > 0
    again = said(capsys, "backup", *at, "--to", place)
    assert again == {"backup": made["backup"], "place": place, "changed": False}
    assert said(capsys, "restore", *at, "--from", place, "--list")["backups"] == [made["backup"]]
    assert "--replace puts it aside" in refused(capsys, "restore", *at, "--from", place)

    close(settings.database)
    shutil.rmtree(tmp_path / "home")
    found = said(capsys, "restore", *at, "--from", place)
    assert found == {
        "backup": made["backup"],
        "place": place,
        "files": len(FILES),
        "skipped": [],
        "missing": [],
    }
    assert found_in(settings) == FILES
    assert project_names(settings) == ["maths"]
    with serving(settings):
        assert "stop it first" in refused(capsys, "restore", *at, "--from", place, "--replace")


def test_what_cannot_be_done_is_one_sentence(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at, empty = ["--home", str(settings.home)], ["--home", str(tmp_path / "empty")]
    assert "set FAIR_BACKUP" in refused(capsys, "backup", *at)
    assert "no place for backups" in refused(capsys, "backup", *at, "--to", "s3://x")
    place = str(tmp_path / "place")
    assert "no database to back up" in refused(capsys, "backup", *empty, "--to", place)
    assert "There is no backup in" in refused(capsys, "restore", *empty, "--from", place)
    assert not (tmp_path / "place").exists()
    monkeypatch.setenv("FAIR_BACKUP", place)
    assert said(capsys, "backup", *at)["changed"]
    assert "There is no backup x in" in refused(capsys, "restore", *empty, "--backup", "x")
    for file in (tmp_path / "place").glob("*.db"):
        file.write_bytes(b"rotten")
    assert main(["restore", *empty]) == 1
    assert "No backup in" in capsys.readouterr().err
