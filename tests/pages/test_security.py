"""What strangers send: too much, from elsewhere, to other people's pages, and paths that climb."""

import json
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from db.store import connect
from fair_app.access.roles import Role
from fair_app.settings import Settings
from fair_app.studio.projects import ensure_demo
from pages import overview
from pages.gate import LARGEST, LARGEST_UPLOAD
from pages.web import UPLOADS_STAY_S, build, uploads
from tests.pages.entering import (
    FILE,
    URL,
    Browser,
    begun,
    blocks_of,
    cookie_of,
    handler_of,
)

MB = 2**20
INJECTIONS = (
    "demo' OR '1'='1",
    "demo'; DROP TABLE projects; --",
    'demo" UNION SELECT token_hash FROM sessions --',
    "%' OR 1=1 --",
    "{{7*7}}${7*7}<%= 7*7 %>#{7*7}",
    "{{ cycler.__init__.__globals__.os.popen('id') }}",
    "\x00\x1b'\"\\",
    "NEAR(a b) AND NOT (",
    "a" * 5000,
)


def sent(browser: Browser, path: str, body: Any, **headers: str) -> Any:
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return browser.web.post(path, content=body, headers={"cookie": cookies, **headers})


def much(size: int) -> Iterator[bytes]:
    """So many bytes, without saying beforehand how many they are."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n'
    yield head
    for _ in range(size // MB):
        yield b"a" * MB


FORM = "multipart/form-data; boundary=x"


def test_two_hundred_megabytes_are_refused_before_they_come(owner: Browser) -> None:
    length = str(200 * MB)
    headers = {"content-length": length, "content-type": FORM}
    answer = sent(owner, "/gradio_api/upload", b"--x", **headers)
    assert answer.status_code == 413
    assert "20 MB" in answer.text


def test_an_upload_that_hides_its_size_is_cut_off(owner: Browser) -> None:
    # Gradio itself looks at one file at a time.
    several = (piece for _ in range(3) for piece in (*much(8 * MB), b"\r\n"))
    for body in (much(23 * MB), chain(several, [b"--x--\r\n"])):
        answer = sent(owner, "/gradio_api/upload", body, **{"content-type": FORM})
        assert answer.status_code == 413


def test_a_file_of_the_largest_size_is_taken(owner: Browser) -> None:
    body = b"".join(much(19 * MB)) + b"\r\n--x--\r\n"
    assert len(body) < LARGEST_UPLOAD
    answer = sent(owner, "/gradio_api/upload", body, **{"content-type": FORM})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/sign-in", "/gradio_api/run/x"])
def test_no_other_request_may_be_large(owner: Browser, path: str) -> None:
    long = b'{"data": ["' + b"a" * LARGEST + b'"]}'
    answer = sent(owner, path, long, **{"content-type": "application/json"})
    assert answer.status_code == 413
    hidden = sent(owner, path, iter([long[:LARGEST], long[LARGEST:]]))
    assert hidden.status_code == 413
    # What it says of itself is enough: nothing of it is waited for.
    announced = sent(owner, path, b"{}", **{"content-length": str(LARGEST + 1)})
    assert announced.status_code == 413


def test_a_file_s_name_climbs_nowhere(owner: Browser, settings: Settings) -> None:
    climbing = "../../../../evil.json"
    files = {"files": (climbing, b"[]", "application/json")}
    cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    answer = owner.web.post("/gradio_api/upload", files=files, headers={"cookie": cookies})
    kept = Path(answer.json()[0]).resolve()
    assert kept.name == "evil.json"
    assert settings.home is not None
    assert kept.is_file() and not list(settings.home.rglob("evil.json"))
    from pages.components.rows_file import kept as keep

    copy = keep(settings, kept)
    assert copy.resolve().is_relative_to(settings.uploads.resolve())


def test_an_upload_is_nobody_else_s_and_goes_with_the_server(settings: Settings) -> None:
    app = build(settings)
    with TestClient(app, base_url=URL) as web:
        owner = Browser(web, cookie_of(settings, Role.OWNER), "an-owner-s-page")
        cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
        files = {"files": ("rows.json", b"[1]", "application/json")}
        answer = web.post("/gradio_api/upload", files=files, headers={"cookie": cookies})
        sent_up = Path(answer.json()[0])
        folder = Path(uploads())
        assert sent_up.is_relative_to(folder) and folder.name.startswith("fair-uploads-")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        take, _ = handler_of(web, "components.rows_file.rows_file.keep")
        copy = Path(owner.call(take, [{"path": str(sent_up), **FILE}])[2][0])
        assert sent_up.exists()
        assert blocks_of(app).delete_cache[1] == UPLOADS_STAY_S
    assert not sent_up.exists()
    assert copy.read_bytes() == b"[1]"


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file={home}/fair.db",
        "/gradio_api/file={home}/users",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=..%2F..%2F..%2Fetc%2Fpasswd",
        "/gradio_api/file=%2e%2e/%2e%2e/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/static/..%2f..%2f..%2f..%2fetc/passwd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/routes.py",
        "/downloads/demo/..%2f..%2ffair.db",
        "/downloads/..%2f..%2fetc/passwd",
        "/downloads/demo/%2e%2e%2fusers",
        "/svelte/..%2f..%2froutes.py",
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/gradio_api/file=http://169.254.169.254/latest/meta-data",
    ],
)
def test_no_address_leads_to_another_file(owner: Browser, settings: Settings, path: str) -> None:
    answer = owner.get(path.format(home=settings.home))
    assert answer.status_code in (400, 403, 404), answer.text[:200]
    for inside in ("SQLite format", "root:", "olga:", "def "):
        assert inside not in answer.text


def test_the_page_of_another_is_closed(web: TestClient, settings: Settings, owner: Browser) -> None:
    index, wired = handler_of(web, "overview.tick")
    assert owner.call(index, begun(wired))[0] == 200
    thief = Browser(web, cookie_of(settings, Role.CURATOR), owner.session)
    call = json.dumps({"session_hash": owner.session, "fn_index": index, "data": ["demo"]})
    written = (f" {call}".encode(), call.encode("utf-16"), call.encode("utf-16-be"))
    run, kind = "/gradio_api/run/predict", {"content-type": "application/json"}
    named_twice = f"{run}?session_hash=x&session_hash={owner.session}"
    for body in written:
        assert sent(thief, run, body, **kind).status_code == 403
    for answer in (  # of these some would stand open
        sent(owner, named_twice, call, **kind).status_code,
        thief.call(index, begun(wired))[0],
        thief.call(index, begun(wired), queue=True)[0],
        thief.get("/gradio_api/queue/data", params={"session_hash": owner.session}).status_code,
        thief.get(f"/gradio_api/heartbeat/{owner.session}").status_code,
        thief.get(f"/gradio_api/heartbeat/%74{owner.session[1:]}").status_code,
        thief.post(
            "/gradio_api/cancel",
            json={"session_hash": owner.session, "fn_index": index, "event_id": "x"},
        ).status_code,
    ):
        assert answer == 403
    # An event's answers, which Gradio also reads by the hash of a page.
    for path in (
        f"call/x/{owner.session}",
        f"call/v2/x/{owner.session}",
        f"stream/{owner.session}",
    ):
        assert thief.get(f"/gradio_api/{path}").status_code == 404
    assert owner.call(index, begun(wired))[0] == 200


def test_no_call_has_a_file_fetched_or_copied(
    web: TestClient, settings: Settings, owner: Browser
) -> None:
    """Gradio would do so for each value of a call, before the handler is asked who may."""
    index, _ = handler_of(web, "evaluation.try_it.turn")
    viewer = Browser(web, cookie_of(settings, Role.VIEWER), "the-viewer-s-page")
    ours = {"path": str(settings.users), **FILE}
    theirs = {"path": "http://elsewhere.example/file", **FILE}
    for browser, file in ((viewer, ours), (viewer, theirs), (owner, theirs)):
        for values, event in (([file, 1], None), ([[{"x": file}], 1], None), (["demo", 1], file)):
            assert browser.call(index, values, event)[0] == 403
    assert viewer.call(index, ["demo", 1])[0] == 200
    # An owner's page sends what it has uploaded, and nothing else of this machine.
    take, _ = handler_of(web, "components.rows_file.rows_file.keep")
    assert owner.call(take, [ours])[0] == 500
    files = {"files": ("rows.json", b"[]", "application/json")}
    cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    sent_up = owner.web.post("/gradio_api/upload", files=files, headers={"cookie": cookies})
    status, _, data = owner.call(take, [{"path": sent_up.json()[0], **FILE}])
    assert status == 200 and data[0].startswith(str(settings.uploads))


@pytest.mark.parametrize("odd", ["a/b=c", "{x}=1", 'z="a b', "=", "é=ü"])
def test_another_app_s_cookies_sign_nobody_out(
    web: TestClient, settings: Settings, odd: str
) -> None:
    token = cookie_of(settings, Role.VIEWER)["fair_session"]
    for path in ("/", "/config"):
        cookies = f"{odd}; fair_session={token}; {odd}".encode()
        assert web.get(path, headers={"cookie": cookies}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:7861"])
def test_another_site_s_page_writes_nothing(owner: Browser, origin: str) -> None:
    for path in ("/gradio_api/queue/join", "/gradio_api/upload", "/sign-in", "/sign-out"):
        assert sent(owner, path, b"{}", origin=origin).status_code == 403
    answer = owner.web.get("/healthz", headers={"origin": origin, "host": "127.0.0.1:7860"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_is_searched_for_and_named_is_text(
    web: TestClient, settings: Settings, owner: Browser, text: str
) -> None:
    before = "\n".join(
        line for line in connect(settings.database).conn.iterdump() if "projects" in line
    )
    for name in ("exam.look", "evaluation.compare.tick", "overview.tick", "review.reload"):
        index, wired = handler_of(web, name)
        values = begun(wired)
        for at, component in enumerate(wired.inputs):
            if component.elem_id in ("exam-search", "place-item", "place-project"):
                given = [*values[:at], text, *values[at + 1 :]]
                status, _, _ = owner.call(index, given)
                assert status in (200, 400, 422, 500), (name, component.elem_id)
    safe = quote(text.encode("utf-8", "replace").decode())
    for path in (f"/?project={safe}&tab={safe}&id={safe}", f"/downloads/{safe}/report.md"):
        answer = owner.get(path)
        assert answer.status_code in (200, 400, 403, 404), path
        assert "49" not in answer.text or "7*7" not in text or "/downloads" not in path
    after = "\n".join(
        line for line in connect(settings.database).conn.iterdump() if "projects" in line
    )
    assert after == before


def test_a_fault_s_text_stays_on_the_server(
    owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, _ = handler_of(owner.web, "overview.tick")
    sentence = "There is no project &#x27;&lt;b&gt;&#x27;: the projects here are: demo."
    status, fault, data = owner.call(index, ["<b>"])
    assert (status, fault[: len(sentence)], data) == (500, sentence, None)
    monkeypatch.setattr(overview, "open_project", lambda *_: 1 / 0)
    assert owner.call(index, ["demo"]) == (500, None, None)


def test_an_open_server_says_so_on_the_screen(tmp_path: Path) -> None:
    alone = Settings(home=tmp_path, host="0.0.0.0")
    ensure_demo(alone)
    assert "nobody signs in" in str(blocks_of(build(alone)).get_config_file())
