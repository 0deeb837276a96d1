"""Who asks: a name, else a browser by a cookie that is given once and read by no script."""

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.person import COOKIE, Browsers, person


def answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse("here")


@pytest.fixture
def web() -> TestClient:
    app = Starlette(routes=[Route("/", answer), Route("/other", answer)])
    app.add_middleware(Browsers)
    return TestClient(app, base_url="http://127.0.0.1")


def asked(**given: object) -> gr.Request:
    """A request as a queued event gets it: without the connection that it came by."""
    cookies = given.pop("cookies", {})
    return gr.Request(**given, cookies=cookies)


def test_a_browser_gets_a_cookie_when_it_opens_the_app_and_only_once(web):
    assert "set-cookie" not in web.get("/other").headers
    given = web.get("/").headers["set-cookie"]
    assert "HttpOnly" in given
    assert "SameSite=Lax" in given
    assert "set-cookie" not in web.get("/").headers


def test_a_cookie_over_https_stands_inside_a_frame_too(web):
    given = web.get("/", headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "SameSite=None; Secure; Partitioned" in given


def test_every_browser_is_another_person(web):
    first = web.get("/").cookies[COOKIE]
    web.cookies.clear()
    second = web.get("/").cookies[COOKIE]
    one, other = (person(asked(cookies={COOKIE: cookie})) for cookie in (first, second))
    assert one != other
    assert one == person(asked(cookies={COOKIE: first}, session_hash="another page"))
    assert first not in one


def test_a_name_comes_first_and_a_page_last():
    assert person(asked(username="ada", cookies={COOKIE: "x"})) == "ada"
    one, other = (person(asked(session_hash=page)) for page in ("a", "b"))
    assert one != other
