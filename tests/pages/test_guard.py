"""What every answer bears, whatever it answers; which origins are foreign; and which methods."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pages.guard import FAULT, FOR_GOOD, POLICY, Guard, is_foreign
from tests.pages.entering import URL, Browser, begun, handler_of
from tests.pages.test_access import addresses

PATHS = ("/", "/config", "/healthz", "/sign-in", "/nothing", "/shared/x", "/theme.css")
PATHS += ("/gradio_api/info", "/gradio_api/nothing", "/downloads/demo/report.md", "/robots.txt")
PATHS += ("/downloads/no-such-project/report.md", "/gradio_api/upload", "/favicon.ico")


def script_in(page: str) -> str:
    """The address of one of the scripts that a page loads."""
    found = re.search(r'src="\.?(/assets/[^"]+\.js)"', page)
    assert found
    return found[1]


def test_every_answer_bears_every_header(web: TestClient, owner: Browser) -> None:
    rebound = web.get("/", headers={"host": "evil.example"})
    assert rebound.status_code == 400
    foreign = web.post("/sign-in", headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403
    for answer in (rebound, foreign, *(owner.get(path) for path in PATHS)):
        policy = answer.headers["content-security-policy"]
        assert policy == POLICY and policy.endswith("frame-ancestors 'self'"), answer.url
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        kind = answer.headers["content-type"]
        assert not kind.startswith("text/") or "charset=utf-8" in kind, answer.url
        assert "uvicorn" not in str(answer.headers) and "gradio/" not in str(answer.headers)


def test_nothing_that_is_somebody_s_is_kept_by_a_browser_or_a_proxy(
    web: TestClient, owner: Browser
) -> None:
    same_for_all = ("/theme.css", "/favicon.ico")
    for path in PATHS:
        kept = owner.get(path).headers.get("cache-control")
        assert (kept == "no-store") == (path not in same_for_all), path
    index, wired = handler_of(web, "overview.tick")
    call = {"fn_index": index, "data": begun(wired), "session_hash": owner.session}
    assert owner.post("/gradio_api/run/predict", json=call).headers["cache-control"] == "no-store"
    script = owner.get(script_in(owner.get("/").text))
    assert (script.status_code, script.headers["cache-control"]) == (200, FOR_GOOD)


def test_what_handlers_answer_is_no_page(owner: Browser) -> None:
    for path in ("/gradio_api/info", "/gradio_api/user", "/gradio_api/nothing"):
        assert owner.get(path).headers["content-disposition"].startswith("attachment")
    assert "content-disposition" not in owner.get("/healthz").headers


def test_every_address_takes_only_its_own_methods(web: TestClient, owner: Browser) -> None:
    known = addresses(web.app)
    for path in {path for path, _ in known}:
        concrete = re.sub(r"\{[^}]+\}", "x", path)
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT"):
            assert (path, method) not in known
            answer = web.request(method, concrete, headers=owner._headers())
            assert answer.status_code in (404, 405), (method, path)
    told = {"x-http-method-override": "POST", **owner._headers()}
    assert web.get("/gradio_api/upload", headers=told).status_code == 405


def failing(_: Request) -> Any:
    raise RuntimeError("a secret of the inside")


def half(_: Request) -> Any:
    return PlainTextResponse("here")


def test_a_fault_nobody_foresaw_is_one_sentence_with_all_headers() -> None:
    app = Starlette(routes=[Route("/", failing), Route("/half", half)])
    app.add_middleware(Guard, framed=True)
    web = TestClient(app, base_url=URL, raise_server_exceptions=False)
    answer = web.get("/")
    assert (answer.status_code, answer.text) == (500, FAULT)
    assert answer.headers["content-security-policy"].endswith("'self' https://huggingface.co")
    assert answer.headers["cache-control"] == "no-store"
    assert web.get("/half").text == "here"
    with pytest.raises(RuntimeError, match="of the inside"):  # the log has it
        TestClient(app, base_url=URL).get("/")


@pytest.mark.parametrize(
    ("origin", "scheme", "foreign"),
    [
        ("https://fair.example", "https", False),
        ("http://fair.example", "http", False),
        ("http://fair.example", "https", True),  # anybody's on the way to a person
        ("https://fair.example:444", "https", True),
        ("https://fair.example.evil.example", "https", True),
        ("https://fair.example@evil.example", "https", True),
        ("http://[", "http", True),
        ("http://[::1", "http", True),
        ("//fair.example", "https", True),
        ("null", "http", True),
        ("", "http", True),
    ],
)
def test_which_origin_is_foreign(origin: str, scheme: str, foreign: bool) -> None:
    assert is_foreign(Headers({"host": "fair.example", "origin": origin}), scheme) is foreign


def test_a_malformed_origin_is_refused_and_no_fault(web: TestClient) -> None:
    for origin in ("http://[", "http://[x]:y"):
        assert web.post("/sign-in", headers={"origin": origin}).status_code == 403


def test_a_request_of_two_lengths_is_refused(web: TestClient) -> None:
    headers = {"content-length": "5", "transfer-encoding": "chunked"}
    answer = web.post("/sign-in", content=b"0\r\n\r\n", headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")


def test_no_folder_beside_the_code_is_served(owner: Browser) -> None:
    for file in (".git/config", ".env", "app.py", "static/", "assets/", "db/fair.db"):
        answer = owner.get(f"/{file}")
        assert answer.status_code in (403, 404) and "Index of" not in answer.text, file
    assert not Path("/static").exists()
