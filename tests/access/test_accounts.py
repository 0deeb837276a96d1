"""How persons are told apart: not at all, by a file, or by Hugging Face on a Space."""

import time
from pathlib import Path

import pytest

from fair_app.access import accounts, passwords, sessions
from fair_app.access.accounts import (
    FileAccounts,
    NoAccounts,
    SpaceAccounts,
    accounts_of,
    add_user,
    proof_of,
    remove_user,
    set_password,
    warning,
)
from fair_app.access.roles import Role
from fair_app.access.users import User, UsersFile, write
from fair_app.errors import BadInput
from fair_app.settings import Settings

HASH = f"scrypt$2$1$1${'0' * 32}${'0' * 64}"
SPACE = {"SPACE_ID": "anna/fair", "SPACE_AUTHOR_NAME": "Anna", "OAUTH_CLIENT_SECRET": "s3cret"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write(tmp_path / "users", [User("olga", Role.OWNER, HASH), User("vera", Role.VIEWER, HASH)])
    return Settings(home=tmp_path, users=tmp_path / "users")


def on_a_space(home: Path, **more: str) -> SpaceAccounts:
    found = accounts_of(Settings(home=home, **more), SPACE)
    assert isinstance(found, SpaceAccounts)
    return found


def signed_in(accounts: SpaceAccounts, name: str, account: str = "") -> Role:
    """The role of who signs in by a name, from the account that has had it all along."""
    number = account or f"number of {name.lower()}"
    accounts.recognise(name, number)
    return accounts.role(name, number)


def test_alone_everybody_is_the_owner(tmp_path: Path) -> None:
    found = accounts_of(Settings(home=tmp_path), {})
    assert isinstance(found, NoAccounts)
    assert found.anonymous is Role.OWNER
    assert sessions.visitor(Settings(home=tmp_path), found, "any").role is Role.OWNER


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_an_open_server_is_warned_about(tmp_path: Path, host: str) -> None:
    said = warning(Settings(home=tmp_path, host=host), NoAccounts())
    assert host in said and "FAIR_USERS" in said
    assert warning(Settings(home=tmp_path), NoAccounts()) == ""


def test_a_server_with_accounts_is_not_warned_about(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"host": "0.0.0.0"})
    assert warning(elsewhere, accounts_of(elsewhere, {})) == ""


def test_a_role_counts_from_the_next_click_on(settings: Settings) -> None:
    found = accounts_of(settings, {})
    token = sessions.begin(settings, "vera", proof_of(HASH))
    assert sessions.visitor(settings, found, token).role is Role.VIEWER
    found.set_role("vera", Role.CURATOR, "olga")
    assert sessions.visitor(settings, found, token).role is Role.CURATOR


def test_another_password_ends_the_sessions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "COST", 2)
    monkeypatch.setattr(passwords, "NONE", HASH)
    found = accounts_of(settings, {})
    token = sessions.begin(settings, "vera", proof_of(HASH))
    assert settings.users is not None
    set_password(UsersFile(settings.users), "vera", "a new pass phrase")
    assert sessions.visitor(settings, found, token).role is Role.NOBODY
    assert isinstance(found, FileAccounts)
    assert found.proof("vera", "a new pass phrase")
    assert found.proof("vera", "an old pass phrase") is None
    assert found.proof("nobody", "a new pass phrase") is None


def test_who_is_removed_is_out(settings: Settings) -> None:
    found = accounts_of(settings, {})
    token = sessions.begin(settings, "vera", proof_of(HASH))
    assert settings.users is not None
    remove_user(UsersFile(settings.users), "vera")
    assert sessions.visitor(settings, found, token).name is None


def test_signing_out_ends_a_session_and_no_other(settings: Settings) -> None:
    found = accounts_of(settings, {})
    one, other = (sessions.begin(settings, "vera", proof_of(HASH)) for _ in range(2))
    sessions.end(settings, one)
    assert sessions.visitor(settings, found, one).role is Role.NOBODY
    assert sessions.visitor(settings, found, other).role is Role.VIEWER


def test_a_session_ends_after_a_week(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    found = accounts_of(settings, {})
    monkeypatch.setattr(sessions, "LASTS_S", 0.01)
    token = sessions.begin(settings, "vera", proof_of(HASH))
    time.sleep(0.02)
    assert sessions.visitor(settings, found, token).role is Role.NOBODY


def test_a_token_is_not_in_the_store(settings: Settings) -> None:
    token = sessions.begin(settings, "vera", proof_of(HASH))
    files = settings.database.parent.glob("fair.db*")
    assert all(token.encode() not in file.read_bytes() for file in files)
    assert len(token) >= 43  # 256 bits


def test_the_last_owner_stays(settings: Settings) -> None:
    assert settings.users is not None
    with pytest.raises(BadInput, match="must be an owner"):
        remove_user(UsersFile(settings.users), "olga")
    with pytest.raises(BadInput, match="must be an owner"):
        accounts_of(settings, {}).set_role("olga", Role.VIEWER, "olga")


def test_a_file_without_an_owner_keeps_the_server_from_starting(settings: Settings) -> None:
    assert settings.users is not None
    write(settings.users, [User("vera", Role.VIEWER, HASH)])
    with pytest.raises(BadInput, match="must be an owner"):
        accounts_of(settings, {})


def test_a_file_that_breaks_while_the_server_runs_lets_nobody_in(settings: Settings) -> None:
    found = accounts_of(settings, {})
    token = sessions.begin(settings, "olga", proof_of(HASH))
    assert settings.users is not None
    settings.users.write_text("olga owner\n")
    assert sessions.visitor(settings, found, token).role is Role.NOBODY


def test_a_user_stands_there_once(settings: Settings) -> None:
    assert settings.users is not None
    with pytest.raises(BadInput, match="already"):
        add_user(UsersFile(settings.users), "vera", Role.VIEWER, "a good pass phrase")


def test_a_space_without_its_secret_does_not_start(tmp_path: Path) -> None:
    for secret in ({}, {"OAUTH_CLIENT_SECRET": ""}):
        with pytest.raises(BadInput, match="hf_oauth: true"):
            accounts_of(Settings(home=tmp_path), {"SPACE_ID": "anna/fair", **secret})


def test_a_space_without_an_owner_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="FAIR_OWNERS"):
        accounts_of(Settings(home=tmp_path), {**SPACE, "SPACE_AUTHOR_NAME": ""})


def test_what_somebody_is_on_a_space(tmp_path: Path) -> None:
    found = on_a_space(tmp_path, owners="Bea, ", curators="Carl,dora")
    names = ("anna", "ANNA", "bea", "carl", "Dora", "eve")
    roles = {name: signed_in(found, name) for name in names}
    assert roles == {
        **dict.fromkeys(("anna", "ANNA", "bea"), Role.OWNER),
        **dict.fromkeys(("carl", "Dora"), Role.CURATOR),
        "eve": Role.NOBODY,
    }
    assert signed_in(on_a_space(tmp_path, public="viewer"), "eve") is Role.VIEWER
    assert found.role("anna", "") is Role.NOBODY  # as sessions of former versions have it


def test_an_owner_gives_roles_on_a_space(tmp_path: Path) -> None:
    found = on_a_space(tmp_path, curators="carl", public="viewer")
    found.set_role("Eve", Role.CURATOR, "anna")
    found.set_role("carl", Role.NOBODY, "anna")
    assert signed_in(found, "eve") is Role.CURATOR
    assert signed_in(found, "carl") is Role.NOBODY
    assert found.listed() == {"carl": Role.NOBODY, "eve": Role.CURATOR, "anna": Role.OWNER}
    with pytest.raises(BadInput, match="FAIR_OWNERS"):
        found.set_role("anna", Role.VIEWER, "eve")
    with pytest.raises(BadInput, match="no name"):
        found.set_role("e v e", Role.VIEWER, "anna")


@pytest.mark.parametrize("name", ["anna", "bea", "carl", "dora", "eve"])
def test_a_name_that_became_another_s_has_no_role(tmp_path: Path, name: str) -> None:
    found = on_a_space(tmp_path, owners="bea", curators="carl", public="viewer")
    found.set_role("dora", Role.CURATOR, "anna")
    before = signed_in(found, name)
    assert before > Role.NOBODY
    with pytest.raises(BadInput, match="ask an owner of this Space"):
        found.recognise(name.upper(), "the account that took the name")
    assert found.role(name, "the account that took the name") is Role.NOBODY
    assert signed_in(found, name) is before


def test_an_owner_lets_a_name_go_on_to_another_account(tmp_path: Path) -> None:
    found = on_a_space(tmp_path)
    found.set_role("Eve", Role.CURATOR, "anna")
    assert signed_in(found, "eve", "first") is Role.CURATOR
    found.set_role("eve", Role.NOBODY, "anna")
    found.set_role("eve", Role.VIEWER, "anna")
    assert found.role("eve", "first") is Role.NOBODY
    assert signed_in(found, "eve", "second") is Role.VIEWER
    with pytest.raises(BadInput, match="another account's"):
        found.recognise("eve", "first")


def test_the_environment_may_say_whose_a_name_is(tmp_path: Path) -> None:
    found = on_a_space(tmp_path, owners="Anna:64f, bea", curators="carl: 7a")
    with pytest.raises(BadInput, match="write anna:stranger there"):
        found.recognise("anna", "stranger")
    assert (signed_in(found, "anna", "64f"), signed_in(found, "carl", "7a")) == (
        *(Role.OWNER, Role.CURATOR),
    )
    both = on_a_space(tmp_path, owners="dora", curators="dora:9b")
    with pytest.raises(BadInput, match="another account's"):
        both.recognise("dora", "stranger")
    # Who could not sign in has not taken the name either.
    assert signed_in(on_a_space(tmp_path, owners="bea"), "anna", "64f") is Role.OWNER


def test_public_is_a_word_that_is_known(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="viewer or to nobody"):
        accounts_of(Settings(home=tmp_path, public="everybody"), {})


def test_strangers_look_where_they_may(settings: Settings) -> None:
    public = settings.model_copy(update={"public": "viewer"})
    found = sessions.visitor(public, accounts_of(public, {}), "")
    assert (found.name, found.role, found.signed_in) == (sessions.STRANGER, Role.VIEWER, False)


def test_where_nobody_signs_in_nobody_gets_a_role() -> None:
    with pytest.raises(BadInput, match="FAIR_USERS"):
        accounts.NoAccounts().set_role("anna", Role.OWNER, "local")
