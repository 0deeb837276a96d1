"""The parts of the evaluation page in a real Chromium: links, comparisons, the matrix, leaks."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from db import exams
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.stored_questions import as_question, store_questions
from fair_app.studio.comparing import comparison
from fair_app.studio.evaluations import summary
from tests.evaluated import STUDENTS, add_evaluation, project_tested

pytestmark = pytest.mark.browser

HOSTILE = (
    "${window.hacked=1} {{value}} \\frac{1}{2} <img src=x onerror='window.hacked=1'> "
    "[x](javascript:alert(1)) `${1+1}`"
)


@pytest.fixture(scope="module")
def made(server: Any) -> Project:
    return project_tested(server.settings, n=24, text=HOSTILE)


@pytest.fixture(scope="module")
def ids(server: Any, made: Project) -> dict[tuple[str, str], int]:
    """The numbers of the evaluations by task and student."""
    found = summary(server.settings, made)
    return {(one.exam.task, one.exam.student): one.exam.id for one in found}


def open_part(page: Any, server: Any, project: Project, item: str = "") -> None:
    page.goto(f"{server.url}/?project={project.name}&tab=evaluation&id={item}")
    page.wait_for_selector("#evaluation-subpages a[aria-current]")


def item(page: Any) -> str:
    return parse_qs(urlsplit(page.url).query).get("id", [""])[0]


def wait_for_item(page: Any, wanted: str) -> None:
    page.wait_for_function(
        "wanted => new URLSearchParams(location.search).get('id') === wanted", arg=wanted
    )


def test_links_lead_to_the_parts_and_the_address_says_which(page, server, made, ids, watched):
    open_part(page, server, made)
    current = page.locator("#evaluation-subpages a[aria-current]")
    assert current.inner_text() == "Tests"
    page.focus("#evaluation-subpages a:has-text('Matrix')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#evaluation-matrix .cell")
    assert current.inner_text() == "Matrix"
    assert page.evaluate("document.activeElement.textContent") == "Matrix"
    assert not page.is_visible("#evaluation-start")
    wait_for_item(page, "matrix")
    page.reload()
    page.wait_for_selector("#evaluation-matrix .cell")
    # Another tab and back: the part that was open.
    page.click("#tab-training-button")
    page.wait_for_function("location.search.includes('tab=training')")
    page.click("#tab-evaluation-button")
    page.wait_for_selector("#evaluation-matrix .cell >> visible=true")
    wait_for_item(page, "matrix")
    # Addresses from before there were parts.
    first, second = ids["arithmetic", STUDENTS[0]], ids["arithmetic", STUDENTS[2]]
    open_part(page, server, made, f"{first}-{second}")
    page.wait_for_selector("#evaluation-comparison .stats")
    assert current.inner_text() == "Compare"
    open_part(page, server, made, STUDENTS[0])
    page.wait_for_selector("#evaluation-start")
    assert page.input_value("#evaluation-student input") == STUDENTS[0]
    assert watched.errors == []
    assert watched.foreign == []


def test_only_the_part_on_the_screen_asks_the_server(page, server, made):
    asked: list[int] = []

    def note(request: Any) -> None:
        if request.post_data and "fn_index" in request.post_data:
            asked.append(request.post_data_json["fn_index"])

    open_part(page, server, made, "matrix")
    page.wait_for_selector("#evaluation-matrix .cell")
    page.wait_for_timeout(500)
    page.on("request", note)
    page.wait_for_timeout(3000)
    (own,) = set(asked)  # its timer, every two seconds
    page.click("#tab-settings-button")
    page.wait_for_function("location.search.includes('tab=settings')")
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(4500)
    assert own not in asked
    assert len(set(asked)) <= 1  # the settings page has a timer, too


def test_answers_are_paged_through_side_by_side(page, server, made, ids, watched):
    first, second = ids["arithmetic", STUDENTS[0]], ids["arithmetic", STUDENTS[2]]
    (found,) = comparison(server.settings, made, [first, second])
    assert found.changes.fixed > 3
    open_part(page, server, made, f"compare.{first}-{second}")
    page.wait_for_selector("#compare-flips .flip >> visible=true")
    shown = page.locator("#compare-flips .flip-place")
    assert shown.inner_text() == f"1 of {found.changes.fixed}"
    assert page.locator("#compare-flips article .verdict").all_inner_texts() == [
        "✗\nWrong",
        "✓\nRight",
    ]
    # What differs is marked on both sides, and can be shown without.
    assert page.locator("#compare-flips article del").count() > 0
    assert page.locator("#compare-flips article ins").count() > 0
    said = page.locator("#compare-flips article .said").first.evaluate("node => node.textContent")
    assert HOSTILE in said and said.startswith(STUDENTS[0])
    page.keyboard.press("d")
    assert page.locator("#compare-flips article del").count() == 0
    assert page.locator("#compare-flips .said-read").count() == 2
    # Keys faster than the answers: each is a step.
    for _ in range(3):
        page.keyboard.press("j")
    page.wait_for_selector(f"#compare-flips .flip-place:text-is('4 of {found.changes.fixed}')")
    page.keyboard.press("k")
    page.wait_for_selector(f"#compare-flips .flip-place:text-is('3 of {found.changes.fixed}')")
    wait_for_item(page, f"compare.{first}-{second}.{second}.fixed.2")
    question = page.inner_text("#compare-flips .question")
    page.reload()
    page.wait_for_selector(f"#compare-flips .flip-place:text-is('3 of {found.changes.fixed}')")
    assert page.inner_text("#compare-flips .question") == question
    page.click("#compare-flips [data-kind='both wrong']")
    page.wait_for_selector("#compare-flips [data-kind='both wrong'][aria-pressed=true]")
    assert page.inner_text("#compare-flips .flip-place") == f"1 of {found.changes.both_wrong}"
    assert page.evaluate("window.hacked") is None
    assert page.locator("#compare-flips :is(img, script, a)").count() == 0
    assert watched.errors == []


def test_several_are_compared_at_once_and_only_those_of_the_same_questions(
    page, server, made, ids, watched
):
    first, *others = (ids["arithmetic", student] for student in STUDENTS)
    open_part(page, server, made, f"compare.{first}-{others[0]}")
    page.wait_for_selector("#evaluation-comparison .stats")
    page.click("#compare-after input")
    options = page.locator("#compare-after [role=option]").all_inner_texts()
    assert len(options) == 2 and all("arithmetic" in one for one in options)
    page.click(f"#compare-after [role=option]:has-text('{STUDENTS[2]}')")
    page.wait_for_selector("#evaluation-comparison .compared tbody tr >> nth=1")
    assert "Holm" in page.inner_text("#evaluation-comparison")
    page.keyboard.press("Escape")
    page.click(f"#compare-against label:has-text('{STUDENTS[2]}')")
    page.wait_for_selector(f"#compare-flips article .name:text-is('{STUDENTS[2]}')")
    assert item(page).startswith(f"compare.{first}-{others[0]}-{others[1]}.{others[1]}.")
    page.click("#compare-parts summary")
    page.wait_for_selector("#compare-parts .intervals >> nth=1")
    assert "By length of question" in page.inner_text("#compare-parts")
    assert watched.errors == []


def test_seeds_are_compared_together(page, server, watched):
    project = project_tested(server.settings, STUDENTS[:2], tasks=(), n=1, text=HOSTILE)
    shares = dict(zip(STUDENTS, (0.2, 0.8), strict=False))
    ids = {
        student: [
            add_evaluation(server.settings, project, student, "gsm8k", 20, share, HOSTILE, seed)
            for seed in (731, 732)
        ]
        for student, share in shares.items()
    }
    before, after = ("_".join(map(str, ids[student])) for student in shares)
    open_part(page, server, project, "compare")
    page.wait_for_selector("#evaluation-comparison .stats")
    shown = page.inner_text("#evaluation-comparison")
    assert "exact permutation test" in shown and "2 seeds" in shown
    page.wait_for_selector("#compare-flips .flip >> visible=true")
    assert "seed 731" in page.inner_text("#compare-flips")
    wait_for_item(page, f"compare.{before}-{after}.{ids[STUDENTS[1]][0]}.fixed.0")
    # One seed of the second takes the place of both, and the address says so.
    page.click("#compare-after input")
    page.click("#compare-after [role=option]:has-text('seed 732')")
    alone = ids[STUDENTS[1]][1]
    page.wait_for_function(
        "part => location.search.includes(part)", arg=f"compare.{before}-{alone}.{alone}."
    )
    page.reload()
    page.wait_for_selector("#evaluation-comparison .stats")
    assert page.inner_text("#evaluation-comparison .stats").count("2 seeds") == 1
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


def test_a_cell_of_the_matrix_leads_to_its_test_and_the_wrong_answers_can_be_saved(
    page, server, made, ids, watched, tmp_path
):
    open_part(page, server, made, "matrix")
    test = ids["gsm8k", STUDENTS[1]]
    page.click(f"#evaluation-matrix [data-item='tests.{test}']")
    page.wait_for_selector(f"#evaluation-numbers h3:has-text('{STUDENTS[1]} on gsm8k')")
    wait_for_item(page, f"tests.{test}")
    page.wait_for_selector("#evaluation-leaked .notice:has-text('Nothing was learned')")
    assert page.locator("#evaluation-scores [aria-current]").inner_text() == STUDENTS[1]
    with page.expect_download() as coming:
        page.click("#evaluation-wrong")
    assert coming.value.suggested_filename == "first_gsm8k_test.json"
    path = Path(tmp_path / "wrong.json")
    coming.value.save_as(path)
    rows = json.loads(path.read_text("utf-8"))
    wrong = exams.count_answers(connect(server.settings.database), test, "wrong")
    assert len(rows) == wrong > 0
    assert HOSTILE in rows[0]["student_wrong_pred"]
    assert watched.errors == []


def leak(settings: Settings, project: Project, n: int) -> None:
    """An exam that asks the first questions of a test."""
    store = connect(settings.database)
    test = summary(settings, project)[-1].exam
    rows = exams.answers(store, test.id, limit=n)
    ids = store_questions(
        store, project.id, "arithmetic", "train", [as_question(row) for row in rows]
    )
    exams.add(
        store,
        project.id,
        purpose="exam",
        student=STUDENTS[0],
        task="arithmetic",
        split="train",
        settings={},
        question_ids=ids,
    )


def test_what_leaked_is_said_shown_and_left_out(page, server, watched):
    project = project_tested(server.settings, tasks=("arithmetic",), n=12, text=HOSTILE)
    leak(server.settings, project, 3)
    test = summary(server.settings, project)[-1].exam.id
    open_part(page, server, project, f"tests.{test}")
    page.wait_for_selector("#evaluation-leaked .notice:has-text('3 of 12 questions stand')")
    page.click("#evaluation-leaked summary")
    assert page.locator("#evaluation-leaked li").count() == 3
    assert HOSTILE in page.locator("#evaluation-leaked li").first.inner_text()
    page.click("#evaluation-clean input")
    page.wait_for_selector("#evaluation-numbers dd:has-text('right of 9')")
    wait_for_item(page, f"tests.{test}.clean")
    page.reload()
    page.wait_for_selector("#evaluation-numbers dd:has-text('right of 9')")
    assert page.is_checked("#evaluation-clean input")
    # The same in a comparison.
    page.click("#evaluation-opened button:has-text('Compare it')")
    page.wait_for_selector("#evaluation-comparison .stats")
    page.click("#compare-clean input")
    page.wait_for_selector("#evaluation-comparison :text('3 questions')")
    assert ".clean." in item(page)
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


def test_nothing_is_cut_off_on_a_narrow_screen(page, server, made, ids):
    page.set_viewport_size({"width": 390, "height": 844})
    first, second = ids["arithmetic", STUDENTS[0]], ids["arithmetic", STUDENTS[2]]
    third = ids["arithmetic", STUDENTS[1]]
    for place in (f"tests.{first}", f"compare.{first}-{second}-{third}", "matrix"):
        open_part(page, server, made, place)
        page.wait_for_timeout(700)
        widest = page.evaluate("document.documentElement.scrollWidth")
        assert widest <= 390, place
        inside = page.locator("#evaluation-subpages a").last.bounding_box()
        assert inside["x"] + inside["width"] <= 390


def test_empty_parts_say_what_to_do(page, server):
    project = project_tested(server.settings, students=("smollm2-135m",), tasks=())
    for part in ("compare", "matrix"):
        open_part(page, server, project, part)
        page.click("#tab-evaluation .empty >> visible=true >> text=Go to the tests")
        page.wait_for_selector("#evaluation-start")
