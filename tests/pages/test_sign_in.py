"""Coming in and going out: sign-in, sign-out, its cookie, wrong passwords, and links to look."""

import html
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from db import exams
from db.store import connect
from fair_app.access import audit, shares
from fair_app.access.accounts import accounts_of
from fair_app.access.roles import Role
from fair_app.access.throttle import FREE, Throttle
from fair_app.access.users import User, read, write
from fair_app.settings import Settings
from fair_app.studio.projects import create_project, open_project
from pages import sign_in as signing
from pages.access import BY_ACTION, VIEWERS, handler_name
from pages.components.review_requests import since_of
from pages.gate import Door, Gate
from pages.sign_in import inside
from pages.web import build
from tests.browser.taught import taught
from tests.pages.entering import (
    URL,
    Browser,
    begun,
    blocks_of,
    cheaply,
    cookie_of,
    guarded,
)

PASSWORD = "correct horse battery"
ARRIVE = "shell.Shell._arrive"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = guarded(tmp_path_factory.mktemp("home"))
    create_project(made, "private", "arithmetic", "smollm2-135m")
    assert made.users is not None
    with made.users.open("a") as file:
        file.write(f"anna:curator:{cheaply(PASSWORD)}\n")
    return made


@pytest.fixture(scope="module")
def app(settings: Settings) -> Any:
    return build(settings)


@pytest.fixture
def web(app: Any) -> Iterator[TestClient]:
    with TestClient(app, base_url=URL, follow_redirects=False) as client:
        yield client


def sign_in(web: TestClient, name: str = "anna", password: str = PASSWORD, **more: Any) -> Any:
    return web.post("/sign-in", data={"name": name, "password": password, **more})


def cookie(answer: Any) -> Any:
    """The session's cookie that an answer sets."""
    for header in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(header).items():
            if name.endswith("fair_session"):
                return morsel
    return None


def test_nobody_is_led_to_the_sign_in(web: TestClient) -> None:
    answer = web.get("/?project=demo&tab=exam")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F%3Fproject%3Ddemo%26tab%3Dexam"
    page = web.get(answer.headers["location"])
    assert 'value="/?project=demo&amp;tab=exam"' in page.text
    assert 'autocomplete="current-password"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_who_signs_in_comes_to_where_they_were(web: TestClient) -> None:
    answer = sign_in(web, next="/?tab=exam")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?tab=exam")
    assert web.get("/").status_code == 200
    assert web.get("/gradio_api/user").json() == "anna"


def test_the_cookie_is_the_browser_s_alone(web: TestClient) -> None:
    plain = cookie(sign_in(web))
    assert (plain.key, plain["path"], plain["samesite"]) == ("fair_session", "/", "Lax")
    assert plain["httponly"] and not plain["secure"]
    answer = web.post(
        "/sign-in",
        data={"name": "anna", "password": PASSWORD},
        headers={"x-forwarded-proto": "https"},
    )
    over_https = cookie(answer)
    assert over_https.key == "__Host-fair_session"
    assert over_https["secure"] and over_https["httponly"] and not over_https["domain"]
    assert over_https.value != plain.value


def test_another_sign_in_ends_the_former_session(web: TestClient) -> None:
    first = cookie(sign_in(web)).value
    sign_in(web)
    web.cookies.clear()
    assert web.get("/config", headers={"cookie": f"fair_session={first}"}).status_code == 401


def test_signing_out_ends_the_session_at_the_server(web: TestClient) -> None:
    token = cookie(sign_in(web)).value
    answer = web.post("/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert cookie(answer)["max-age"] == "0"
    web.cookies.clear()
    assert web.get("/config", headers={"cookie": f"fair_session={token}"}).status_code == 401


def test_a_link_cannot_sign_anybody_out(web: TestClient) -> None:
    sign_in(web)
    assert web.get("/sign-out").status_code == 404
    answer = web.post("/sign-out", headers={"origin": "http://elsewhere.example"})
    assert answer.status_code == 403
    assert web.get("/gradio_api/user").json() == "anna"


def test_wrong_passwords_say_nothing_and_make_one_wait(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "Throttle", lambda longest: Throttle(longest, lambda: 0.0))
    alone = FastAPI()
    alone.include_router(signing.sign_in(Door(settings, accounts_of(settings, {}))))
    with TestClient(alone, base_url=URL, follow_redirects=False) as web:
        pages = [sign_in(web, name, "x" * 12) for name in ("anna", "anna", "nobody", "anna")]
        assert {page.status_code for page in pages} == {401}
        assert len({page.text for page in pages}) == 1
        assert "x" * 12 not in pages[0].text
        assert FREE == 4
        waiting = sign_in(web)  # the right one, too: else one could go on guessing
        assert waiting.status_code == 429
        assert int(waiting.headers["retry-after"]) >= 1
        assert cookie(waiting) is None


@pytest.mark.parametrize(
    "address",
    [
        *("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"),
        *("/?a\nb", "evil", "", "/sign-out", "\\\\evil.example", "//[", "http://[::1"),
    ],
)
def test_the_sign_in_leads_nowhere_else(web: TestClient, address: str) -> None:
    assert inside(address) == "/"
    assert sign_in(web, next=address).headers["location"] == "/"


def test_what_is_typed_is_said_to_nobody_however_long(web: TestClient) -> None:
    for name, password in (("n" * 3000, "p" * 12), ("anna", "p" * 3000)):
        answer = sign_in(web, name, password)
        assert answer.status_code == 401
        assert "nnn" not in answer.text and "ppp" not in answer.text


def test_who_opens_a_link_again_stays_who_they_are(web: TestClient, settings: Settings) -> None:
    _, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    assert cookie(web.get(path)) is not None
    again = web.get(path)
    assert (again.status_code, again.headers["location"]) == (303, "/?project=demo")
    assert cookie(again) is None


def test_what_is_typed_is_text(web: TestClient) -> None:
    typed = quote('/?x="><script>alert(1)</script>')
    page = web.get(f"/sign-in?next={typed}")
    assert "<script" not in page.text


def looking(web: TestClient, settings: Settings, name: str = "demo") -> tuple[Browser, int]:
    """A browser that opened a link to look at a project, and the link's number."""
    link, path = shares.make(settings, open_project(settings, name), 1, "olga")
    answer = web.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/?project={quote(name)}")
    assert answer.headers["referrer-policy"] == "no-referrer"
    web.cookies.clear()
    return Browser(web, {"fair_session": cookie(answer).value}, f"shared{link.id}"), link.id


def test_a_link_shows_its_project_alone(web: TestClient, settings: Settings) -> None:
    browser, link = looking(web, settings)
    assert browser.get("/downloads/demo/report.md").status_code in (200, 400)
    answer = browser.get("/downloads/private/report.md")
    assert answer.status_code == 400
    assert "the projects here are: demo." in answer.text
    assert browser.get("/downloads/demo/bundle.zip").status_code == 403
    shares.revoke(settings, link, "olga")
    assert browser.get("/config").status_code == 401


def test_no_handler_shows_a_link_another_project(web: TestClient, settings: Settings) -> None:
    """Every handler that a viewer may call, asked for another project and for what is in it."""
    own, other = taught(settings, "apple"), taught(settings, "zebra7")
    browser, _ = looking(web, settings, own.name)
    fns = blocks_of(web.app).fns
    wired_in = {index: one for index, one in fns.items() if one.fn}
    open_page = next(at for at, one in wired_in.items() if handler_name(one.fn) == ARRIVE)
    assert browser.call(open_page, begun(wired_in[open_page]))[0] == 200
    assert other.exam_id is not None
    answer = exams.answers(connect(settings.database), other.exam_id, "wrong")[0]
    about = {
        "answer": answer.id,
        "question": answer.question_id,
        "near": [answer.question_id],
        **{"action": "queue", "stay": True, "serial": 1, "project": own.name},
        "since": since_of(own),
        **{"tab": "review", "item": str(answer.question_id)},
    }
    called, apples = 0, 0
    for index, wired in wired_in.items():
        name = handler_name(wired.fn)
        if name not in VIEWERS | set(BY_ACTION):
            continue
        for project, event in ((own.name, about), (other.name, None)):
            values = [project if one == "demo" else one for one in begun(wired)]
            for at, field in enumerate(wired.inputs):
                if field.elem_id == "place-item":
                    values[at] = f"tests.{other.exam_id}"
            told = str(browser.call(index, values, event))
            asked = f"no project &#x27;{other.name}&#x27;"
            for said_back in (html.unescape(asked), asked, f"Value: {other.name} is not"):
                told = told.replace(said_back, "")
            assert "zebra7" not in told and other.name not in told, (name, event)
            called, apples = called + 1, apples + ("apple" in told)
    assert called > 40 and apples > 4


def test_who_is_signed_in_stays_who_they_are(web: TestClient, settings: Settings) -> None:
    _, path = shares.make(settings, open_project(settings, "demo"), 1, "olga")
    web.cookies.update(cookie_of(settings, Role.OWNER))
    answer = web.get(path)
    assert answer.headers["location"] == "/?project=demo"
    assert cookie(answer) is None


def test_a_link_that_is_none_says_what_to_do(web: TestClient) -> None:
    answer = web.get("/shared/nothing")
    assert answer.status_code == 404
    assert "ask who sent it" in answer.text


def test_strangers_may_look_where_they_are_let(
    web: TestClient, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = next(one for one in app.user_middleware if one.cls is Gate).kwargs["door"]
    monkeypatch.setattr(door.accounts, "anonymous", Role.VIEWER)  # as FAIR_PUBLIC=viewer says
    assert web.get("/").status_code == 200
    assert web.post("/gradio_api/upload").status_code == 403
    assert web.get("/gradio_api/user").json() == "a visitor"


def test_a_removed_user_is_out_at_the_next_click(web: TestClient, settings: Settings) -> None:
    assert settings.users is not None
    before = settings.users.read_text()
    cookies = cookie_of(settings, Role.VIEWER)
    browser = Browser(web, cookies)
    assert browser.get("/config").status_code == 200
    settings.users.write_text(before.replace("vera:viewer", "gone:viewer"))
    assert browser.get("/config").status_code == 401
    settings.users.write_text(before)


def test_an_owner_gives_a_role(web: TestClient, settings: Settings) -> None:
    fns = blocks_of(web.app).fns.items()
    name = "components.people.People.__init__.give"
    index = next(at for at, one in fns if one.fn and handler_name(one.fn) == name)
    owner = Browser(web, cookie_of(settings, Role.OWNER), "the-owner-s")
    viewer = Browser(web, cookie_of(settings, Role.VIEWER), "the-viewer-s")
    listed = owner.call(index, ["anna", "owner"])[2][0]
    assert "<span>anna</span></dt><dd>owner</dd>" in listed
    assert audit.latest(settings, 1)[0].detail == "anna owner"
    for whom, role in (("anna", "curator"), ("olga", "viewer"), ("<b>", "owner")):
        owner.call(index, [whom, role])  # the last owner stays, and strangers have no role
    assert "an owner" in str(viewer.call(index, ["vera", "owner"])[1])
    assert [one.role.word for one in read(settings.users).values()] == [
        *("owner", "curator", "viewer", "curator")
    ]


def test_the_users_file_is_written_whole(tmp_path: Path) -> None:
    write(tmp_path / "users", [User("olga", Role.OWNER, cheaply(PASSWORD))])
    assert PASSWORD not in (tmp_path / "users").read_text()
