"""A hostile text in every field, and in every event, of every handler: it comes back as text."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from db.store import connect
from fair_app.access.roles import Role
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.board import board
from pages.access import handler_name
from pages.web import build
from tests.browser.taught import taught
from tests.pages.entering import URL, Browser, blocks_of, cookie_of, guarded, handler_of

HOSTILE = (
    "${window.hacked=1} {{7919*7907}} <img src=x onerror='window.hacked=1'> \"'><script>1</script>"
    "<svg onload=hacked=1> [x](javascript:hacked) '); DROP TABLE projects; --"
)
PLACES = {"place-project", "project-picker"}
SAFE = {
    *("button", "uploadbutton", "textbox", "number", "checkbox", "slider", "dropdown", "radio"),
    *("html", "state", "timer", "barplot", "lineplot", "plot", "browserstate", "checkboxgroup"),
    *("row", "column", "tabs", "tabitem", "group", "accordion", "form"),
}
"""Components that show a text as text, and `html`, which is looked into below."""
SAID = (
    *("action", "answer", "answers", "grade", "reason", "teacher", "rule", "serial", "at_least"),
    *("question", "beside", "near", "queue", "search", "stay", "rationale", "revision", "value"),
    *("verb", "mark", "again", "after", "project", "tab", "item", "job", "by", "name", "key"),
    *("index", "place", "side", "pair", "link", "checkpoint", "kind", "page", "show", "id"),
)
"""What the events of our own components say."""


class Live(HTMLParser):
    """What in a text would be more than text if it were put into a page as HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "iframe", "object", "embed", "base", "meta", "link"):
            self.found.append(tag)
        for name, value in attrs:
            led = name in ("href", "src", "action", "formaction", "xlink:href") and value
            if name.startswith("on") or (led and led.lower().startswith(("javascript:", "data:"))):
                self.found.append(f"{tag} {name}")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return guarded(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def project(settings: Settings) -> Any:
    """A project in which a model, a file and a person wrote nothing else."""
    made = taught(settings, HOSTILE)
    rationale = board(settings, made).rows[0].id
    deciding.comment(settings, made, rationale, actor="anna", text=HOSTILE, reason=HOSTILE)
    review.set_reasons(settings, made, [HOSTILE[:60]])
    return made


@pytest.fixture(scope="module")
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(build(settings), base_url=URL, raise_server_exceptions=False) as client:
        yield client


def wired_in(web: TestClient) -> Iterator[tuple[int, str, Any]]:
    for index, one in blocks_of(web.app).fns.items():
        if one.fn:
            yield index, handler_name(one.fn), one


def filled(component: Any, project: str) -> Any:
    """What somebody hostile puts into a field; None where a text cannot stand there."""
    if component.elem_id in PLACES:
        return project
    if isinstance(component, gr.State):
        return None
    if isinstance(component, gr.Textbox):
        return HOSTILE
    if isinstance(component, gr.Dropdown) and component.allow_custom_value:
        return [HOSTILE] if component.multiselect else HOSTILE
    value = component.get_config().get("value")
    return value if isinstance(value, str | int | float | bool | list | None) else None


def shown_as_html(component: Any, value: Any) -> str:
    """What of an answer a component puts into the page as HTML; "" for none."""
    if not isinstance(component, gr.HTML) or component.html_template.strip() != "${value}":
        return ""
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) else ""


def test_no_component_is_one_that_renders_a_text(web: TestClient) -> None:
    config = blocks_of(web.app).get_config_file()
    assert {one["type"] for one in config["components"]} <= SAFE


def test_a_hostile_text_in_every_field_comes_back_as_text(
    web: TestClient, settings: Settings, project: Any
) -> None:
    owner = Browser(web, cookie_of(settings, Role.OWNER), "the-owner-s-page")
    event, read, told, fields = dict.fromkeys(SAID, HOSTILE), 0, 0, 0
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    before = connect(settings.database).execute(tables).fetchall()
    for index, name, wired in wired_in(web):
        values = [filled(one, project.name) for one in wired.inputs]
        fields += HOSTILE in values
        for data in (event, None):
            _, _, came = owner.call(index, values, data)
            for component, value in zip(wired.outputs, came or (), strict=bool(came)):
                live, shown = Live(), shown_as_html(component, value)
                live.feed(shown)
                assert live.found == [], (name, component.elem_id, live.found)
                assert str(7919 * 7907) not in str(value), name
                read, told = read + bool(shown), told + ("&lt;img src=x onerror" in shown)
    assert fields > 20 and read > 50 and told > 10
    assert connect(settings.database).execute(tables).fetchall() == before


def test_a_hostile_text_is_found_where_it_stands_and_nothing_else_is(
    web: TestClient, settings: Settings, project: Any
) -> None:
    """What is searched for is a value of the query, and no part of it."""
    owner = Browser(web, cookie_of(settings, Role.OWNER), "the-owner-s-other-page")
    index, _ = handler_of(web, "exam.look")
    for text, is_there in ((HOSTILE, True), (f"{HOSTILE} OR 1=1", False), ("' OR '1'='1", False)):
        status, _, came = owner.call(index, [project.name, "all", text])
        assert status == 200, text
        assert ("Nothing found" in str(came)) is not is_there, text


def test_the_hostile_text_is_one_that_would_be_live() -> None:
    live = Live()
    live.feed(HOSTILE)
    assert live.found == ["img", "img onerror", "script", "svg onload"]
