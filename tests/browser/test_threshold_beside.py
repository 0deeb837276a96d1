"""The dial in a real Chromium beside the card: what it hears, reads again, and refuses."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db import committee, decisions
from db.decisions import Entry
from db.store import connect, writing
from fair_app.curation.acceptance import Rule
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.deciding import decide
from tests.browser.conftest import Watched
from tests.browser.dialled import (
    PACE,
    SNAPSHOT,
    Room,
    assert_all_steps,
    expected,
    let_go,
    move,
    serving,
    taught_room,
    teacher_row,
    visit,
    wait_saved,
)
from tests.browser.taught import TEACHERS, taught

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(page: Any) -> Iterator[Callable[[Room], Room]]:
    with serving(page) as serve:
        yield serve


@pytest.fixture
def room(opened: Callable[[Room], Room], tmp_path: Path) -> Room:
    return opened(taught_room(tmp_path))


def test_what_the_card_shows_counts_at_once(room: Room, page: Any) -> None:
    found = room.board
    question = found.questions[2]
    for word, action in ((True, "accept"), (False, "reject"), (None, "reset")):
        row = next(r for r in found.rows if (r.question_id, r.teacher) == (question, "carl"))
        revision = review.cards(room.settings, room.project, [question])[0].columns[2].revision
        decide(room.settings, room.project, row.id, action, actor="me", revision=revision)
        shown = {"rationale_id": row.id, "teacher": "carl", "column": 2, "decided": word}
        page.evaluate(
            "(detail) => document.dispatchEvent(new CustomEvent('fair:card', {detail}))",
            {"question_id": question, "columns": [shown]},
        )
        assert_all_steps(page, room, Rule())
    assert room.asked == ["value"]


def reject_unseen(room: Room) -> None:
    """A decision that this page does not hear of."""
    row = room.board.rows[0]
    with writing(connect(room.settings.database)) as store:
        decisions.append(store, room.project.id, "another", [Entry("rationale", row.id, "reject")])


def test_it_reads_again_when_told(room: Room, page: Any) -> None:
    reject_unseen(room)
    page.evaluate("document.dispatchEvent(new CustomEvent('fair:board'))")
    page.wait_for_function("document.querySelector('[data-count=accepted]').textContent === '7'")
    assert_all_steps(page, room, Rule())
    # Told again at once, it does so after a breath: nothing is missed.
    decide(room.settings, room.project, room.board.rows[3].id, "reject", actor="me", revision=0)
    page.evaluate("document.dispatchEvent(new CustomEvent('fair:board'))")
    page.wait_for_function("document.querySelector('[data-count=accepted]').textContent === '6'")
    assert room.asked == ["value"] * 3


def test_a_card_it_does_not_know_makes_it_read_again(room: Room, page: Any) -> None:
    reject_unseen(room)
    page.evaluate(
        "document.dispatchEvent(new CustomEvent('fair:card',"
        " {detail: {question_id: 12345, columns: []}}))"
    )
    page.wait_for_function("document.querySelector('[data-count=accepted]').textContent === '7'")


def test_other_counts_than_the_servers_make_it_read_again(room: Room, page: Any) -> None:
    reject_unseen(room)
    move(page, 2.9)
    let_go(page)
    wait_saved(page, room, Rule(2.9))
    found = expected(room.board, Rule(), Rule(2.9), PACE)["counts"]["accepted"]
    page.wait_for_function(
        "(found) => document.querySelector('[data-count=accepted]').textContent === found",
        arg=found,
    )
    assert_all_steps(page, room, Rule(2.9))


def test_a_refused_rule_is_said_and_undone(room: Room, page: Any) -> None:
    store = connect(room.settings.database)
    members = [
        {
            "name": teacher.name,
            "origin": "committee",
            "simulated": 0,
            "spec": teacher.spec,
            "spec_hash": "",
        }
        for teacher in committee.teachers(store, room.project.id)
        if teacher.name != "carl"
    ]
    with writing(store):
        committee.set_committee(store, room.project.id, members)
    teacher_row(page, "carl").get_by_text("set its own").click()
    page.get_by_text("There is no teacher 'carl' here").wait_for()
    page.wait_for_function("document.querySelectorAll('.by-teacher tbody tr').length === 2")
    assert room.rule == Rule()
    assert page.evaluate(SNAPSHOT) == expected(room.board, Rule(), Rule(), PACE)
    move(page, 3.5)
    let_go(page)
    wait_saved(page, room, Rule(3.5))


def test_the_threshold_of_a_teacher_who_left_stays_saved(room: Room, page: Any) -> None:
    rule = Rule(3.0, {"ada": 4.5})
    review.set_rule(room.settings, room.project, rule)
    store = connect(room.settings.database)
    store.execute("UPDATE teachers SET active = 0 WHERE name = 'ada'")
    visit(page, room)
    assert_all_steps(page, room, rule)
    move(page, 3.5)
    let_go(page)
    wait_saved(page, room, replace(rule, threshold=3.5))


def test_nothing_leaves_a_narrow_screen(room: Room, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name in TEACHERS:
        teacher_row(page, name).get_by_text("set its own").click()
    page.locator("#threshold .conditions summary").click()
    move(page, 4.4)
    page.locator("#threshold .flips summary").click()
    page.locator("#threshold .flip, #threshold .flips summary").first.wait_for()
    ends = page.locator("#threshold *").evaluate_all(
        "nodes => nodes.map((node) => node.getBoundingClientRect().right)"
    )
    assert max(ends) <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_any_name_is_a_teacher(
    opened: Callable[[Room], Room], page: Any, tmp_path: Path, watched: Watched
) -> None:
    settings = Settings(home=tmp_path)
    project = taught(settings)
    names = ["constructor", "__proto__", '<img src=x onerror="window.hacked=1">${1+1}']
    store = connect(settings.database)
    for old, new in zip(TEACHERS, names, strict=True):
        store.execute("UPDATE teachers SET name = ? WHERE name = ?", [new, old])
    room = opened(Room(settings, project.name))
    assert page.locator("#threshold .by-teacher tbody th").all_inner_texts() == names
    for name in names:
        teacher_row(page, name).get_by_text("set its own").click()
    assert_all_steps(page, room, Rule(3.0, dict.fromkeys(names, 3.0)))
    assert page.evaluate("window.hacked") is None
    assert watched == Watched()
