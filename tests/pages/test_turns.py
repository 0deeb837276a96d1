"""One visitor who asks for much at once waits, or is told so; the others are answered."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from fair_app.access import shares
from fair_app.access.roles import Role
from fair_app.access.sessions import STRANGER
from fair_app.settings import Settings
from fair_app.studio.projects import open_project
from pages import turns
from pages.access import is_stream, takes_a_turn
from pages.turns import AT_ONCE, QUEUED, WAITING, Streams, Turns, queued, whose
from pages.web import build
from tests.pages.entering import URL, Browser, begun, blocks_of, cookie_of, guarded, handler_of


async def flood(lines: Turns, visitors: list[str], release: asyncio.Event) -> tuple[Any, Any]:
    """Ask for a turn for each name; the most that had one at once by name, and who was sent off."""
    now: dict[str, int] = dict.fromkeys(visitors, 0)
    most, sent_off = dict(now), dict(now)

    async def ask(name: str) -> None:
        async with lines.turn(name) as is_theirs:
            if not is_theirs:
                sent_off[name] += 1
                return
            now[name] += 1
            most[name] = max(most[name], now[name])
            await release.wait()
            now[name] -= 1

    asked = [asyncio.create_task(ask(name)) for name in visitors]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*asked)
    return most, sent_off


def test_a_visitor_has_a_few_at_once_the_rest_wait_and_too_many_are_sent_off() -> None:
    async def trial() -> None:
        lines, greedy = Turns(), ["greedy"] * (AT_ONCE + WAITING + 7)
        most, sent_off = await flood(lines, [*greedy, "modest"], asyncio.Event())
        assert most == {"greedy": AT_ONCE, "modest": 1}
        assert sent_off == {"greedy": 7, "modest": 0}
        assert lines._lines == {}  # who has gone takes no memory

    asyncio.run(trial())


def test_a_turn_that_fails_is_given_back() -> None:
    async def trial() -> None:
        lines = Turns()
        for _ in range(3 * AT_ONCE):
            with pytest.raises(RuntimeError):
                async with lines.turn("anna"):
                    raise RuntimeError
        assert lines._lines == {}

    asyncio.run(trial())


def test_a_visitor_has_so_many_streams_and_the_others_have_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "STREAMS", 2)
    streams = Streams()
    with streams.opened("anna") as one, streams.opened("anna") as two:
        with streams.opened("anna") as three, streams.opened("bert") as another:
            assert (one, two, three, another) == (True, True, False, True)
        assert set(streams._open) == {"anna"}
    with pytest.raises(RuntimeError), streams.opened("anna"):
        raise RuntimeError
    assert not streams._open  # who has gone takes no memory


def test_whose_turn_it_is() -> None:
    here, there = {"client": ("1.2.3.4", 1)}, {"client": ("5.6.7.8", 1)}
    assert whose("anna", here) == whose("anna", there)
    for many in ("link 3", STRANGER):
        assert whose(many, here) != whose(many, there)
    assert len({whose(one, here) for one in ("anna", "link 3", STRANGER)}) == 3
    assert whose(STRANGER, {"client": None})


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("/gradio_api/run/predict", True),
        ("/gradio_api/queue/join", True),
        ("/downloads/demo/report.md", True),
        ("/config", True),
        ("/", True),
        ("/gradio_api/queue/data", False),
        ("/gradio_api/heartbeat/abc/", False),
        ("/assets/index.js", False),
        ("/healthz", False),
        ("/sign-in", False),
    ],
)
def test_what_takes_a_turn(path: str, takes: bool) -> None:
    assert takes_a_turn(path) is takes
    assert is_stream(path) is path.rstrip("/").endswith(("/queue/data", "/heartbeat/abc"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return guarded(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build(settings), base_url=URL) as client:
        yield client


def test_who_asks_for_too_much_is_told_and_an_owner_is_not_counted(
    web: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 0)
    monkeypatch.setattr(turns, "WAITING", 0)
    viewer, owner = (
        Browser(web, cookie_of(settings, role), role.word) for role in (Role.VIEWER, Role.OWNER)
    )
    index, wired = handler_of(web, "overview.tick")
    status, said, _ = viewer.call(index, begun(wired))
    assert (status, said) == (429, turns.TOO_MUCH)
    assert viewer.get("/downloads/demo/report.md").status_code == 429
    monkeypatch.setattr(turns, "STREAMS", 0)
    for stream in ("/gradio_api/heartbeat/x", "/gradio_api/queue/data?session_hash=x"):
        assert viewer.get(stream).status_code == 429
    assert viewer.get("/theme.css").status_code == 200
    assert owner.call(index, begun(wired))[0] == 200


def joined(browser: Browser, index: int, wired: Any) -> Any:
    """What is answered to who puts an event into Gradio's queue."""
    call = {"fn_index": index, "data": begun(wired), "session_hash": browser.session}
    return browser.post("/gradio_api/queue/join", json=call)


def test_one_visitor_does_not_fill_the_queue(
    web: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, demo = threading.Event(), blocks_of(web.app)
    index, wired = handler_of(web, "exam.look")
    monkeypatch.setattr(wired, "fn", lambda *_: answered.wait(120))
    viewer, curator = (
        Browser(web, cookie_of(settings, role), f"{role.word}-again")
        for role in (Role.VIEWER, Role.CURATOR)
    )
    try:
        assert [joined(viewer, index, wired).status_code for _ in range(QUEUED)] == [200] * QUEUED
        assert queued(demo, "vera") == QUEUED
        refused = joined(viewer, index, wired)
        assert (refused.status_code, refused.json()["detail"]) == (429, turns.TOO_MUCH)
        assert joined(curator, index, wired).status_code == 200
    finally:
        answered.set()
    until = time.monotonic() + 120
    while queued(demo, "vera"):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert joined(viewer, index, wired).status_code == 200


def test_of_a_link_s_visitors_one_does_not_fill_the_queue_for_another(
    web: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    index, wired = handler_of(web, "exam.look")
    monkeypatch.setattr(wired, "fn", lambda *_: answered.wait(120))
    monkeypatch.setattr("pages.gate.QUEUED", 1)
    _, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    token = path.removeprefix(shares.PATH)
    one, another = (
        Browser(web, {"fair_session": shares.enter(settings, token)}, page)
        for page in ("a-page", "another-page")
    )
    try:
        assert [joined(one, index, wired).status_code for _ in range(2)] == [200, 429]
        monkeypatch.setattr(web._transport, "client", ("5.6.7.8", 50000))
        assert joined(another, index, wired).status_code == 200
    finally:
        answered.set()
