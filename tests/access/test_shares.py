"""Links to look at one project: what they show, and when they end."""

from pathlib import Path

import pytest

from db.store import connect, now, update, writing
from fair_app.access import audit, sessions, shares
from fair_app.access.accounts import accounts_of
from fair_app.access.roles import Role, visiting
from fair_app.access.users import User, write
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.projects import all_projects, create_project, ensure_demo, open_project

HASH = f"scrypt$2$1$1${'0' * 32}${'0' * 64}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write(tmp_path / "users", [User("olga", Role.OWNER, HASH)])
    made = Settings(home=tmp_path, users=tmp_path / "users")
    ensure_demo(made)
    create_project(made, "private", "arithmetic", "smollm2-135m")
    return made


def entered(settings: Settings, path: str) -> str:
    return shares.enter(settings, path.removeprefix(shares.PATH))


def test_a_link_shows_one_project_and_lets_nobody_do_anything(settings: Settings) -> None:
    link, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    token = path.removeprefix(shares.PATH)
    assert len(token) >= 43  # 256 bits
    assert shares.shown_by(settings, token) == "demo"
    who = sessions.visitor(settings, accounts_of(settings, {}), entered(settings, path))
    assert (who.name, who.role, who.project) == (f"link {link.id}", Role.VIEWER, "demo")
    with visiting(who):
        assert [one.name for one in all_projects(settings)] == ["demo"]
        with pytest.raises(BadInput, match="the projects here are: demo") as fault:
            open_project(settings, "private")
        assert "private'" in str(fault.value) and "here are: demo." in str(fault.value)
    assert open_project(settings, "private").name == "private"


def test_a_revoked_link_ends_for_those_who_look_too(settings: Settings) -> None:
    link, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    session, accounts = entered(settings, path), accounts_of(settings, {})
    shares.revoke(settings, link.id, "olga")
    assert sessions.visitor(settings, accounts, session).role is Role.NOBODY
    assert shares.shown_by(settings, path.removeprefix(shares.PATH)) is None
    with pytest.raises(BadInput, match="does not work any more"):
        entered(settings, path)
    assert [one.state for one in shares.listed(settings)] == ["revoked"]


def test_an_expired_link_ends_too(settings: Settings) -> None:
    link, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    session, accounts = entered(settings, path), accounts_of(settings, {})
    assert sessions.visitor(settings, accounts, session).project == "demo"
    with writing(connect(settings.database)) as store:
        update(store, "shares", link.id, {"expires_at": now()})
    assert sessions.visitor(settings, accounts, session).role is Role.NOBODY
    assert shares.shown_by(settings, path.removeprefix(shares.PATH)) is None
    assert [one.state for one in shares.listed(settings)] == ["expired"]


def test_the_token_is_nowhere(settings: Settings) -> None:
    _, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    token = path.removeprefix(shares.PATH).encode()
    for file in settings.database.parent.glob("fair.db*"):
        assert token not in file.read_bytes()
    assert all(token.decode() not in repr(one) for one in audit.latest(settings))
    assert [one.what for one in audit.latest(settings)] == ["made a link"]


@pytest.mark.parametrize("days", [0, -1, 366, float("nan"), float("inf")])
def test_days_that_cannot_be_are_refused(settings: Settings, days: float) -> None:
    with pytest.raises(BadInput, match="365"):
        shares.make(settings, open_project(settings, "demo"), days, "olga")


def test_what_is_no_link_is_refused(settings: Settings) -> None:
    for token in ("", "x", "' OR 1=1 --", "\ud800"):
        assert shares.shown_by(settings, token) is None
    with pytest.raises(BadInput, match="There is no link 7"):
        shares.revoke(settings, 7, "olga")


def test_links_are_listed_by_project(settings: Settings) -> None:
    demo, private = (open_project(settings, name) for name in ("demo", "private"))
    for project in (demo, private, demo):
        shares.make(settings, project, 1, "olga")
    assert [one.project for one in shares.listed(settings, demo)] == ["demo", "demo"]
    assert [one.id for one in shares.listed(settings)] == [3, 2, 1]
