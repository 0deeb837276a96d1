"""The review room in a real Chromium: the live threshold, decisions, hostile text, two people."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db import decisions, projects
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.projects import create_project, open_project
from tests.browser.taught import TEACHERS, sat_exam, taught

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FAIR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")

HOSTILE = (
    '${window.hacked=1} {{value}} {{#if 1}} `\\frac{1}{2}` <img src=x onerror="window.hacked=1"> '
    '<script>window.hacked=1</script> <a href="javascript:window.hacked=1">x</a> '
    "[x](javascript:window.hacked=1) ![y](http://example.invalid/y.png)"
)
COUNTS = (
    "accepted",
    "rationales",
    "questions_accepted",
    "questions",
    "kept",
    "kept_of",
    "rejected",
    "rejected_of",
)


def open_review(page: Any, server: Any, project: Project, item: object = "") -> None:
    page.goto(f"{server.url}/?project={project.name}&tab=review&id={item}")
    page.locator("#review-card .column").first.wait_for()


def slide(page: Any, threshold: float) -> None:
    """Move the slider without letting it go."""
    page.locator("#threshold-slider").evaluate(
        "(slider, value) => { slider.value = value;"
        " slider.dispatchEvent(new Event('input', {bubbles: true})); }",
        threshold,
    )


def counts_shown(page: Any) -> dict[str, str]:
    """The numbers beside the slider, as they stand there."""
    return page.evaluate(
        "names => Object.fromEntries(names.map((name) =>"
        " [name, document.querySelector(`[data-count=${name}]`).textContent]))",
        list(COUNTS),
    )


def counts_expected(settings: Settings, project: Project, threshold: float) -> dict[str, str]:
    """The same numbers by Python's rule."""
    found = review.summary(settings, project, threshold)

    def share(part: review.Summary | Any) -> tuple[str, str]:
        if not part.graded:
            return "–", "none"
        return f"{100 * part.right / part.graded:.1f} %", f"of {part.graded:,}"

    kept, rejected = share(found.kept), share(found.rejected)
    return {
        "accepted": f"{found.accepted:,}",
        "rationales": f"of {found.rationales:,}",
        "questions_accepted": f"{found.questions_accepted:,}",
        "questions": f"of {found.questions:,}",
        "kept": kept[0],
        "kept_of": kept[1],
        "rejected": rejected[0],
        "rejected_of": rejected[1],
    }


def badges(page: Any) -> list[str]:
    return page.locator("#review-card .badge").evaluate_all(
        "nodes => nodes.map((node) => node.lastChild.textContent)"
    )


def decided(settings: Settings, project: Project) -> list[tuple[str, str]]:
    """The log of decisions in the store: who did what."""
    log = decisions.log(connect(settings.database), project.id)
    return [(one.actor, one.action) for one in log]


def wait_for_badge(page: Any, column: int, words: str) -> None:
    line = page.locator("#review-card .verdict-line").nth(column)
    line.get_by_text(words, exact=False).first.wait_for()


def test_counts_follow_the_slider_and_release_saves(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    for tenth in range(51):
        slide(page, tenth / 10)
        assert counts_shown(page) == counts_expected(server.settings, project, tenth / 10)
    slide(page, 2.9)
    assert badges(page) == ["Accepted", "Accepted", "Accepted"]
    slide(page, 3.0)
    assert badges(page) == ["Accepted", "Rejected", "Rejected"]
    by_teacher = page.locator(".by-teacher tbody tr").evaluate_all(
        "rows => rows.map((row) => row.children[1].textContent)"
    )
    assert by_teacher == ["4 of 5", "3 of 5", "0 of 5"]
    assert open_project(server.settings, project.name).threshold == 3.0

    page.locator("#threshold-slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.get_by_text("Saved: 3.5").wait_for()
    assert open_project(server.settings, project.name).threshold == 3.5
    page.reload()
    page.locator("#review-card .column").first.wait_for()
    assert page.locator("#threshold-slider").input_value() == "3.5"
    assert counts_shown(page) == counts_expected(server.settings, project, 3.5)


def test_browser_and_rule_agree_on_the_published_run(server: Any, page: Any) -> None:
    folder = SHARED / "fair-svamp"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set FAIR_SHARED_DATA")
    from fair_app.studio.exchange import import_reference

    name = "Llama-2-7b-chat-hf_svamp_{}_round0.json"
    import_reference(
        server.settings,
        "published",
        "svamp",
        mistakes=folder / name.format("false"),
        feedback=folder / name.format("feedback"),
        rationale=folder / name.format("rationale"),
    )
    project = open_project(server.settings, "published")
    open_review(page, server, project)
    for tenth in range(51):
        slide(page, tenth / 10)
        assert counts_shown(page) == counts_expected(server.settings, project, tenth / 10)
    slide(page, 3)
    shown = counts_shown(page)
    assert (shown["accepted"], shown["rationales"]) == ("826", "of 1,161")
    assert (shown["questions_accepted"], shown["questions"]) == ("365", "of 387")
    assert page.locator("#review-card .tag").all_inner_texts() == ["imported"] * 3


def test_decisions_by_keyboard_reach_the_store(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    page.keyboard.press("2")
    page.keyboard.press("a")
    wait_for_badge(page, 1, "by a person")
    assert badges(page) == ["Accepted", "Accepted", "Rejected"]
    assert counts_shown(page)["accepted"] == "8"

    page.keyboard.press("1")
    page.keyboard.press("r")
    wait_for_badge(page, 0, "by a person")
    assert badges(page) == ["Rejected", "Accepted", "Rejected"]
    page.keyboard.press("x")
    wait_for_badge(page, 0, "is above 3.0")
    log = [("local", "accept"), ("local", "reject"), ("local", "reset")]
    assert decided(server.settings, project) == log

    # Undoing the reset brings the rejection back; undoing that, the rule.
    page.keyboard.press("u")
    wait_for_badge(page, 0, "by a person")
    page.keyboard.press("j")
    page.keyboard.press("u")
    page.get_by_text("Undone: your latest decision, on question 1.").wait_for()
    assert page.locator(".place-number").input_value() == "1"
    assert badges(page) == ["Accepted", "Accepted", "Rejected"]
    states = review.curated(server.settings, project).states
    assert [state.accepted for state in states.values()] == [True]
    assert counts_shown(page) == counts_expected(server.settings, project, 3.0)


def test_decisions_by_click_survive_a_reload(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    columns = page.locator("#review-card .column")
    columns.nth(2).get_by_role("button", name="Accept").click()
    wait_for_badge(page, 2, "by a person")
    columns.nth(0).get_by_role("button", name="Reject").click()
    wait_for_badge(page, 0, "by a person")
    page.reload()
    columns.first.wait_for()
    assert badges(page) == ["Rejected", "Rejected", "Accepted"]
    assert counts_shown(page) == counts_expected(server.settings, project, 3.0)
    pressed = columns.nth(0).get_by_role("button", name="Reject")
    assert pressed.get_attribute("aria-pressed") == "true"
    columns.nth(0).get_by_role("button", name="Reset").click()
    wait_for_badge(page, 0, "is above 3.0")
    page.get_by_role("button", name="Undo").click()
    wait_for_badge(page, 0, "by a person")
    actions = [action for _, action in decided(server.settings, project)]
    assert actions == ["accept", "reject", "reset", "undo"]


def test_decisions_made_faster_than_the_server_answers_all_count(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    for key in "1r1a2a3aj1rj":
        page.keyboard.press(key)
    page.wait_for_function("document.querySelector('.place-number').value === '3'")
    page.keyboard.press("k")
    wait_for_badge(page, 0, "by a person")
    assert page.locator("#review-card .review-notice").is_hidden()
    actions = [action for _, action in decided(server.settings, project)]
    assert actions == ["reject", "accept", "accept", "accept", "reject"]


def test_keys_leave_text_fields_alone_and_serve_beside_the_slider(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    number = page.locator(".place-number")
    number.focus()
    page.keyboard.press("a")
    page.keyboard.press("j")
    assert number.input_value() == "1"
    number.fill("4")
    page.keyboard.press("Enter")
    page.locator("#review-card .question").get_by_text("What is 4 + 4?").wait_for()
    page.locator("#threshold-slider").focus()
    page.keyboard.press("j")
    page.locator("#review-card .question").get_by_text("What is 5 + 5?").wait_for()
    assert page.locator("[data-ask=next]").is_disabled()
    page.keyboard.press("?")
    page.locator("dialog.keys").get_by_text("next question").wait_for()
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    assert number.input_value() == "5"
    assert decided(server.settings, project) == []
    # On another page the keys do nothing.
    page.get_by_role("tab", name="Exam").click()
    page.locator("#review-card").wait_for(state="hidden")
    page.keyboard.press("a")
    page.get_by_role("tab", name="Review").click()
    page.locator("#review-card").wait_for()
    assert number.input_value() == "5"
    assert decided(server.settings, project) == []


def test_hostile_text_is_painted_as_it_is(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings, HOSTILE)
    open_review(page, server, project)
    page.locator("#review-card details").evaluate_all(
        "all => all.forEach((one) => one.open = true)"
    )
    said = page.locator("#review-card .said").evaluate_all(
        "nodes => nodes.map((node) => node.textContent).filter((text) => text)"
    )
    wanted = {
        "What is 1 + 1?",
        "𝟙 The answer is 99.",
        *(f"{name} explains question 1." for name in TEACHERS),
        *(f"{name} corrects question 1." for name in TEACHERS),
        *(f"{a} reviews {b}." for a in TEACHERS for b in TEACHERS if a != b),
    }
    assert {f"{start} {HOSTILE}" for start in wanted} <= set(said)
    assert page.locator("#review-card mark").text_content() == "99"
    assert page.locator("#review-card :is(img, script, a, iframe)").count() == 0
    page.keyboard.press("j")
    page.keyboard.press("a")
    wait_for_badge(page, 0, "by a person")
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []
    assert watched.foreign == []


def test_a_link_opens_its_card_and_moving_keeps_the_address(server: Any, page: Any) -> None:
    project = taught(server.settings)
    ids = review.mistakes(server.settings, project)
    open_review(page, server, project, ids[3])
    assert page.locator(".place-number").input_value() == "4"
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**id={ids[2]}*")
    page.reload()
    page.locator("#review-card .question").get_by_text("What is 3 + 3?").wait_for()
    page.get_by_role("tab", name="Exam").click()
    page.locator("#review-card").wait_for(state="hidden")
    page.get_by_role("tab", name="Review").click()
    page.wait_for_url(f"**id={ids[2]}*")
    page.locator("#review-card .question").get_by_text("What is 3 + 3?").wait_for()
    open_review(page, server, project, "999999")
    page.get_by_text("'999999' is not a question of this project").wait_for()
    assert page.locator(".place-number").input_value() == "1"


def test_the_second_of_two_people_gets_a_sentence(server: Any, page: Any, chromium: Any) -> None:
    project = taught(server.settings)
    other = chromium.new_page()
    try:
        open_review(page, server, project)
        open_review(other, server, project)
        page.keyboard.press("r")
        wait_for_badge(page, 0, "by a person")
        other.keyboard.press("a")
        other.get_by_text("Somebody else decided on this rationale in the meantime").wait_for()
        # The card is the present one now, and decides again.
        assert badges(other) == ["Rejected", "Rejected", "Rejected"]
        assert counts_shown(other)["accepted"] == "6"
        assert decided(server.settings, project) == [("local", "reject")]
        other.keyboard.press("a")
        other.wait_for_function(
            "document.querySelector('#review-card .badge').lastChild.textContent === 'Accepted'"
        )
        actions = [action for _, action in decided(server.settings, project)]
        assert actions == ["reject", "accept"]
    finally:
        other.close()


def test_a_simulated_teacher_is_called_that(server: Any, page: Any) -> None:
    open_review(page, server, taught(server.settings))
    heads = page.locator("#review-card .column h3").all_inner_texts()
    assert ["offline, rule-based" in head for head in heads] == [True, False, False]


def test_nothing_stands_out_of_a_narrow_screen(server: Any, chromium: Any) -> None:
    project = taught(server.settings, "word" * 60)
    narrow = chromium.new_page(viewport={"width": 390, "height": 844})
    try:
        open_review(narrow, server, project)
        width = narrow.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
        right = narrow.locator("#threshold, #review-card, #review-card .column").evaluate_all(
            "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().right))"
        )
        assert right <= 390
        lefts = narrow.locator("#review-card .column").evaluate_all(
            "nodes => nodes.map((node) => node.getBoundingClientRect().left)"
        )
        assert len(set(lefts)) == 1
    finally:
        narrow.close()


def test_before_the_committee_wrote_the_page_says_so(server: Any, page: Any) -> None:
    create_project(server.settings, "without exam", "arithmetic", "smollm2-135m")
    page.goto(f"{server.url}/?project=without exam&tab=review")
    page.get_by_text("The student has taken no exam").wait_for()
    project = create_project(server.settings, "without work", "arithmetic", "smollm2-135m")
    exam_id = sat_exam(server.settings, project, "")
    projects.set_exam(connect(server.settings.database), project.id, exam_id, "smollm2-135m")
    page.goto(f"{server.url}/?project=without work&tab=review")
    page.get_by_text("The committee has written nothing yet.").wait_for()
    page.get_by_role("button", name="Go to the committee").click()
    page.wait_for_url("**tab=committee*")


def test_a_decision_survives_a_killed_server(serve: Callable[[], Any], page: Any) -> None:
    server = serve()
    project = taught(server.settings)
    open_review(page, server, project)
    page.keyboard.press("3")
    page.keyboard.press("a")
    wait_for_badge(page, 2, "by a person")
    server.kill()
    assert decided(server.settings, project) == [("local", "accept")]
    server.start()
    page.reload()
    page.locator("#review-card .column").first.wait_for()
    assert badges(page) == ["Accepted", "Rejected", "Accepted"]
