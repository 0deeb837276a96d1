"""The dial in a real Chromium: dragged, by keys, by teacher, and by a suggestion."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from db.store import connect
from fair_app.curation.acceptance import Rule
from fair_app.curation.what_if import suggest, summarise
from fair_app.studio import review
from tests.browser.dialled import (
    PACE,
    SNAPSHOT,
    Room,
    assert_all_steps,
    expected,
    heard,
    percent,
    published_room,
    serving,
    set_conditions,
    taught_room,
    teacher_row,
    visit,
    wait_saved,
)
from tests.browser.taught import TEACHERS

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(page: Any) -> Iterator[Callable[[Room], Room]]:
    with serving(page) as serve:
        yield serve


@pytest.fixture
def room(opened: Callable[[Room], Room], tmp_path: Path) -> Room:
    return opened(taught_room(tmp_path))


@pytest.fixture
def published(opened: Callable[[Room], Room], tmp_path: Path) -> Room:
    return opened(published_room(tmp_path))


def test_dragging_shows_and_releasing_saves(room: Room, page: Any) -> None:
    slider = page.locator("#threshold-slider")
    box = slider.bounding_box()
    across = [box["x"] + 9 + (box["width"] - 18) * at / 5 for at in (3.0, 3.6, 4.2)]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(across[0], middle)
    page.mouse.down()
    page.mouse.move(across[1], middle, steps=4)
    page.mouse.move(across[2], middle, steps=4)
    found = room.board
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(), Rule(4.2), PACE)
    assert heard(page, "fair:rule")[-1] == asdict(Rule(4.2))
    assert room.rule == Rule()
    assert "commit" not in room.asked
    page.mouse.up()
    wait_saved(page, room, Rule(4.2))
    assert room.asked.count("commit") == 1
    assert not slider.evaluate("(node) => node === document.activeElement")
    # What it was compared with stays in sight, until the next change.
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(), Rule(4.2), PACE)
    assert page.locator("#threshold line.before").get_attribute("x1") == "600"
    page.get_by_role("button", name="Back to 3.0").click()
    wait_saved(page, room, Rule(3.0))
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(4.2), Rule(3.0), PACE)
    page.get_by_role("button", name="Back to 4.2").click()
    page.wait_for_function("document.querySelector('.dial-state').textContent === 'Saved'")
    visit(page, room)
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(4.2), Rule(4.2), PACE)
    assert not page.get_by_role("button", name="Back to").is_visible()


def test_keys_are_one_change_until_the_slider_is_left(room: Room, page: Any) -> None:
    slider = page.locator("#threshold-slider")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    wait_saved(page, room, Rule(3.5))
    found = summarise(room.board.rows, Rule(3.5), room.board.states)
    assert slider.get_attribute("aria-valuetext") == (
        f"3.5: {found.accepted} of {found.rationales} rationales accepted"
    )
    assert page.get_by_role("button", name="Back to 3.0").is_visible()
    page.keyboard.press("Tab")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    wait_saved(page, room, Rule(3.4))
    assert page.get_by_role("button", name="Back to 3.5").is_visible()


def test_quick_changes_end_with_the_newest(room: Room, page: Any) -> None:
    page.locator("#threshold-slider").evaluate(
        """(slider) => {
          for (let tenth = 20; tenth < 45; tenth++) {
            slider.value = tenth / 10;
            for (const name of ['input', 'change']) {
              slider.dispatchEvent(new Event(name, {bubbles: true}));
            }
          }
        }"""
    )
    wait_saved(page, room, Rule(4.4))
    page.wait_for_timeout(500)
    assert room.rule == Rule(4.4)
    assert room.asked.count("commit") == 2
    assert len(heard(page, "fair:saved")) == 1


def test_a_teacher_gets_a_threshold_of_its_own(room: Room, page: Any) -> None:
    row = teacher_row(page, "blaise")
    row.get_by_text("set its own").click()
    wait_saved(page, room, Rule(3.0, {"blaise": 3.0}))
    own = row.locator("input")
    assert own.evaluate("(node) => node === document.activeElement")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    rule = Rule(3.0, {"blaise": 3.4})
    wait_saved(page, room, rule)
    shown = page.evaluate(SNAPSHOT)
    assert shown == expected(room.board, Rule(3.0, {"blaise": 3.0}), rule, PACE)
    accepted = shown["teachers"][1].split()[0]
    assert own.get_attribute("aria-valuetext") == f"3.4: {accepted} of 5 accepted"
    visit(page, room)
    assert_all_steps(page, room, rule)
    teacher_row(page, "blaise").get_by_text("common").click()
    wait_saved(page, room, Rule())
    page.get_by_role("button", name="Undo this change").click()
    wait_saved(page, room, rule)


def test_closed_conditions_say_what_is_set(room: Room, page: Any) -> None:
    said = page.locator("#threshold .conditions summary span")
    assert said.inner_text() == "none set"
    set_conditions(page, Rule(3.0, {}, 2, True, True))
    wait_saved(page, room, Rule(3.0, {}, 2, True, True))
    page.locator("#threshold .conditions summary").click()
    assert said.inner_text() == "at least 2 scores, answer check on, mean adjusted for leniency"
    # Of three teachers two review: more cannot be asked for.
    assert page.locator("#threshold .greater").is_disabled()
    visit(page, room)
    assert said.inner_text() == "at least 2 scores, answer check on, mean adjusted for leniency"


def test_a_finer_threshold_than_the_sliders_stays_as_it_is(room: Room, page: Any) -> None:
    rule = Rule(3.25, {"ada": 4.125}, 7)
    review.set_rule(room.settings, room.project, rule)
    visit(page, room)
    assert page.evaluate(SNAPSHOT) == expected(room.board, rule, rule, PACE)
    assert teacher_row(page, "ada").locator("output").inner_text() == "4.125"
    page.locator("#threshold .conditions summary").click()
    page.locator("#threshold .less").click()
    wait_saved(page, room, replace(rule, min_scores=6))


def ask(page: Any, percentage: str) -> str:
    page.locator("#threshold .aim").fill(percentage)
    page.get_by_role("button", name="Suggest").click()
    page.wait_for_function(
        "!['', 'Looking…'].includes(document.querySelector('#threshold .advice').textContent)"
    )
    return str(page.locator("#threshold .advice").inner_text())


def test_a_suggestion_moves_the_dial_and_can_be_taken_back(published: Room, page: Any) -> None:
    found = published.board
    advised = suggest(found.rows, Rule(), 0.9, found.states)
    assert advised.reached
    at, point = advised.threshold, advised.point
    share = percent(point.kept.right, point.kept.graded)
    assert ask(page, "90") == f"{at} keeps {point.accepted} rationales, {share} right."
    wait_saved(page, published, Rule(at))
    assert page.evaluate(SNAPSHOT) == expected(found, Rule(), Rule(at), None)
    page.get_by_role("button", name="Back to 3.0").click()
    wait_saved(page, published, Rule())


def test_a_share_out_of_reach_moves_nothing(published: Room, page: Any) -> None:
    found = published.board
    closest = suggest(found.rows, Rule(), 0.95, found.states)
    assert not closest.reached
    at, point = closest.threshold, closest.point
    share = percent(point.kept.right, point.kept.graded)
    assert ask(page, "95") == f"No threshold reaches 95 %: {at} comes closest with {share}."
    assert published.rule == Rule()
    assert page.locator("#threshold .dial-value").inner_text() == "3.0"
    page.get_by_role("button", name=f"Set {at}").click()
    wait_saved(page, published, Rule(at))
    set_conditions(page, Rule(at, {}, 1, True))
    wait_saved(page, published, Rule(at, {}, 1, True))
    advised = suggest(found.rows, Rule(at, {}, 1, True), 0.95, found.states)
    assert ask(page, "95").startswith(f"{advised.threshold} keeps {advised.point.accepted} ")
    wait_saved(page, published, Rule(advised.threshold, {}, 1, True))


@pytest.mark.parametrize("nonsense", ["", "0", "101", "-5"])
def test_a_percentage_must_be_one(room: Room, page: Any, nonsense: str) -> None:
    assert ask(page, nonsense) == "Give a percentage up to 100."
    assert "suggest" not in room.asked


def test_without_graded_answers_the_server_says_why(room: Room, page: Any) -> None:
    set_conditions(page, Rule(3.0, dict.fromkeys(TEACHERS, 5.0), 2, True))
    connect(room.settings.database).execute("UPDATE rationales SET correct = NULL")
    assert ask(page, "90").startswith("No rationale can be kept whose final answer was graded")
