"""The card of the review room in a real Chromium: what it shows, its keys, hostile texts."""

from typing import Any

import pytest

from db import projects
from db.store import connect
from fair_app.curation.acceptance import Rule
from fair_app.studio import deciding, review
from fair_app.studio.projects import create_project, open_project
from tests.browser.conftest import new_page
from tests.browser.reviewing import (
    actions,
    all_ids,
    badges,
    card_of,
    chosen,
    notice,
    open_review,
    place,
    press,
    question,
    settled,
    wait_for_line,
)
from tests.browser.taught import TEACHERS, sat_exam, taught

pytestmark = pytest.mark.browser

HOSTILE = (
    '${window.hacked=1} {{value}} {{#if 1}} `\\frac{1}{2}` <img src=x onerror="window.hacked=1"> '
    '<script>window.hacked=1</script> <a href="javascript:window.hacked=1">x</a> '
    "[x](javascript:window.hacked=1) ![y](http://example.invalid/y.png) \u202edesrever\u202c"
)
HALF_A_PAIR = "\ud83d"


def test_the_card_says_all_that_was_written(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    card = page.locator("#review-card")
    assert card.locator(".gold b").inner_text() == "2"
    assert "Read as 99 by the rule “answer is”." in card.locator(".read").inner_text()
    assert card.locator(".wrong-answer mark.said-read").inner_text() == "99"
    card.locator(".solution summary").click()
    assert card.locator(".solution .said").inner_text() == "1+1=<<1+1=2>>2"
    columns = card.locator(".column")
    assert columns.locator("h3 .name").all_inner_texts() == list(TEACHERS)
    first = columns.nth(0)
    assert first.locator(".part .said").first.inner_text() == "ada explains question 1."
    assert "Final answer wrong: read 0" in first.locator(".check").inner_text()
    assert first.locator(".peer-line .name").all_inner_texts() == ["blaise", "carl", "Mean"]
    assert first.locator(".plain-mean").inner_text() == "5.00"
    row = card_of(server.settings, project, 1).columns[0].row
    assert row is not None and row.adjusted is not None
    assert first.locator(".adjusted-mean").inner_text() == f"adjusted {row.adjusted:.2f}"
    assert first.locator(".said").last.inner_text() == "ada corrects question 1."
    # A review is there on demand: one of them, or all, and they stay as they were left.
    assert first.locator("details[open]").count() == 0
    first.locator("summary").first.click()
    assert first.locator("details[open] .said").inner_text() == "blaise reviews ada."
    press(page, "v")
    assert card.locator("details.peer[open]").count() == 6
    press(page, "j")
    question(page, 2)
    assert card.locator("details.peer[open]").count() == 6
    page.reload()
    columns.first.wait_for()
    assert card.locator("details.peer[open]").count() == 6
    press(page, "v")
    assert card.locator("details[open]").count() == 0


def test_a_verdict_says_why(server: Any, page: Any) -> None:
    project = taught(server.settings)
    ids = all_ids(server.settings, project)
    rule = Rule(3.0, {"carl": 4.5}, min_scores=2, answer_check=True)
    review.set_rule(server.settings, project, rule)
    open_review(page, server, project, ids[0])
    wait_for_line(page, 0, "final answer wrong (answer check)")
    wait_for_line(page, 1, "mean 3.00 is not above 3.0")
    wait_for_line(page, 2, "mean 3.00 is not above carl’s own 4.5")
    press(page, "j")
    question(page, 2)
    wait_for_line(page, 2, "no score counts")
    press(page, "j")
    question(page, 3)
    wait_for_line(page, 1, "1 score counts, 2 are asked for")
    # The badges follow the dial while it moves, before anything is saved.
    press(page, "t")
    page.locator("#threshold-slider").wait_for()
    page.keyboard.press("End")
    wait_for_line(page, 0, "mean 4.50 is not above 5.0")
    assert badges(page)[0] == "Rejected"


def test_incomplete_work_says_so_and_can_be_commented(server: Any, page: Any) -> None:
    finishes = {(0, 0): "truncated", (0, 1): "blocked", (0, 2): "empty"}
    project = taught(server.settings, finishes=finishes)
    open_review(page, server, project, all_ids(server.settings, project)[0])
    assert page.locator("#review-card .column .missing").all_inner_texts() == [
        "Cut off at the token limit, so it is not judged.",
        "The provider blocked the answer.",
        "The teacher's answer was empty.",
    ]
    assert page.locator("#review-card .column [data-ask=accept]").count() == 0
    press(page, "2a")
    notice(page, "blaise’s rationale is not judged")
    assert actions(server.settings, project) == []
    press(page, "c")
    press(page, "why?")
    page.keyboard.press("Control+Enter")
    page.locator("#review-card .column").nth(1).locator(
        ".comment .said", has_text="why?"
    ).wait_for()
    assert actions(server.settings, project) == ["comment"]


def test_every_key_is_in_the_list(server: Any, page: Any) -> None:
    open_review(page, server, taught(server.settings))
    press(page, "?")
    dialog = page.locator("dialog.keys")
    dialog.wait_for()
    listed = set(dialog.locator("kbd").all_inner_texts())
    assert listed == {*"jk12nq/buUyt?arxedfcvg9→←"} - {"2"}
    press(page, "a")
    press(page, "?")
    dialog.wait_for(state="hidden")
    press(page, "?")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_keys_leave_text_fields_alone_and_serve_beside_the_slider(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    number = page.locator(".place-number")
    number.focus()
    press(page, "aj")
    assert number.input_value() == "1"
    number.fill("4")
    page.keyboard.press("Enter")
    question(page, 4)
    press(page, "/")
    press(page, "arx")
    assert page.locator(".search").input_value() == "arx"
    page.keyboard.press("Escape")
    press(page, "t")
    page.locator("#threshold-slider").wait_for()
    press(page, "j")
    question(page, 5)
    assert page.locator("[data-ask=next]").is_disabled()
    # The slider's own keys are the slider's, and Escape gives the others back.
    page.keyboard.press("ArrowLeft")
    assert page.locator("#threshold-slider").input_value() == "2.9"
    assert place(page) == "5 of 5"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    question(page, 4)
    press(page, "?")
    press(page, "k")
    page.keyboard.press("Escape")
    assert place(page) == "4 of 5"
    for key in ("Control+a", "Alt+a", "Meta+a", "Control+r"):
        page.evaluate(
            "(key) => { const [mod, name] = key.split('+'); document.body.dispatchEvent("
            "new KeyboardEvent('keydown', {key: name, bubbles: true, ctrlKey: mod === 'Control',"
            " altKey: mod === 'Alt', metaKey: mod === 'Meta'})); }",
            key,
        )
    settled(page)
    assert actions(server.settings, project) == []
    # On another page the keys do nothing.
    page.get_by_role("tab", name="Exam").click()
    page.locator("#review-card").wait_for(state="hidden")
    press(page, "a")
    page.get_by_role("tab", name="Review").click()
    page.locator("#review-card").wait_for()
    assert place(page) == "4 of 5"
    assert actions(server.settings, project) == []


def test_hostile_text_is_painted_as_it_is(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings, HOSTILE)
    open_review(page, server, project)
    press(page, "v")
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
    assert page.locator("#review-card mark").first.text_content() == "99"
    assert page.locator("#review-card :is(img, script, a, iframe)").count() == 0
    press(page, "ja")
    wait_for_line(page, 0, "by a person")
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []
    assert watched.foreign == []


def test_hostile_words_of_a_person_are_painted_as_they_are(
    server: Any, page: Any, watched: Any
) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "e")
    text = page.locator("textarea.edit-text")
    text.fill(HOSTILE)
    page.keyboard.press("Control+Enter")
    column = page.locator("#review-card .column").first
    column.locator(".tag", has_text="edited by").wait_for()
    assert column.locator(".part .said").first.text_content() == HOSTILE
    press(page, "d")
    assert "${window.hacked=1}" in column.locator("ins").all_text_contents()[0]
    press(page, "c")
    column.get_by_role("button", name="Edit list").click()
    column.locator(".reason-list textarea").fill("<img src=x onerror='window.hacked=1'>\nplain")
    column.get_by_role("button", name="Save the list").click()
    column.locator(".chip", has_text="onerror").click()
    column.locator("textarea.comment-text").fill(HOSTILE)
    page.keyboard.press("Control+Enter")
    column.locator(".comment .reason").wait_for()
    assert (
        column.locator(".comment .reason").text_content() == "<img src=x onerror='window.hacked=1'>"
    )
    assert column.locator(".comment .said").text_content() == HOSTILE
    press(page, "/")
    page.locator(".search").fill(HOSTILE[:190])
    page.keyboard.press("Enter")
    notice(page, "Search for at most")
    page.reload()
    column.wait_for()
    assert column.locator(".part .said").first.text_content() == HOSTILE
    assert page.locator("#review-card :is(img, script, a, iframe)").count() == 0
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []
    assert watched.foreign == []


def test_very_long_texts_and_half_characters_stand_it(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings, "longword " * 11_000 + HALF_A_PAIR)
    open_review(page, server, project)
    long = page.locator("#review-card .column").first.locator(".part .said").first.text_content()
    assert long.startswith("ada explains question 1. longword") and len(long) > 99_000
    press(page, "e")
    page.locator("textarea.edit-text").evaluate(
        "(field) => { field.value = 'x\\ud83d ' + 'y'.repeat(99990);"
        " field.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.keyboard.press("Control+Enter")
    page.locator("#review-card .column").first.locator(".tag", has_text="edited by").wait_for()
    state = card_of(server.settings, project, 1).columns[0].state
    assert state.text is not None and state.text.endswith("y" * 99_990)
    press(page, "e")
    page.locator("textarea.edit-text").evaluate(
        "(field) => { field.value = 'z'.repeat(100001);"
        " field.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.keyboard.press("Control+Enter")
    notice(page, "at most 100,000 characters")
    assert page.locator("textarea.edit-text").input_value() == "z" * 100_001
    assert watched.errors == []


def test_a_link_opens_its_card_and_moving_keeps_the_address(server: Any, page: Any) -> None:
    project = taught(server.settings)
    ids = all_ids(server.settings, project)
    open_review(page, server, project, ids[3])
    assert place(page) == "4 of 5"
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**id={ids[2]}*")
    page.reload()
    question(page, 3)
    page.get_by_role("tab", name="Exam").click()
    page.locator("#review-card").wait_for(state="hidden")
    page.get_by_role("tab", name="Review").click()
    page.wait_for_url(f"**id={ids[2]}*")
    question(page, 3)
    open_review(page, server, project, "999999")
    notice(page, "'999999' is not a question of this project")
    assert place(page) == "1 of 5"


def test_another_project_has_another_place(server: Any, page: Any) -> None:
    first, second = taught(server.settings), taught(server.settings)
    open_review(page, server, first, all_ids(server.settings, first)[2])
    page.locator("#project-picker input").click()
    page.get_by_role("option", name=second.name, exact=True).click()
    page.wait_for_url(f"**project={second.name.replace(' ', '+')}*")
    question(page, 1)
    press(page, "a")
    wait_for_line(page, 0, "by a person")
    assert actions(server.settings, first) == []
    assert actions(server.settings, second) == ["accept"]


def test_a_simulated_teacher_is_called_that(server: Any, page: Any) -> None:
    open_review(page, server, taught(server.settings))
    heads = page.locator("#review-card .column h3").all_inner_texts()
    assert ["offline, rule-based" in head for head in heads] == [True, False, False]


def test_the_rule_and_the_reviewers_fold_and_stay_so(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    page.locator("#threshold").wait_for()
    page.locator("#review-dial-fold button").click()
    page.locator("#threshold").wait_for(state="hidden")
    page.reload()
    page.locator("#review-card .column").first.wait_for()
    assert not page.locator("#threshold").is_visible()
    top = page.locator("#review-card").evaluate("node => node.getBoundingClientRect().top")
    assert top < 400
    press(page, "t")
    page.locator("#threshold").wait_for()
    page.locator("#review-peers-fold button").click()
    page.locator("#review-peers .reliability").get_by_text("Who gives whom what").first.wait_for()
    page.reload()
    page.locator("#threshold").wait_for()
    page.locator("#review-peers .reliability").get_by_text("Who gives whom what").first.wait_for()
    # What the dial saves is what the card goes by.
    page.locator("#threshold-slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.locator("#threshold .dial-state").get_by_text("Saved").wait_for()
    assert open_project(server.settings, project.name).threshold == 3.5
    page.reload()
    wait_for_line(page, 0, "mean 5.00 is above 3.5")


def test_nothing_stands_out_of_a_narrow_screen(server: Any, chromium: Any) -> None:
    project = taught(server.settings, "word" * 60)
    deciding.comment(
        server.settings,
        project,
        card_of(server.settings, project, 1).columns[0].rationale_id or 0,
        actor="a" * 80,
        text="w" * 300,
        reason="r" * 60,
    )
    narrow = new_page(chromium, viewport={"width": 390, "height": 844})
    try:
        open_review(narrow, server, project)
        for keys in ("", "e", "?", "q", "b"):
            press(narrow, keys)
            narrow.wait_for_timeout(300)
            assert narrow.evaluate("document.documentElement.scrollWidth") <= 390
            right = narrow.locator(
                "#threshold, #review-card, #review-card :is(.column, .bar-line > *, dialog[open])"
            ).evaluate_all(
                "nodes => Math.max(...nodes.map((node) => node.getBoundingClientRect().right))"
            )
            assert right <= 390
            for _ in range(2 if keys else 0):
                narrow.keyboard.press("Escape")
        lefts = narrow.locator("#review-card .column").evaluate_all(
            "nodes => nodes.map((node) => node.getBoundingClientRect().left)"
        )
        assert len(set(lefts)) == 1
        assert chosen(narrow) == 0
    finally:
        narrow.close()


def test_before_the_committee_wrote_the_page_says_so(server: Any, page: Any) -> None:
    create_project(server.settings, "without exam", "arithmetic", "smollm2-135m")
    page.goto(f"{server.url}/?project=without exam&tab=review")
    page.get_by_text("The student has taken no exam").wait_for()
    assert not page.locator("#review-dial-fold").is_visible()
    project = create_project(server.settings, "without work", "arithmetic", "smollm2-135m")
    exam_id = sat_exam(server.settings, project, "")
    projects.set_exam(connect(server.settings.database), project.id, exam_id, "smollm2-135m")
    page.goto(f"{server.url}/?project=without work&tab=review")
    page.get_by_text("The committee has written nothing yet.").wait_for()
    page.get_by_role("button", name="Go to the committee").click()
    page.wait_for_url("**tab=committee*")
