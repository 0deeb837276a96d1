"""Queues of the review room in a real Chromium: order, search, progress, all at once, address."""

import re
from typing import Any

import pytest

from fair_app.curation.acceptance import Rule
from fair_app.curation.queues import QUEUES
from fair_app.studio import deciding, review
from fair_app.studio.board import board
from fair_app.studio.projects import open_project
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
    until,
    wait_for_line,
)
from tests.browser.taught import taught

pytestmark = pytest.mark.browser


def choose(page: Any, name: str) -> None:
    press(page, "q")
    page.locator("dialog.queues").wait_for()
    page.locator(f"dialog.queues [data-queue={name}]").click()
    title = QUEUES[name].title
    page.locator(".queue-title", has_text=re.compile(f"^{title}$")).wait_for()


def seconds_ago(page: Any, seconds: float) -> None:
    """Let the clock of the page run ahead."""
    page.evaluate(
        "(ms) => { const now = Date.now.bind(Date); Date.now = () => now() + ms; }", 1000 * seconds
    )


def test_queues_with_their_sizes_and_their_order(server: Any, page: Any) -> None:
    project = taught(server.settings, finishes={(4, 2): "blocked"})
    open_review(page, server, project)
    press(page, "q")
    rows = page.locator("dialog.queues button")
    sizes = review.sizes(server.settings, project, "local")
    until(page, lambda: rows.locator(".size").first.inner_text() == str(sizes["all"]))
    assert rows.locator("b").all_inner_texts() == [kind.title for kind in QUEUES.values()]
    assert rows.locator(".size").all_inner_texts() == [str(sizes[name]) for name in QUEUES]
    # By the keyboard: down to the reviewers who disagree.
    press(page, "jj")
    page.keyboard.press("Enter")
    page.locator(".queue-title", has_text="Reviewers disagree").wait_for()
    queue = review.queue(server.settings, project, "disagree", "local")
    found = board(server.settings, project)
    for number, item in enumerate(queue.items, start=1):
        question(page, found.positions[item.question_id] + 1)
        assert place(page) == f"{number} of {len(queue.items)}"
        row = found.row_of[item.rationales[0]]
        assert found.teachers[chosen(page)] == row.teacher
        press(page, "j")
    assert page.locator("[data-ask=next]").is_disabled()
    press(page, "k")
    question(page, found.positions[queue.items[-2].question_id] + 1)
    choose(page, "incomplete")
    question(page, 5)
    assert chosen(page) == 2
    page.locator("#review-card .missing").wait_for()


def test_an_empty_queue_says_what_to_do(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    choose(page, "commented")
    empty = page.locator("#review-card .empty")
    empty.get_by_text("No question is in “Commented”: somebody left a comment.").wait_for()
    assert not page.locator("#review-card .column").first.is_visible()
    press(page, "arjknu")
    notice(page, "You have nothing to undo.")
    assert actions(server.settings, project) == []
    page.reload()
    empty.wait_for()
    empty.get_by_role("button", name="Show all mistakes").click()
    question(page, 1)
    assert place(page) == "1 of 5"


def test_it_opens_at_what_is_not_decided_and_goes_on_there(server: Any, page: Any) -> None:
    project = taught(server.settings)
    ids = all_ids(server.settings, project)
    for number in (1, 3):
        for one in card_of(server.settings, project, number).columns:
            deciding.decide(
                server.settings, project, one.rationale_id or 0, "accept", actor="eve", revision=0
            )
    open_review(page, server, project)
    question(page, 2)
    assert page.locator(".progress").inner_text() == "2 decided"
    press(page, "n")
    question(page, 4)
    press(page, "nn")
    question(page, 2)
    # Undecided: what is decided stays in its place until the queue is chosen anew.
    choose(page, "undecided")
    assert place(page) == "1 of 3"
    press(page, "a2a3a")
    until(page, lambda: page.locator(".progress").inner_text().startswith("1 decided"))
    assert place(page) == "1 of 3"
    press(page, "n")
    question(page, 4)
    page.reload()
    question(page, 4)
    assert place(page) == "1 of 2"
    # A card that is no longer in the queue is shown all the same, outside of it.
    page.goto(f"{server.url}/?project={project.name}&tab=review&id={ids[1]}.undecided")
    question(page, 2)
    page.locator(".progress", has_text="this one is not in the queue").wait_for()
    press(page, "j")
    question(page, 4)
    assert place(page) == "1 of 2"


def test_the_pace_is_said_after_some_cards(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    for number in range(1, 4):
        question(page, number)
        assert "left at your pace" not in page.locator(".progress").inner_text()
        press(page, "1a2a3a")
        until(page, lambda n=number: page.locator(".progress").inner_text().startswith(f"{n} dec"))
        seconds_ago(page, 120)
        if number < 3:
            press(page, "j")
    # Two more cards at two minutes each.
    assert "about 4 min left at your pace" in page.locator(".progress").inner_text()
    page.reload()
    page.locator(".progress", has_text="about 4 min left at your pace").wait_for()


def test_search_finds_words_anywhere_and_keeps_the_place(server: Any, page: Any) -> None:
    project = taught(server.settings)
    rationale = card_of(server.settings, project, 4).columns[1].rationale_id or 0
    deciding.comment(server.settings, project, rationale, actor="eve", text="a zebra stands here")
    open_review(page, server, project)
    press(page, "/")
    press(page, "zeb")
    question(page, 4)
    assert place(page) == "1 of 1"
    assert page.locator(".search").evaluate("node => node === document.activeElement")
    page.wait_for_url("**.all.zeb*")
    page.reload()
    question(page, 4)
    assert page.locator(".search").input_value() == "zeb"
    assert place(page) == "1 of 1"
    # Taking the words away leaves the card where it is, among all.
    page.locator(".search").fill("")
    page.keyboard.press("Enter")
    until(page, lambda: place(page) == "4 of 5")
    question(page, 4)
    page.locator(".search").fill('"explains question 2" blaise')
    page.keyboard.press("Enter")
    question(page, 2)
    page.locator(".search").fill("no such word; 100 %")
    page.keyboard.press("Enter")
    empty = page.locator("#review-card .empty")
    empty.get_by_text("No question of this queue has these words.").wait_for()
    empty.get_by_role("button", name="Take the search away").click()
    question(page, 1)
    page.locator(".search").fill("a b c d e f g h i j k l m n")
    page.keyboard.press("Enter")
    notice(page, "Search for at most 12 words at once")
    assert place(page) == "1 of 5"


def test_deciding_on_all_with_a_preview_and_one_undo(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "2r")
    wait_for_line(page, 1, "by a person")
    choose(page, "right-low")
    queue = review.queue(server.settings, project, "right-low", "local")
    expected = [
        one
        for item in queue.items
        for one in item.rationales
        if (board(server.settings, project).state_of(one)) is None
    ]
    press(page, "b")
    dialog = page.locator("dialog.bulk")
    dialog.locator("tbody tr").first.wait_for()
    words = f"{len(expected)} rationales on"
    assert words in dialog.locator(".sum").inner_text()
    assert "1 rationale that a person decided on stays as decided." in dialog.inner_text()
    assert dialog.locator("tbody tr").count() == len(expected)
    first = board(server.settings, project).row_of[expected[0]]
    cells = dialog.locator("tbody tr").first.locator("td").all_inner_texts()
    mean = "–" if first.mean is None else f"{first.mean:.2f}"
    assert cells[1:] == [first.teacher, mean, "✓ right", "rejected"]
    page.keyboard.press("Escape")
    assert len(actions(server.settings, project)) == 1
    press(page, "b")
    dialog.get_by_role("button", name=f"Accept {len(expected)}").click()
    line = notice(page, f"{len(expected)} rationales on")
    states = board(server.settings, project).states
    assert all(states["rationale", one].accepted for one in expected)
    until(
        page, lambda: page.locator(".progress").inner_text().startswith(f"{len(queue.items)} dec")
    )
    line.get_by_role("button", name="Undo").click()
    notice(page, f"Undone: {len(expected)} decisions made at once.")
    states = board(server.settings, project).states
    assert not any(("rationale", one) in states for one in expected)
    press(page, "y")
    notice(page, "Done again")
    press(page, "b")
    dialog.get_by_text("Nobody has to decide on anything here any more.").wait_for()
    assert dialog.get_by_role("button", name="Accept").is_disabled()


def test_all_is_not_decided_when_it_changed_since_the_preview(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "b")
    page.locator("dialog.bulk tbody tr").first.wait_for()
    rationale = card_of(server.settings, project, 3).columns[0].rationale_id or 0
    deciding.decide(server.settings, project, rationale, "accept", actor="eve", revision=0)
    page.locator("dialog.bulk").get_by_role("button", name="Reject").click()
    notice(page, "The queue changed since you looked at it, so nothing was decided: look again.")
    assert actions(server.settings, project) == ["accept"]


def test_the_queue_follows_the_saved_rule_and_the_card_stays(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    choose(page, "wrong-high")
    before = review.queue(server.settings, project, "wrong-high", "local").items
    press(page, "j")
    shown = page.locator("#review-card .question").inner_text()
    press(page, "t")
    page.locator("#threshold-slider").wait_for()
    page.keyboard.press("End")
    page.locator("#threshold .dial-state", has_text="Saved").wait_for()
    now = review.queue(
        server.settings, open_project(server.settings, project.name), "wrong-high", "local"
    ).items
    assert len(now) != len(before)
    until(page, lambda: page.locator(".place-total").inner_text() == str(len(now)))
    assert page.locator("#review-card .question").inner_text() == shown


def test_a_flip_in_the_dials_list_leads_to_its_card(server: Any, page: Any) -> None:
    project = taught(server.settings)
    ids = all_ids(server.settings, project)
    open_review(page, server, project)
    page.evaluate(
        "(id) => document.dispatchEvent(new CustomEvent('fair:go', {detail: {question_id: id}}))",
        ids[3],
    )
    question(page, 4)
    page.wait_for_url(f"**id={ids[3]}*")


def test_mine_and_an_address_that_names_nothing(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "jjr")
    wait_for_line(page, 0, "by a person")
    choose(page, "mine")
    question(page, 3)
    assert place(page) == "1 of 1"
    page.wait_for_url("**.mine*")
    page.reload()
    question(page, 3)
    assert place(page) == "1 of 1"
    page.goto(f"{server.url}/?project={project.name}&tab=review&id=.<img src=x>.y")
    notice(page, "There is no queue '<img src=x>': these are all mistakes.")
    assert place(page) == "1 of 5"


def test_another_persons_rule_is_taken_over(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    assert badges(page)[0] == "Accepted"
    review.set_rule(server.settings, project, Rule(5.0))
    press(page, "jk")
    wait_for_line(page, 0, "mean 5.00 is not above 5.0")
    press(page, "t")
    until(page, lambda: page.locator("#threshold-slider").input_value() == "5")
    settled(page)
