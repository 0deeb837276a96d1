"""Backups in a data set of a hub on the loopback, through the hub's own client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from db.store import close
from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.storage.backups import Backups
from fair_app.storage.keeper import Keeper
from fair_app.storage.places import Place, place_of
from fair_app.storage.restoring import restore_at_start
from fair_app.studio.storage import backup_fault
from tests.loopback_repository import Hub, Repository, loopback_repository
from tests.ports import free_port
from tests.storage.homes import FILES, STATE, filled, found_in, home, project_names, write

TOKEN = "may-write-0123456789"
WHERE = "hf://datasets/ann/backups"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with loopback_repository() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return filled(home(tmp_path / "home", WHERE))


def test_a_backup_is_one_commit_into_a_private_data_set(
    hub: Hub, settings: Settings, tmp_path: Path
) -> None:
    backups = Backups(settings, place_of(WHERE))
    made = backups.make()
    assert made is not None
    repository = hub.repositories["ann/backups"]
    assert repository.private
    (commit,) = repository.commits
    assert len(commit) == len(set(FILES.values())) + 2
    assert f"file {made.name}.json" in commit
    # what is there is not sent again, and what nobody needs goes in the same commit
    write(settings, STATE, b"state after step 8")
    again = backups.make()
    assert again is not None
    assert len(repository.commits) == 2
    assert sorted(line.split()[0] for line in repository.commits[1]) == [
        "file",
        "lfsFile",
        "lfsFile",
    ]
    assert backups.make() is None
    assert len(repository.commits) == 2

    close(settings.database)
    new = home(tmp_path / "new", WHERE)
    restored = restore_at_start(new)
    assert restored is not None
    assert (restored.name, restored.missing) == (again.name, ())
    assert found_in(new) == {**FILES, STATE: b"state after step 8"}
    assert project_names(new) == ["maths"]
    for text in (*hub.asked, *(path.name for path in tmp_path.rglob("*"))):
        assert TOKEN not in text
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or TOKEN.encode() not in file.read_bytes()


def test_what_is_public_takes_no_backup(hub: Hub, settings: Settings) -> None:
    hub.repositories["ann/backups"] = Repository(private=False)
    with pytest.raises(BadInput, match="is public, and everybody could read"):
        Backups(settings, place_of(WHERE)).make()
    assert hub.repositories["ann/backups"].commits == []


@pytest.mark.parametrize(
    ("token", "said"),
    [("reads-only-0123456789", "does not let this token write"), ("wrong", "HF_TOKEN")],
)
def test_a_token_that_may_not_is_said_and_not_shown(
    hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch, token: str, said: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(WorkFailed, match=said) as raised:
        Backups(settings, place_of(WHERE)).make()
    assert token not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_a_hub_that_fails_is_told_and_asked_again(hub: Hub, settings: Settings) -> None:
    hub.repositories["ann/backups"] = Repository(private=True)
    keeper = Keeper(settings, Backups(settings, place_of(WHERE)))
    hub.fails = 50
    keeper._make(at_stop=False)
    assert "The hub answered 507" in backup_fault(settings)
    assert hub.repositories["ann/backups"].commits == []
    hub.fails = 0
    keeper._make(at_stop=False)
    assert backup_fault(settings) == ""
    assert len(hub.repositories["ann/backups"].commits) == 1


def test_a_server_without_its_hub_does_not_begin_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    new = home(tmp_path / "new", WHERE)
    with pytest.raises(WorkFailed, match="cannot be reached"):
        restore_at_start(new)
    assert not new.database.exists()


def test_the_place_says_what_it_is(hub: Hub) -> None:
    place: Place = place_of(f"{WHERE}/")
    assert place.shown == WHERE
    assert place.names() == set()
    assert hub.repositories["ann/backups"].private
