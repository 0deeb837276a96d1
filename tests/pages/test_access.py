"""Who may call what: every handler and every address, as nobody, viewer, curator and owner."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import gradio as gr
import pytest
from fastapi.routing import APIRoute
from gradio.context import LocalContext
from starlette.requests import Request
from starlette.testclient import TestClient

from db import exams
from db.projects import Project
from db.store import connect
from fair_app.access.roles import Role, Visitor
from fair_app.settings import Settings
from fair_app.studio.board import board
from fair_app.studio.projects import create_project
from pages import access
from pages.access import enforce, fits, handler_name, needed_by, role_for
from pages.components.review_requests import since_of
from pages.web import build
from tests.browser.taught import taught
from tests.pages.entering import URL, Browser, begun, blocks_of, cookie_of, guarded

PAGES = count()
"""Each open page has a hash of its own, as in a browser."""
BELOW_OWNER = (Role.NOBODY, Role.VIEWER, Role.CURATOR)
REFUSAL = re.compile(r"You are not signed in|Only an? .+ may do this|This link is for looking")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = guarded(tmp_path_factory.mktemp("home"))
    create_project(made, "secret-plan", "arithmetic", "smollm2-135m")
    return made


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build(settings), base_url=URL) as client:
        yield client


def wired_in(web: TestClient) -> list[tuple[int, str, Any]]:
    """Every handler that runs on the server: its number, its name, and how it is wired."""
    fns = blocks_of(web.app).fns
    return [(index, handler_name(one.fn), one) for index, one in fns.items() if one.fn]


def as_(web: TestClient, settings: Settings, role: Role) -> Browser:
    return Browser(web, cookie_of(settings, role), f"page{next(PAGES)}")


def stored(settings: Settings) -> list[str]:
    """All that the store holds but sessions and the audit, which a sign-in changes."""
    kept = ("sessions", "audit")
    lines = connect(settings.database).conn.iterdump()
    return [line for line in lines if not any(f'"{one}"' in line for one in kept)]


@pytest.mark.parametrize("role", BELOW_OWNER)
def test_every_handler_refuses_whom_it_must_and_nothing_changes(
    web: TestClient, settings: Settings, role: Role
) -> None:
    before = stored(settings)
    browser, refused, let_in = as_(web, settings, role), 0, []
    for index, name, wired in wired_in(web):
        needed = needed_by(name, None)
        assert needed is not None
        if role >= needed:
            let_in.append(name)
            continue
        status, fault, _ = browser.call(index, begun(wired))
        assert REFUSAL.search(str(fault)), (name, status, fault)
        assert status == (401 if role is Role.NOBODY else status), name
        refused += 1
    assert refused > 40
    assert bool(let_in) == (role is not Role.NOBODY)
    assert stored(settings) == before


def asked_by(
    web: TestClient, settings: Settings, role: Role, project: Project
) -> tuple[int, set[str]]:
    """Ask as somebody of this role for all that it may, about what is there.

    Returns how many handlers were asked, and the tables of which lines came or went.
    """
    row = board(settings, project).rows[0]
    answers = exams.answers(connect(settings.database), project.exam_id or 0, "wrong")
    named = {"project": project.name, "since": since_of(project), "rationale": row.id}
    named |= {"question": row.question_id, "answer": answers[-1].id, "near": []}
    event = {"job": 1, "grade": "right", "rule": {"threshold": 1.5}, "at_least": 0.5, "serial": 1}
    event |= {"revision": 0, "value": "well", "reason": "", "tab": "exam", "item": "", **named}
    before, browser, asked = set(stored(settings)), as_(web, settings, role), 0
    for index, name, wired in wired_in(web):
        if (needed_by(name, {"action": "queue"}) or Role.OWNER) > role:
            continue
        values = begun(wired)
        about = [project.name if one == "demo" else one for one in values]
        filled = [
            "x-1" if isinstance(field, gr.Textbox) and not one else one
            for field, one in zip(wired.inputs, values, strict=True)
        ]
        for action, given in (("queue", about), ("comment", about), ("queue", filled)):
            browser.call(index, given, {**event, "action": action})
        asked += 1
    changed = before ^ set(stored(settings))
    tables = {line.split('"')[1] for line in changed if line.startswith("INSERT")}
    return asked, {one for one in tables if "_fts" not in one}  # what is searched follows them


def test_what_a_viewer_may_call_changes_nothing(web: TestClient, settings: Settings) -> None:
    """Whatever the table says of it."""
    asked, changed = asked_by(web, settings, Role.VIEWER, taught(settings))
    assert asked > 25
    assert changed == set()


def test_what_a_curator_may_call_changes_decisions_and_the_rule_alone(
    web: TestClient, settings: Settings
) -> None:
    asked, changed = asked_by(web, settings, Role.CURATOR, taught(settings))
    assert asked > 28
    assert {"decisions", "projects"} <= changed
    assert changed <= {"decisions", "projects", "sqlite_sequence"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CURATOR])
def test_who_may_is_not_refused(web: TestClient, settings: Settings, role: Role) -> None:
    browser = as_(web, settings, role)
    for index, name, wired in wired_in(web):
        needed = needed_by(name, None)
        if needed is not role:
            continue
        _, fault, _ = browser.call(index, begun(wired))
        assert not REFUSAL.search(str(fault)), (name, fault)


def test_an_owner_s_form_opens_for_an_owner_alone(web: TestClient, settings: Settings) -> None:
    index, _, wired = next(one for one in wired_in(web) if one[1] == "shell.Shell._unfold")
    for queue in (True, False):
        owner, curator = (as_(web, settings, role) for role in (Role.OWNER, Role.CURATOR))
        assert owner.call(index, begun(wired), queue=queue)[1] is None
        assert "an owner" in str(curator.call(index, begun(wired), queue=queue)[1])


@pytest.mark.parametrize("action", ["accept", "grade", "undo", "decide-all", "nonsense", None, 3])
def test_a_viewer_opens_cards_and_decides_nothing(
    web: TestClient, settings: Settings, action: Any
) -> None:
    index, _, wired = next(one for one in wired_in(web) if one[1] == "review.ask")
    viewer, curator = (as_(web, settings, role) for role in (Role.VIEWER, Role.CURATOR))
    asked = {"project": "demo", "action": action, "serial": 1}
    looked = {**asked, "action": "sizes"}
    values = begun(wired)
    assert "a curator" in str(viewer.call(index, values, asked)[1])
    assert viewer.call(index, values, looked)[0] == 200
    assert curator.call(index, values, asked)[0] == 200


def addresses(app: Any) -> set[tuple[str, str]]:
    """Every path and method of a server, those of what is mounted in it too."""
    found: set[tuple[str, str]] = set()
    for route in app.routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if isinstance(route, APIRoute) or (inner is None and hasattr(route, "methods")):
            found |= {(route.path, method) for method in route.methods or ()}
        elif inner is not None and hasattr(inner, "routes"):
            found |= addresses(inner)
    return found


def test_every_address_has_a_rule_that_was_meant_for_it(web: TestClient) -> None:
    every = addresses(web.app)
    paths = {path for path, _ in every}
    assert {"/healthz", "/sign-in", "/downloads/{name}/{file}", "/gradio_api/upload"} <= paths
    assert len(every) > 60
    for path in paths:
        asked = re.sub(r"\{[^}]+\}", "x", path).rstrip("/") or "/"
        assert any(fits(pattern, asked) for pattern, _ in access.ADDRESSES), path


@pytest.mark.parametrize("role", BELOW_OWNER)
def test_every_address_refuses_whom_it_must(
    web: TestClient, settings: Settings, role: Role
) -> None:
    browser = as_(web, settings, role)
    asked = 0
    for path, method in sorted(addresses(web.app)):
        concrete = re.sub(r"\{[^}]+\}", "x", path)
        needed = role_for(concrete)
        if needed is not None and role >= needed:
            continue
        answer = (browser.post if method == "POST" else browser.get)(concrete)
        if needed is None:
            assert answer.status_code == 404, path
        elif role is not Role.NOBODY:
            assert answer.status_code == 403, path
        elif concrete == "/":
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        else:
            assert answer.status_code == 401, path
        asked += 1
    assert asked > 15


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/", Role.VIEWER),
        ("/downloads/demo/report.html", Role.VIEWER),
        ("/downloads/demo/bundle.zip", Role.OWNER),
        ("/downloads/demo/bundle.zip/", Role.OWNER),
        ("/downloads/../../etc/passwd", Role.OWNER),
        ("/gradio_api/upload", Role.OWNER),
        ("/gradio_api/vibe-edit", None),
        ("/gradio_api/proxy=http://elsewhere.example", None),
        ("/gradio_api/file=https://elsewhere.example", None),
        ("/gradio_api/file=/tmp/gradio/a/b", None),
        ("/gradio_api/component_server", None),
        ("/gradio_api/call/x/another-s-page", None),
        ("/gradio_api/api/predict", None),
        ("/gradio_api/deep_link", None),
        ("/gradio_api/mcp/sse", None),
        ("/gradio_api/process_recording", None),
        ("/login", None),
        ("/oauth/huggingface/logout", None),
        ("//healthz", None),
        (f"/assets/{'a' * 500}", None),
        ("/anything", None),
    ],
)
def test_what_an_address_needs(path: str, role: Role | None) -> None:
    assert role_for(path) is role


def test_a_handler_without_a_line_keeps_the_app_from_starting() -> None:
    def unlisted() -> None: ...

    with gr.Blocks() as demo:
        demo.load(unlisted)
    with pytest.raises(LookupError, match="unlisted has no line"):
        enforce(demo, lambda *_: Visitor(None, Role.OWNER), lambda *_: None)


def test_a_role_counts_when_an_event_is_run_and_not_when_it_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decide() -> str:
        return "decided"

    roles = [Role.CURATOR, Role.NOBODY]  # taken away while the event stood in the queue
    with gr.Blocks() as demo:
        demo.load(decide)
    monkeypatch.setattr(access, "CURATORS", {handler_name(decide)})
    enforce(demo, lambda *_: Visitor("carl", roles.pop(0)), lambda *_: None)
    sent = Request({"type": "http", "headers": [], "scheme": "http"})
    token = LocalContext.request.set(gr.Request(sent))
    try:
        assert demo.fns[0].fn() == "decided"
        with pytest.raises(gr.Error, match="You are not signed in"):
            demo.fns[0].fn()
    finally:
        LocalContext.request.reset(token)


def test_two_functions_of_one_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks() as demo:
        demo.load(lambda: None)
        demo.load(lambda: [])
    name = handler_name(demo.fns[0].fn)
    monkeypatch.setattr(access, "VIEWERS", {name})
    with pytest.raises(LookupError, match="two functions"):
        enforce(demo, lambda *_: Visitor(None, Role.OWNER), lambda *_: None)


def test_every_line_is_of_a_handler(web: TestClient) -> None:
    known = {name for _, name, _ in wired_in(web)}
    listed = access.VIEWERS | access.CURATORS | access.OWNERS | access.FORMS | set(access.BY_ACTION)
    assert listed - known == set()
    assert not access.VIEWERS & (access.CURATORS | access.OWNERS)
    assert not access.CURATORS & access.OWNERS
    assert not (access.VIEWERS | access.CURATORS | access.OWNERS) & access.FORMS


def test_what_owners_ask_for_is_noted_with_their_name(web: TestClient, settings: Settings) -> None:
    from fair_app.access.audit import latest

    index, name, wired = next(one for one in wired_in(web) if one[1] == "exam.begin")
    as_(web, settings, Role.OWNER).call(index, begun(wired))
    assert (latest(settings, 1)[0].who, latest(settings, 1)[0].what) == ("olga", name)
    assert latest(settings, 1)[0].project == "demo"


def test_a_viewer_s_fields_name_no_file_and_no_work() -> None:
    with gr.Blocks():
        path, chosen = gr.Textbox("", elem_id="ablations-rows"), gr.Dropdown(["a"])
        search = gr.Textbox("", elem_id="exam-search")
        model, seeds = gr.Dropdown(["a"], value="a", allow_custom_value=True), gr.Number(1)
    fields = [path, chosen, search, model, seeds]
    values = ["/etc/passwd", "a", "apples", "/etc/passwd", 10**9]
    viewer, owner = (Visitor("v", role) for role in (Role.VIEWER, Role.OWNER))
    assert access.given(viewer, fields, values) == ["", "a", "apples", "a", 1]
    assert access.given(owner, fields, values) == values


def test_what_is_laid_out_names_nothing_of_the_store(web: TestClient, settings: Settings) -> None:
    config = str(blocks_of(web.app).get_config_file())
    assert "secret-plan" not in config
    assert str(settings.home) not in config
