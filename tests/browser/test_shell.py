"""The frame: it loads cleanly, the address is true, and nothing on a page is cut off."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from db import exams
from db.store import connect
from tests.browser.screens import screens, too_wide
from tests.building import project_with_mistakes

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).resolve().parents[2]
TABS = ["overview", "exam", "committee", "review", "training", "evaluation", "settings"]
HOSTILE = (
    "${window.hacked=1} {{value}} \\frac{1}{2} <img src=x onerror='window.hacked=1'> "
    "<script>window.hacked=1</script> [x](javascript:alert(1)) The answer is 41."
)


def open_tab(page, server, **query):
    address = "&".join(f"{name}={value}" for name, value in query.items())
    page.goto(f"{server.url}/?{address}")
    page.wait_for_selector(".page-head >> visible=true")


def place(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_place(page, **wanted):
    page.wait_for_function(
        """wanted => {
          const query = new URLSearchParams(location.search);
          return Object.entries(wanted).every(([name, value]) => query.get(name) === value);
        }""",
        arg=wanted,
    )


def selected(page):
    return page.get_attribute("#tabs [role=tab][aria-selected=true]", "id")


def test_the_first_page_is_clean(page, server, watched):
    open_tab(page, server)
    wait_for_place(page, project="demo", tab="overview")
    assert page.inner_text(".page-head h2 >> visible=true") == "demo"
    assert page.locator(".path li").count() == 5
    assert page.locator(".next .go.primary").count() == 1
    for tab in TABS:
        page.click(f"#tab-{tab}-button")
        wait_for_place(page, tab=tab)
        page.wait_for_selector(f"#tab-{tab} .page-head >> visible=true")
    page.wait_for_timeout(1500)  # long enough for the timers of the last page to tick
    assert watched.errors == []
    assert watched.foreign == []


def test_a_link_opens_its_page_and_a_reload_keeps_it(page, server):
    open_tab(page, server, project="demo", tab="training")
    wait_for_place(page, project="demo", tab="training")
    assert selected(page) == "tab-training-button"
    page.click("#tab-committee-button")
    wait_for_place(page, tab="committee")
    page.reload()
    page.wait_for_selector("#tab-committee .page-head >> visible=true")
    wait_for_place(page, project="demo", tab="committee")
    assert selected(page) == "tab-committee-button"


def test_buttons_lead_to_the_next_step(page, server):
    open_tab(page, server, project="demo", tab="committee")
    page.click("text=Go to the exam")
    wait_for_place(page, tab="exam")
    page.wait_for_selector("#exam-start >> visible=true")


def test_an_unknown_project_or_tab_is_said_and_the_nearest_shown(page, server):
    open_tab(page, server, project="<b>gone</b>", tab="exam")
    page.wait_for_selector("#said >> visible=true")
    assert "There is no project '<b>gone</b>'" in page.inner_text("#said")
    wait_for_place(page, project="demo", tab="overview")
    open_tab(page, server, project="demo", tab="nowhere")
    wait_for_place(page, tab="overview")


def test_a_project_is_made_and_survives_a_reload(page, server):
    open_tab(page, server)
    page.click("#new-project")
    page.fill("#new-project-panel input[data-testid=textbox] >> nth=0", "my ${1+1} / project")
    page.click("text=Create project")
    page.wait_for_selector("text=cannot be a project's name")
    page.fill("#new-project-panel input[data-testid=textbox] >> nth=0", "second one")
    page.click("text=Create project")
    wait_for_place(page, project="second one", tab="overview")
    page.reload()
    page.wait_for_selector("h2:has-text('second one')")
    page.click("#tab-exam-button")
    wait_for_place(page, project="second one", tab="exam")


def test_bad_input_is_said_in_a_sentence(page, server):
    open_tab(page, server, project="demo", tab="exam")
    page.fill("#exam-student input", "checkpoint:<i>none</i>")
    page.click("#exam-start")  # with the further settings never opened
    said = page.wait_for_selector(".toast-body").inner_text()
    assert "<i>none</i>" in said
    assert "unexpected" not in said
    assert not page.is_visible("#job-exam .job")


@pytest.fixture(scope="module")
def hostile(server):
    """A project whose student answers with markup and template code."""
    project = project_with_mistakes(server.settings, mistakes=60, name="hostile")
    store = connect(server.settings.database)
    first = exams.answers(store, project.exam_id, "wrong", 1)[0]
    at = HOSTILE.index("41.")
    exams.save_answer(
        store, first.id, {"text": HOSTILE, "prediction": "41", "span_start": at, "span_end": at + 2}
    )
    return project


def test_what_a_model_wrote_is_shown_as_text(page, server, hostile, watched):
    open_tab(page, server, project="hostile", tab="exam", id="wrong")
    page.click("#exam-answers details >> nth=0")
    assert page.inner_text("#exam-answers details pre.said >> nth=0") == HOSTILE
    assert page.inner_text("#exam-answers mark >> nth=0") == "41"
    assert page.evaluate("window.hacked") is None
    assert page.locator("#exam-answers img, #exam-answers script, #exam-answers a").count() == 0
    assert watched.errors == []


def test_answers_come_in_pages_and_by_filter(page, server, hostile):
    open_tab(page, server, project="hostile", tab="exam")
    page.wait_for_selector("#exam-answers details")
    assert page.locator("#exam-answers details.answer").count() == 50
    page.click("#exam-filter label:has-text('Right')")
    page.wait_for_function("document.querySelectorAll('#exam-answers details.answer').length === 1")
    assert page.locator("#exam-answers .verdict").inner_text() == "✓\nRight"
    wait_for_place(page, id="right")
    page.click("#exam-filter label:has-text('All')")
    page.wait_for_function("document.querySelectorAll('#exam-answers details.answer').length > 1")
    page.click("#exam-page input")
    page.click("text=51 to 61 of 61")
    page.wait_for_function(
        "document.querySelectorAll('#exam-answers details.answer').length === 11"
    )


def test_nothing_is_wider_than_the_screen(page, server, hostile):
    page.set_viewport_size({"width": 390, "height": 844})
    for project in ("demo", "hostile"):
        open_tab(page, server, project=project, tab="overview")
        wait_for_place(page, project=project, tab="overview")
        for tab in TABS:
            page.evaluate("tab => document.getElementById(`tab-${tab}-button`).click()", tab)
            wait_for_place(page, tab=tab)
            page.wait_for_selector(f"#tab-{tab} .page-head >> visible=true")
            for width, theme in screens(page):
                assert too_wide(page) <= 0, f"{project}, {tab}: too wide at {width}, {theme}"


def test_a_taken_port_is_said_in_one_line(server):
    command = [sys.executable, "app.py", "--home", str(server.settings.home)]
    command += ["--port", str(server.settings.port)]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    port = server.settings.port
    assert done.stderr == f"error: port {port} is taken: choose another with --port.\n"
