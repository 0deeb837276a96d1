"""Requests that are too odd, too slow, too long, or about too many pages to be let in."""

import asyncio
import json
from itertools import count
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Message

from fair_app.access.accounts import accounts_of
from fair_app.access.roles import Role
from fair_app.settings import Settings
from pages import gate
from pages.gate import LARGEST_BELOW, LARGEST_OF_ANYBODY, Door, Gate
from pages.holders import LONGEST, PAGES, Holders
from tests.pages.entering import Browser, begun, blocks_of, cookie_of, handler_of

JSON = {"content-type": "application/json"}
PAGE = count()
"""Each open page has a hash of its own, as in a browser."""


def as_(web: TestClient, settings: Settings, role: Role, page: str = "") -> Browser:
    return Browser(web, cookie_of(settings, role), page or f"page{next(PAGE)}")


def sent(browser: Browser, path: str, body: bytes) -> int:
    answer = browser.web.post(path, content=body, headers={**browser._headers(), **JSON})
    return int(answer.status_code)


@pytest.mark.parametrize(
    "odd",
    [
        rb'"\ud800"',
        rb'"half \uDFFF of a pair"',
        b'"\xed\xa0\x80"',
        rb'"a\u0000b"',
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" + b"0" * 400,
        rb'{"\ud800": 1}',
    ],
)
def test_what_cannot_be_stored_or_sent_again_comes_to_no_handler(
    web: TestClient, settings: Settings, odd: bytes
) -> None:
    index, wired = handler_of(web, "overview.tick")
    owner = as_(web, settings, Role.OWNER)
    assert len(begun(wired)) == 1
    bodies = (
        b'{"fn_index": %d, "session_hash": "x", "data": [%s]}' % (index, odd),
        b'{"fn_index": %d, "data": ["demo"], "event_data": {"a": [1, {"b": %s}]}}' % (index, odd),
    )
    for body in bodies:
        for path in ("/gradio_api/run/predict", "/gradio_api/queue/join"):
            assert sent(owner, path, body) == 400
    assert owner.call(index, ["demo"])[0] == 200


@pytest.mark.parametrize(
    "plain",
    [r'"😀 \ud83d\ude00 ☃ é"', "9223372036854775807", "-1.5e300", '"\\n\\t\\u0001"', "true"],
)
def test_what_can_be_stored_is_let_through(web: TestClient, settings: Settings, plain: str) -> None:
    index, _ = handler_of(web, "overview.tick")
    owner = as_(web, settings, Role.OWNER)
    call = f'{{"fn_index": {index}, "data": ["demo"], "event_data": {{"a": {plain}}}}}'
    assert sent(owner, "/gradio_api/run/predict", call.encode()) == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OWNER])
def test_half_a_million_values_come_to_no_handler(
    web: TestClient, settings: Settings, role: Role
) -> None:
    index, _ = handler_of(web, "overview.tick")
    body = b'{"fn_index": %d, "data": [%s]}'
    few, many = (b",".join([b"1"] * size) for size in (4000, 490_000))
    browser = as_(web, settings, role)
    assert sent(browser, "/gradio_api/run/predict", body % (index, many)) == 413
    assert sent(browser, "/gradio_api/run/predict", body % (index, few)) != 413


@pytest.mark.parametrize("depth", [900, 100_000])
def test_nests_without_end_are_no_fault_of_the_gate(
    web: TestClient, settings: Settings, depth: int
) -> None:
    viewer = as_(web, settings, Role.VIEWER)
    body = b'{"fn_index": 0, "data": ' + b"[" * depth + b"]" * depth + b"}"
    assert sent(viewer, "/gradio_api/run/predict", body) >= 400
    index, _ = handler_of(web, "overview.tick")
    assert viewer.call(index, ["demo"])[0] == 200


def test_who_may_do_less_may_send_less(web: TestClient, settings: Settings) -> None:
    curator, owner = (as_(web, settings, role) for role in (Role.CURATOR, Role.OWNER))
    long = b'{"data": ["' + b"a" * LARGEST_BELOW + b'"]}'
    assert sent(curator, "/gradio_api/run/predict", long) == 413
    assert sent(owner, "/gradio_api/run/predict", long) != 413
    stranger = Browser(web)
    form = b"name=anna&password=" + b"a" * LARGEST_OF_ANYBODY
    for path in ("/sign-in", "/sign-out"):
        assert sent(stranger, path, form) == 413
    # The longest text that a curator may write is let through.
    index, wired = handler_of(web, "review.ask")
    longest = {"action": "edit", "project": "demo", "value": "😀" * 100_000}
    call = {"fn_index": index, "data": begun(wired), "event_data": longest}
    body = json.dumps(call, ensure_ascii=False).encode()
    assert sent(curator, "/gradio_api/run/predict", body) == 200


def test_a_body_that_does_not_come_gives_its_turn_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "SLOWEST_S", 0.05)
    door = Door(settings, accounts_of(settings, {}))
    standing = Gate(PlainTextResponse("in"), door, lambda _: 0, lambda _: None)
    token = cookie_of(settings, Role.VIEWER)["fair_session"].encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/gradio_api/run/predict",
        "scheme": "http",
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [(b"content-length", b"100"), (b"cookie", b"fair_session=" + token)],
    }
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    async def trial() -> None:
        came = iter([{"type": "http.request", "body": b'{"', "more_body": True}])

        async def receive() -> Any:
            for message in came:
                return message
            await asyncio.sleep(3600)

        await asyncio.wait_for(standing(scope, receive, send), 30)

    asyncio.run(trial())
    assert told[0]["status"] == 408
    assert standing._turns._lines == {}


@pytest.mark.timeout(120)
def test_a_body_of_nothing_is_waited_for_no_longer(web: TestClient, settings: Settings) -> None:
    viewer = as_(web, settings, Role.VIEWER)
    assert sent(viewer, "/gradio_api/run/predict", b"") == 422
    assert web.post("/sign-in", content=b"").status_code == 401


def test_no_page_is_named_by_a_long_hash(web: TestClient, settings: Settings) -> None:
    index, _ = handler_of(web, "overview.tick")
    viewer = as_(web, settings, Role.VIEWER, "x" * (LONGEST + 1))
    assert viewer.call(index, ["demo"])[0] == 403
    assert viewer.get(f"/gradio_api/heartbeat/{viewer.session}").status_code == 403


def test_one_visitor_s_pages_take_bounded_memory_and_nobody_else_s(
    web: TestClient, settings: Settings
) -> None:
    demo = blocks_of(web.app)
    index, wired = handler_of(web, "overview.tick")
    curator = as_(web, settings, Role.CURATOR, "the-curator-s")
    assert curator.call(index, begun(wired))[0] == 200
    viewer = as_(web, settings, Role.VIEWER)
    for number in range(PAGES + 20):
        viewer.session = f"viewer-{number}"
        assert viewer.call(index, begun(wired))[0] == 200
    kept = demo.state_holder.session_data
    assert sum(one.startswith("viewer-") for one in kept) == PAGES
    assert "viewer-0" not in kept and f"viewer-{PAGES + 19}" in kept
    assert "the-curator-s" in kept
    viewer.session = "viewer-0"  # an old page goes on, as after a restart
    assert viewer.call(index, begun(wired))[0] == 200
    assert as_(web, settings, Role.VIEWER, "the-curator-s").call(index, begun(wired))[0] == 403


def test_a_page_that_was_dropped_is_forgotten_wholly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.holders.PAGES", 2)
    monkeypatch.setattr("pages.holders.HASHES", 3)
    dropped: list[str] = []
    holders = Holders(dropped.append)
    for page in ("a", "b", "a", "c"):
        assert holders.holds(page, "browser", "anna")
    assert dropped == ["b"]  # the longest unused
    assert not holders.holds("a", "another browser", "bert")
    assert holders.holds("b", "another browser", "bert")
    assert holders.holds("d", "another browser", "bert")
    assert dropped == ["b", "a"]  # of all: the longest unused
    assert set(holders._holders) == {"c", "b", "d"}
    assert holders.holds("e", "third browser", "cleo")
    assert dropped == ["b", "a", "c"] and set(holders._pages) == {"bert", "cleo"}
