"""The settings page below the browser: who sees what of it, and one line a deed in the audit."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from db import jobs, projects
from db.deleting import forget_removals, removals
from db.store import connect
from fair_app.access.audit import latest
from fair_app.access.roles import Role, Visitor, visiting
from fair_app.settings import Settings
from fair_app.studio.projects import create_project, ensure_demo, open_project
from pages import settings as settings_page
from pages.access import NOTED_BY_THEMSELVES, OWNERS, handler_name
from pages.components.page import Place
from pages.settings import deleting
from pages.settings.acts import ACTS, act_in_words
from pages.settings.machine import amount, bars
from pages.web import build
from tests.pages.entering import URL, Browser, begun, blocks_of, cookie_of

HOSTILE = "${window.hacked=1} {{value}} <img src=x onerror='window.hacked=1'>"
PAGES = count()


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build(settings), base_url=URL) as client:
        yield client


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CURATOR, Role.OWNER])
def test_only_an_owner_sees_the_server(tmp_path: Path, role: Role) -> None:
    settings = Settings(home=tmp_path)
    project = ensure_demo(settings)
    with gr.Blocks():
        boxes = [gr.Textbox(), gr.Textbox(), gr.Textbox()]
        page = settings_page.build(settings, Place(*boxes, typed_keys=None))  # type: ignore[arg-type]
    with visiting(Visitor("vera", role, signed_in=True)):
        shown = page.refresh(project, "")
    assert len(shown) == len(page.outputs)
    said = " ".join(str(one) for one in shown)
    assert ("Delete demo" in said) == ("Disk" in said) == (role is Role.OWNER)
    assert (str(tmp_path) in said) == (role is Role.OWNER)
    assert "mark what differs" in said


def handler(web: TestClient, name: str) -> tuple[int, list[Any]]:
    fns = blocks_of(web.app).fns
    index = next(at for at, one in fns.items() if one.fn and handler_name(one.fn) == name)
    return index, begun(fns[index])


def test_what_notes_itself_is_noted_once(web: TestClient, settings: Settings) -> None:
    owner = Browser(web, cookie_of(settings, Role.OWNER), f"page{next(PAGES)}")
    before = latest(settings, 1)[0].id
    index, values = handler(web, "components.sharing.Sharing.__init__.share")
    owner.call(index, values)
    index, values = handler(web, "components.people.People.__init__.give")
    owner.call(index, ["carl", "viewer"])
    new = [(one.who, one.what, one.detail) for one in latest(settings) if one.id > before]
    assert new == [("olga", "gave a role", "carl viewer"), ("olga", "made a link", "link 1")]


def test_a_project_is_deleted_with_one_line_and_only_by_its_name(
    web: TestClient, settings: Settings
) -> None:
    create_project(settings, "maths", "arithmetic", "smollm2-135m")
    owner = Browser(web, cookie_of(settings, Role.OWNER), f"page{next(PAGES)}")
    before = latest(settings, 1)[0].id
    index, _ = handler(web, "settings.deleting.Deleting.__init__.delete_it")
    owner.call(index, ["maths", "math", False])
    assert open_project(settings, "maths")
    assert latest(settings, 1)[0].id == before
    _, fault, data = owner.call(index, ["maths", "maths", False])
    assert (fault, data) == (None, ["maths"])
    new = [(one.who, one.what, one.project) for one in latest(settings) if one.id > before]
    assert new == [("olga", "deleted a project", "maths")]
    # a page that still shows it goes on asking, and is not told again and again
    index, _ = handler(web, "overview.tick")
    answer = owner.post(
        "/gradio_api/run/predict",
        json={"data": ["maths"], "fn_index": index, "session_hash": owner.session},
    )
    assert "There is no project &#x27;maths&#x27;" in answer.json()["error"]
    assert answer.json()["visible"] is False


def test_a_page_leaves_a_deleted_project_of_which_a_file_stays(
    web: TestClient, settings: Settings
) -> None:
    project = create_project(settings, "stays", "arithmetic", "smollm2-135m")
    store = connect(settings.database)
    settings.checkpoints.mkdir(exist_ok=True)
    # no disk has a name so long, and none can be looked at
    job = jobs.add(store, "train", {"name": "x" * 300}, project.id)
    jobs.end(store, job, "failed", error="no disk")
    owner = Browser(web, cookie_of(settings, Role.OWNER), f"page{next(PAGES)}")
    index, _ = handler(web, "settings.deleting.Deleting.__init__.delete_it")
    _, fault, data = owner.call(index, ["stays", "stays", True])
    assert (fault, data) == (None, ["stays"])
    assert projects.by_name(store, "stays") is None
    warned = deleting._about(settings, open_project(settings, "demo"))
    assert "is of a deleted project (stays) and still there: make it writable" in warned
    forget_removals(store, removals(store))
    assert "still there" not in deleting._about(settings, open_project(settings, "demo"))


def test_every_act_of_an_owner_has_words() -> None:
    nameless = {one for one in OWNERS if "<lambda>" in one}
    assert set(ACTS) <= OWNERS
    assert {
        one for one in OWNERS - nameless - NOTED_BY_THEMSELVES if one.startswith("settings")
    } <= (set(ACTS))
    assert act_in_words("exam.begin") == "started an exam"
    assert act_in_words(HOSTILE) == HOSTILE


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 MB"),
        (1, "< 1 MB"),
        (10**6 - 1, "< 1 MB"),
        (270 * 10**6, "270 MB"),
        (135 * 10**8, "13.5 GB"),
    ],
)
def test_bytes_are_said_as_people_say_them(number: int, words: str) -> None:
    assert amount(number) == words


def test_bars_are_text_and_within_their_track() -> None:
    painted = bars([(HOSTILE, 7.0, "9 GB"), ("b", 0.0, "")], HOSTILE)
    assert "<img" not in painted
    assert "{{" not in painted
    assert "width:100.0%" in painted
    assert "width:0.0%" in painted
