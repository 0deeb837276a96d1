"""Decisions of the review room in a real Chromium: every gesture of one person."""

from collections.abc import Callable
from typing import Any

import pytest

from db import exams
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from tests.browser.reviewing import (
    actions,
    all_ids,
    badges,
    card_of,
    column,
    come_back,
    log,
    notice,
    open_review,
    place,
    press,
    question,
    settled,
    until,
    wait_for_line,
)
from tests.browser.taught import taught

pytestmark = pytest.mark.browser


def rationale_id(settings: Settings, project: Project, number: int, teacher: int) -> int:
    found = card_of(settings, project, number).columns[teacher].rationale_id
    assert found is not None
    return found


def test_by_keyboard(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "2a")
    wait_for_line(page, 1, "by a person, just now")
    assert badges(page) == ["Accepted", "Accepted", "Rejected"]
    press(page, "1r")
    wait_for_line(page, 0, "by a person")
    assert badges(page) == ["Rejected", "Accepted", "Rejected"]
    press(page, "x")
    wait_for_line(page, 0, "is above 3.0")
    assert log(server.settings, project) == [
        ("local", "accept"),
        ("local", "reject"),
        ("local", "reset"),
    ]
    # Undoing the reset brings the rejection back; undoing that, the rule; and forth again.
    press(page, "u")
    wait_for_line(page, 0, "by a person")
    press(page, "ju")
    notice(page, "Undone: “reject” on question 1.")
    assert place(page) == "1 of 5"
    assert badges(page) == ["Accepted", "Accepted", "Rejected"]
    press(page, "U")
    notice(page, "Done again: “reject” on question 1.")
    press(page, "y")
    notice(page, "Done again: “reset” on question 1.")
    wait_for_line(page, 0, "is above 3.0")
    press(page, "y")
    notice(page, "You have undone nothing that could come.")
    for _ in range(3):
        press(page, "u")
    notice(page, "Undone: “accept” on question 1.")
    press(page, "u")
    notice(page, "You have nothing to undo.")
    assert badges(page) == ["Accepted", "Rejected", "Rejected"]


def test_by_click_and_a_reload_keeps_them(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    column(page, 2).get_by_role("button", name="Accept").click()
    wait_for_line(page, 2, "by a person")
    column(page, 0).get_by_role("button", name="Reject").click()
    wait_for_line(page, 0, "by a person")
    page.reload()
    column(page, 0).wait_for()
    assert badges(page) == ["Rejected", "Rejected", "Accepted"]
    pressed = column(page, 0).get_by_role("button", name="Reject")
    assert pressed.get_attribute("aria-pressed") == "true"
    column(page, 0).get_by_role("button", name="Reset").click()
    wait_for_line(page, 0, "is above 3.0")
    page.get_by_role("button", name="Undo", exact=True).click()
    wait_for_line(page, 0, "by a person")
    page.get_by_role("button", name="Redo", exact=True).click()
    wait_for_line(page, 0, "is above 3.0")
    assert actions(server.settings, project) == ["accept", "reject", "reset", "undo", "undo"]


def test_made_faster_than_the_server_answers_all_count(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "1r1a2a3aj1rj")
    question(page, 3)
    press(page, "k")
    wait_for_line(page, 0, "by a person")
    settled(page)
    assert page.locator("#review-card .review-notice").is_hidden()
    assert actions(server.settings, project) == ["reject", "accept", "accept", "accept", "reject"]
    # What is decided already is not decided again.
    press(page, "r")
    settled(page)
    assert len(actions(server.settings, project)) == 5


def test_the_dial_counts_what_is_decided(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "t")
    kept = page.locator("#threshold [data-count=accepted]")
    kept.wait_for()
    before = int(kept.inner_text())
    press(page, "3a")
    until(page, lambda: kept.inner_text() == str(before + 1))
    press(page, "u")
    until(page, lambda: kept.inner_text() == str(before))


def test_an_edit_its_diff_and_its_restore(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "2e")
    field = column(page, 1).locator("textarea.edit-text")
    assert field.input_value() == "blaise explains question 1."
    field.fill("blaise says that 1 + 1 = 2. The answer is 2.")
    page.keyboard.press("Control+Enter")
    column(page, 1).locator(".tag", has_text="edited by a person, just now").wait_for()
    assert badges(page)[1] == "Accepted"
    assert column(page, 1).locator(".said-right").inner_text() == "1 + 1 = 2"
    assert "Final answer right: read 2" in column(page, 1).locator(".check").inner_text()
    press(page, "d")
    assert column(page, 1).locator("del").all_inner_texts() == ["explains question 1."]
    press(page, "d")
    assert column(page, 1).locator("del").count() == 0
    # Over a rejection made since, the edit still says whose it is.
    deciding.decide(
        server.settings,
        project,
        rationale_id(server.settings, project, 1, 1),
        "reject",
        actor="eve",
        revision=card_of(server.settings, project, 1).columns[1].revision,
    )
    press(page, "jk")
    wait_for_line(page, 1, "by eve")
    assert column(page, 1).locator(".tag", has_text="edited by a person").count() == 1
    column(page, 1).get_by_role("button", name="Restore the original").click()
    wait_for_line(page, 1, "mean 3.00 is not above 3.0")
    assert (
        column(page, 1).locator(".part .said").first.inner_text() == "blaise explains question 1."
    )
    press(page, "u")
    column(page, 1).locator(".tag", has_text="edited by a person").wait_for()


def test_leaving_an_edit_asks_first_when_there_is_something_to_lose(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "e")
    field = page.locator("textarea.edit-text")
    field.wait_for()
    page.keyboard.press("Escape")
    field.wait_for(state="detached")
    press(page, "e")
    press(page, "arxu12?")
    page.keyboard.press("Escape")
    page.get_by_text("Throw away what you wrote?").wait_for()
    page.keyboard.press("Escape")
    assert "arxu12?" in field.input_value()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep writing").click()
    assert field.evaluate("node => node === document.activeElement")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Throw away").click()
    field.wait_for(state="detached")
    press(page, "e")
    assert field.input_value() == "ada explains question 1."
    field.fill("   ")
    page.keyboard.press("Control+Enter")
    notice(page, "An edited rationale needs a text")
    assert actions(server.settings, project) == []


def test_a_draft_outlives_moving_a_reload_and_a_killed_server(
    serve: Callable[[], Any], page: Any
) -> None:
    server = serve()
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "e")
    page.locator("textarea.edit-text").fill("a draft of some length")
    page.locator("[data-ask=next]").click()
    question(page, 2)
    press(page, "3c")
    column(page, 2).locator(".chip").first.wait_for()
    press(page, "2and why")
    assert page.locator("textarea.comment-text").input_value() == "and why"
    page.reload()
    question(page, 2)
    assert page.locator("textarea.comment-text").input_value() == "and why"
    chip = page.locator(".chip[aria-checked=true]")
    assert chip.inner_text() == review.REASONS[1]
    page.locator("[data-ask=previous]").click()
    question(page, 1)
    server.kill()
    server.start()
    come_back(page)
    question(page, 1)
    field = page.locator("textarea.edit-text")
    assert field.input_value() == "a draft of some length"
    field.press("Control+Enter")
    column(page, 0).locator(".tag", has_text="edited").wait_for()
    come_back(page)
    column(page, 0).locator(".tag", has_text="edited").wait_for()
    assert field.count() == 0
    assert actions(server.settings, project) == ["edit"]


def test_a_favourite_and_what_ends_it(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    stars = page.locator("#review-card .star")
    press(page, "3f")
    wait_for_line(page, 2, "by a person")
    pressed = stars.evaluate_all("nodes => nodes.map((node) => node.ariaPressed)")
    assert pressed == ["false", "false", "true"]
    found = card_of(server.settings, project, 1)
    assert found.favourite == found.columns[2].rationale_id
    assert page.locator(".progress").inner_text().startswith("1 decided")
    stars.nth(0).click()
    until(page, lambda: stars.nth(0).get_attribute("aria-pressed") == "true")
    press(page, "1r")
    until(page, lambda: stars.nth(0).get_attribute("aria-pressed") == "false")
    assert badges(page)[0] == "Rejected"
    press(page, "u")
    until(page, lambda: stars.nth(0).get_attribute("aria-pressed") == "true")
    # Two at once: a favourite and again, faster than the server answers.
    press(page, "ff")
    settled(page)
    assert card_of(server.settings, project, 1).favourite is not None


def test_a_comment_with_a_reason_of_ones_own(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "c")
    form = column(page, 0).locator(".comments")
    assert form.locator(".chip").all_inner_texts() == list(review.REASONS)
    form.get_by_role("button", name="Edit list").click()
    form.locator(".reason-list textarea").fill("too short\n\n too long \ntoo short")
    form.get_by_role("button", name="Save the list").click()
    form.locator(".chip", has_text="too long").wait_for()
    assert form.locator(".chip").all_inner_texts() == ["too short", "too long"]
    form.get_by_role("button", name="Save", exact=True).click()
    notice(page, "A comment needs words or a reason.")
    form.locator(".chip").nth(1).click()
    form.get_by_role("button", name="Save", exact=True).click()
    form.locator(".reason").wait_for()
    assert form.locator(".comment .reason").inner_text() == "too long"
    state = card_of(server.settings, project, 1).columns[0].state
    assert [(said.reason, said.text) for said in state.comments] == [("too long", "")]
    # A comment changes no verdict, and can be taken back.
    assert badges(page)[0] == "Accepted"
    press(page, "u")
    form.locator(".comment").first.wait_for(state="detached")


def test_an_answer_that_is_right_after_all(server: Any, page: Any) -> None:
    project = taught(server.settings)
    ids = all_ids(server.settings, project)
    open_review(page, server, project, ids[1])
    press(page, "g")
    line = notice(page, "Question 2: the answer is right by your word")
    question(page, 3)
    assert place(page) == "2 of 4"
    assert project.exam_id is not None
    answer = exams.answers_to(connect(server.settings.database), project.exam_id, [ids[1]])[ids[1]]
    assert answer.correct is True
    line.get_by_role("button", name="Undo").click()
    question(page, 2)
    assert place(page) == "2 of 5"
    assert all_ids(server.settings, project) == ids
    page.get_by_role("button", name="This answer is right after all").click()
    notice(page, "no mistake any more")
    press(page, "y")
    notice(page, "You have undone nothing that could come.")
    # The last one of all leaves an empty room, which says so; Undo brings it back.
    for left in (3, 2, 1, 0):
        press(page, "g")
        until(page, lambda left=left: page.locator(".place-total").inner_text() == str(left))
    page.locator("#review-card .empty").wait_for()
    press(page, "u")
    page.locator("#review-card .column").first.wait_for()
