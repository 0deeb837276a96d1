"""`users` and `share`: a password comes by standard input, never as an argument."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fair_app.access import passwords
from fair_app.access.accounts import FileAccounts, accounts_of
from fair_app.cli.main import main
from fair_app.settings import Settings
from fair_app.studio.projects import ensure_demo

PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command on a home of its own: the exit code, what it printed, what it complained."""

    monkeypatch.setattr(passwords, "COST", 2)

    def command(*words: str, typed: str = "") -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = main([*words, "--home", str(tmp_path), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return command


def test_users_are_kept_with_hashes(run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "users"
    monkeypatch.setenv("FAIR_USERS", str(file))
    assert run("users", "add", "olga", "--role", "owner", typed=f"{PASSWORD}\n")[0] == 0
    code, found, _ = run("users", "add", "vera", typed="another long one\r\n")
    assert (code, found) == (
        0,
        {"users": [{"name": "olga", "role": "owner"}, {"name": "vera", "role": "viewer"}]},
    )
    assert PASSWORD not in file.read_text()
    run("users", "role", "vera", "--role", "curator")
    run("users", "password", "vera", typed="yet another long one")
    known = accounts_of(Settings(home=tmp_path, users=file), {})
    assert isinstance(known, FileAccounts)
    assert known.proof("olga", PASSWORD)
    assert known.proof("vera", "yet another long one") and not known.proof("vera", "another")
    assert known.listed()["vera"].word == "curator"
    assert run("users", "remove", "vera")[1] == {"users": [{"name": "olga", "role": "owner"}]}


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (["list"], "", "Set FAIR_USERS"),
        (["add", "--file", "f"], "", "Say whom"),
        (["add", "anna", "--file", "f"], "short\n", "12 to 128 characters"),
        (["add", "local", "--file", "f"], PASSWORD, "cannot be a user's name"),
        (["list", "--file", "f"], "", "There is no users' file"),
        (["remove", "anna", "--role", "owner", "--file", "f"], "", "--role is of"),
        (["add", "anna", "--role", "king"], "", "invalid choice"),
        (["role", "anna", "--file", "f"], "", "Say which"),
    ],
)
def test_bad_words_are_one_sentence(
    run: Any, tmp_path: Path, monkeypatch: Any, words: list[str], typed: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, found, err = run("users", *words, typed=typed)
    assert (code, found) == (2, None)
    assert said in err and err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "f").exists()


def test_a_password_is_no_argument(run: Any) -> None:
    assert run("users", "add", "anna", "--password", PASSWORD)[0] == 2
    assert run("users", "add", "anna", PASSWORD)[0] == 2


def test_links_are_made_listed_and_revoked(run: Any, tmp_path: Path) -> None:
    ensure_demo(Settings(home=tmp_path))
    code, made, _ = run("share", "--project", "demo", "--days", "2")
    assert code == 0
    assert made["path"].startswith("/shared/") and len(made["path"]) > 50
    assert 0 < made["expires_at"] - made["made_at"] - 2 * 86400 + 1 < 2
    _, found, _ = run("share", "--list")
    assert [(one["id"], one["state"]) for one in found["links"]] == [(1, "open")]
    assert made["path"] not in str(found)
    _, found, _ = run("share", "--revoke", "1")
    assert [one["state"] for one in found["links"]] == ["revoked"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Say which project"),
        (["--project", "none"], "There is no project"),
        (["--project", "demo", "--days", "0"], "365"),
        (["--revoke", "9"], "There is no link 9"),
        (["--revoke", "1", "--list"], "not allowed with"),
    ],
)
def test_links_that_cannot_be_are_one_sentence(
    run: Any, tmp_path: Path, words: list[str], said: str
) -> None:
    ensure_demo(Settings(home=tmp_path))
    code, _, err = run("share", *words)
    assert code == 2
    assert said in err and err.count("\n") == 1
