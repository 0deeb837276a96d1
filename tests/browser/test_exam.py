"""The exam page in a real Chromium: grades, filters, the choice of student and task, a pause."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from db import decisions, exams
from db.store import connect
from fair_app.studio.board import board
from fair_app.studio.exams import answers
from fair_app.studio.projects import Project, create_project, open_project
from tests.browser.conftest import new_page
from tests.browser.filling import fill
from tests.building import project_with_mistakes
from tests.loopback_hub import loopback_hub
from tests.wire.server import Server as Wire

pytestmark = pytest.mark.browser

KEY = "typed-for-the-server-0123456789"
HOSTILE = "${window.hacked=1} {{value}} `\\frac{1}{2}` <img src=x onerror='window.hacked=1'>"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with loopback_hub() as address:
        yield address


@pytest.fixture(scope="module")
def server(serve: Callable[..., Any], port: int, hub: str) -> Iterator[Any]:
    """A server that asks the loopback's hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub)
        patch.delenv("HF_TOKEN", raising=False)
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        made = serve(port)
    yield made
    made.stop()


@pytest.fixture
def made(server: Any) -> Project:
    """A project with one right answer and four mistakes."""
    return project_with_mistakes(server.settings, 4, f"examined {next(NUMBERS)}")


@pytest.fixture
def fresh(server: Any) -> Project:
    """A project without an exam."""
    return create_project(server.settings, f"new {next(NUMBERS)}", "arithmetic", "smollm2-135m")


def open_exam(page: Any, server: Any, project: Project, item: str = "") -> None:
    page.goto(f"{server.url}/?project={project.name}&tab=exam&id={item}")
    page.wait_for_selector("#exam-numbers :is(.stats, .empty)")


def unfold(page: Any, title: str) -> None:
    page.click(f"#tab-exam .more > button:has-text('{title}')")


def choose(page: Any, field: str, option: str) -> None:
    page.click(f"#{field} input")
    page.click(f"#{field} [role=option]:has-text('{option}')")


def mistakes_shown(page: Any, number: int) -> None:
    page.wait_for_selector(
        f"#exam-numbers .stats div:has(dt:text-is('Mistakes')) dd:has-text('{number}')"
    )


def said(page: Any, words: str) -> None:
    page.wait_for_selector(f"#exam-said:has-text('{words}')")


def warned(page: Any, words: str) -> None:
    page.locator(".toast-body").filter(has_text=words).last.wait_for()


def graded(server: Any, project: Project) -> list[tuple[str, str | None, str]]:
    log = decisions.log(connect(server.settings.database), project.id)
    return [(one.action, one.value, one.reason) for one in log]


def test_a_grade_is_overridden_undone_and_the_mistakes_follow(page, server, made, watched):
    open_exam(page, server, made, "wrong")
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 4")
    page.click("#exam-answers .answer >> nth=0")
    page.fill("#exam-answers .reason >> nth=0", HOSTILE)
    page.click("#exam-answers [data-grade=right] >> nth=0")
    said(page, "Question 2 is right now, by your word.")
    mistakes_shown(page, 3)
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 3")
    assert len(board(server.settings, made).questions) == 3

    page.click("#exam-filter label:has-text('Overridden')")
    page.wait_for_selector("#exam-answers .answer .tag:has-text('by a person')")
    page.click("#exam-answers .answer")
    told = page.inner_text("#exam-answers .grading p")
    assert HOSTILE in told
    assert "The rule graded it wrong." in told
    page.reload()
    page.wait_for_selector("#exam-answers .answer .tag:has-text('by a person')")
    page.click("#exam-answers .answer")
    page.click("#exam-answers [data-grade=rule]")
    said(page, "Question 2 is wrong now, by the rule.")
    mistakes_shown(page, 4)
    page.click("#exam-said [data-undo]")
    said(page, "Undone: question 2 is right again.")
    mistakes_shown(page, 3)
    assert graded(server, made) == [
        ("grade", "correct", HOSTILE),
        ("reset", None, ""),
        ("undo", None, ""),
    ]
    page.click("#tab-review-button")
    page.wait_for_selector("text=Nothing to review yet")
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


def test_the_keyboard_grades_and_stays_at_its_place(page, server, made):
    open_exam(page, server, made)
    page.wait_for_selector("#exam-answers .answer")
    page.focus("#exam-answers summary >> nth=0")
    for key, words in (
        ("w", "Question 1 is wrong now, by your word."),
        ("r", "Question 1 is right now, by the rule."),
    ):
        page.keyboard.press(key)
        said(page, words)
    page.keyboard.press("j")
    page.keyboard.press("r")
    said(page, "Question 2 is right now, by your word.")
    page.keyboard.press("b")
    said(page, "Question 2 is wrong now, by the rule.")
    page.keyboard.press("u")
    said(page, "Undone: question 2 is right again.")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("#exam-answers .answer[open] .number:text-is('1')")
    # Letters that are typed as a reason are no commands.
    page.type("#exam-answers .answer[open] .reason", "wrong, but why")
    page.keyboard.press("Enter")
    said(page, "Question 1 is wrong now, by your word.")
    assert graded(server, made)[-1] == ("grade", "wrong", "wrong, but why")


def test_the_samples_of_a_vote_come_when_they_are_unfolded(page, server, made, watched):
    store = connect(server.settings.database)
    voted, other = answers(server.settings, made.exam_id)[0][:2]
    for answer in (voted, other):
        exams.save_answer(store, answer.id, {"agreement": 2 / 3})
        for number, prediction in enumerate(["7", "9", "9"]):
            text = f"{HOSTILE} The answer is {prediction}."
            sample = exams.SampleRow(answer.id, number, text, prediction, 11, number == 2)
            exams.add_sample(store, sample)
    open_exam(page, server, made)
    page.click("#exam-answers .answer >> nth=0")
    assert page.locator("#exam-answers .samples pre").count() == 0
    page.click("#exam-answers .answer[open] .samples summary")
    page.wait_for_selector("#exam-answers .answer[open] .votes li")
    assert page.locator("#exam-answers .samples pre").count() == 3
    votes = page.locator("#exam-answers .votes li").all_inner_texts()
    assert [vote.split() for vote in votes] == [["9", "2", "samples"], ["7", "1", "sample"]]
    page.click("#exam-answers .samples details:has-text('stands for the vote') > summary")
    assert page.inner_text("#exam-answers .samples details[open] pre") == (
        f"{HOSTILE} The answer is 9."
    )
    # What is open stays open while others come and a grade is given.
    page.click("#exam-answers .answer:nth-child(2) > summary")
    page.click("#exam-answers .answer:nth-child(2) .samples > summary")
    page.wait_for_selector("#exam-answers .answer:nth-child(2) .votes li")
    page.click("#exam-answers .answer:nth-child(2) [data-grade=right]")
    said(page, "Question 2 is right now, by your word.")
    assert page.locator("#exam-answers .samples details[open] pre").count() == 1
    assert page.locator("#exam-answers .votes").count() == 2
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


def test_search_kinds_and_downloads(page, server, made, watched):
    open_exam(page, server, made)
    page.click(".kinds summary")
    assert page.locator(".kinds .intervals").count() == 2
    assert page.locator(".kinds .intervals:first-of-type .name").first.inner_text().startswith("1")

    first = answers(server.settings, made.exam_id)[0][0]
    fill(page, "exam-search", first.question[:25].upper())
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 1")
    fill(page, "exam-search", HOSTILE)
    page.wait_for_selector("#exam-answers .empty:has-text('Nothing found')")
    assert HOSTILE in page.inner_text("#exam-answers .empty")
    assert page.evaluate("window.hacked") is None
    fill(page, "exam-search", "")
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 5")

    for button, name, number in (("mistakes", "false", 4), ("all answers", "answers", 5)):
        with page.expect_download() as download:
            page.click(f"text=Download {'the ' if number == 4 else ''}{button}")
        assert download.value.suggested_filename == f"smollm2-135m_arithmetic_{name}_round0.json"
        content = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
        assert len(content if number == 4 else content["answers"]) == number
    assert watched.errors == []


def test_a_model_of_the_hub_is_checked_before_anything_is_downloaded(page, server, fresh, watched):
    open_exam(page, server, fresh)
    fill(page, "exam-student", "meta-llama/Llama-2-7b-chat-hf")
    page.keyboard.press("Enter")
    page.wait_for_selector("#exam-student-check .bad:has-text('Gated: accept its terms')")
    assert "13.5 GB to download" in page.inner_text("#exam-student-check")
    fill(page, "exam-student", "nobody/nothing")
    page.keyboard.press("Enter")
    page.wait_for_selector("#exam-student-check .bad:has-text('The hub has no model nobody')")
    fill(page, "exam-student", "proxy/page")
    page.keyboard.press("Enter")
    page.wait_for_selector("#exam-student-check .note:has-text('proxy/page are not checked')")
    choose(page, "exam-student", "smollm2-135m")
    page.wait_for_function("!document.querySelector('#exam-student-check .findings')")
    assert watched.errors == []
    assert watched.foreign == []


def test_ones_own_file_is_mapped_shown_and_examined_behind_a_server(
    page, server, fresh, tmp_path, watched
):
    rows = tmp_path / "my sums.csv"
    rows.write_text(
        f'Frage;Antwort;Art\n"2 + 2? {HOSTILE}";4;plus\n1,5 + 1?;2,5;plus\n3 * 3?;neun;mal\n',
        encoding="utf-8",
    )
    open_exam(page, server, fresh)
    choose(page, "exam-task", "A file of your own")
    page.wait_for_selector("#exam-map-question >> visible=true")
    fill(page, "exam-rows", rows)
    page.click("#exam-preview-button")
    warned(page, "Choose the columns")
    choose(page, "exam-map-question", "Frage")
    choose(page, "exam-map-answer", "Antwort")
    page.click("#exam-preview-button")
    page.wait_for_selector("#exam-preview .notice:has-text('line 4')")
    assert "'Antwort'" in page.inner_text("#exam-preview .notice")
    page.click("#exam-start")
    warned(page, "line 4")
    assert open_project(server.settings, fresh.name).task == "arithmetic"

    rows.write_text(rows.read_text(encoding="utf-8").replace("neun", "9"), encoding="utf-8")
    page.click("#exam-preview-button")
    page.wait_for_selector("#exam-preview summary:has-text('The first 3 questions of 3')")
    assert HOSTILE in page.inner_text("#exam-preview pre.said >> nth=0")
    golds = page.locator("#exam-preview .expected b").all_inner_texts()
    assert golds == ["4", "2.5", "9"]

    replies = {"2 + 2": "The answer is 4.", "1,5 + 1": "Das macht 2,5."}
    with Wire(
        reply=lambda call: next((replies[one] for one in replies if one in call.prompt), "")
    ) as wire:
        unfold(page, "A student behind a server")
        fill(page, "exam-server", f"{wire.url}/v1")
        page.wait_for_selector("#exam-student :text('Behind the server that is named below')")
        page.click("#exam-start")
        warned(page, "name that the student has on the server")
        fill(page, "exam-served-model", "some-model")
        fill(page, "exam-server-key", KEY)
        page.click("#exam-start")
        page.wait_for_selector("#job-exam .job[data-state=succeeded]", timeout=60_000)
        assert {(call.model, call.key) for call in wire.calls} == {("some-model", KEY)}
    page.wait_for_function("document.querySelectorAll('#exam-answers .answer').length === 3")
    project = open_project(server.settings, fresh.name)
    assert project.task == "my-sums"
    assert page.locator("#exam-answers .verdict.right").count() == 2
    # The task is settled now, and a reload brings the form back as it was, but for the key.
    page.reload()
    page.wait_for_selector("#exam-answers .answer")
    assert page.is_disabled("#exam-task input")
    assert page.input_value("#exam-served-model :is(input, textarea)") == "some-model"
    assert page.input_value("#exam-server-key :is(input, textarea)") == ""
    home = server.settings.home
    kept = [file for file in home.rglob("*") if file.is_file() and not file.is_symlink()]
    assert not [file for file in kept if KEY.encode() in file.read_bytes()]
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


@contextmanager
def a_late_answer(page, asked):
    """The answer to one request, which has these words, comes when the block has ended."""
    held = []

    def hold(route):
        if asked in (route.request.post_data or ""):
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/queue/join*", hold)
    yield
    ((route, answer),) = held
    route.fulfill(response=answer)
    page.unroute("**/queue/join*")


def states_of(page, selector, seconds):
    """What stands there in the next seconds."""
    found = set()
    for _ in range(int(10 * seconds)):
        page.wait_for_timeout(100)
        found.add(page.inner_text(selector))
    return found


def test_an_exam_is_paused_and_only_what_is_missing_is_asked(page, server, fresh):
    with Wire(latency_s=1.5) as wire:
        open_exam(page, server, fresh)
        fill(page, "exam-questions", 240)
        unfold(page, "A student behind a server")
        fill(page, "exam-server", f"{wire.url}/v1")
        fill(page, "exam-served-model", "slow")
        page.click("#exam-start")
        page.wait_for_selector("#exam-answers .answer", timeout=60_000)
        with a_late_answer(page, '"job"'):
            page.click("#job-exam .cancel:text-is('Pause')")
            page.wait_for_selector("#job-exam .state:text-is('Paused')", timeout=60_000)
        assert states_of(page, "#job-exam .state", 2) == {"Paused"}  # the answer said “Pausing”
        store = connect(server.settings.database)
        project = open_project(server.settings, fresh.name)
        had = exams.counts(store, project.exam_id).answered
        assert 0 < had < 240
        before = sum(wire.received.values())
        wire.latency_s = 0.0
        page.click("#job-exam .resume:text-is('Ask what is missing')")
        page.wait_for_selector("#job-exam .job[data-state=succeeded]", timeout=60_000)
        assert sum(wire.received.values()) == before + 240 - had
    page.wait_for_selector("#exam-numbers .stats:has-text('of 240 questions')")
    assert exams.counts(store, project.exam_id).answered == 240


def test_the_demo_and_an_examined_project_keep_their_task(page, server, made):
    for name in ("demo", made.name):
        open_exam(page, server, open_project(server.settings, name))
        assert page.is_disabled("#exam-task input")
        assert "make a new project" in page.inner_text("#exam-task")


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1280, "light")])
def test_nothing_is_cut_off(chromium, server, made, width, theme, tmp_path):
    screen = {"width": width, "height": 844}
    page = new_page(chromium, viewport=screen, color_scheme=theme)
    try:
        open_exam(page, server, made)
        for title in ("How it answers", "The questions", "A student behind a server"):
            unfold(page, title)
        page.click("#exam-preview-button")
        page.wait_for_selector("#exam-preview .shown-questions")
        page.click(".kinds summary")
        page.click("#exam-answers .answer >> nth=1")
        page.screenshot(path=tmp_path / f"exam-{width}-{theme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        for part in ("#exam-filter label:last-of-type", "#exam-answers .grading"):
            box = page.locator(part).first.bounding_box()
            assert box is not None
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, part
        form = page.locator("#tab-exam .split > .form").bounding_box()
        numbers = page.locator("#exam-numbers").bounding_box()
        assert form and numbers
        assert (
            form["y"] + form["height"] <= numbers["y"] or form["x"] + form["width"] <= numbers["x"]
        )
    finally:
        page.close()
