"""The dial in a real Chromium, on a page of its own: every number it shows is Python's."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fair_app.curation.acceptance import Rule
from fair_app.curation.what_if import flips
from tests.browser.conftest import Watched
from tests.browser.dialled import (
    SNAPSHOT,
    Room,
    assert_all_steps,
    heard,
    let_go,
    move,
    published_room,
    serving,
    set_conditions,
    taught_room,
    teacher_row,
    wait_saved,
)

pytestmark = pytest.mark.browser
LISTED = 50


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


def rules(own: dict[str, float]) -> list[Rule]:
    return [
        Rule(3.0, per_teacher, min_scores, answer_check, adjusted)
        for per_teacher, min_scores, answer_check, adjusted in itertools.product(
            ({}, own), (1, 2), (False, True), (False, True)
        )
    ]


def test_every_number_is_pythons(room: Room, page: Any, watched: Watched) -> None:
    for rule in rules({"blaise": 3.6}):
        set_conditions(page, rule)
        assert_all_steps(page, room, rule)
    assert watched == Watched()


def test_every_number_is_pythons_on_the_published_run(published: Room, page: Any) -> None:
    shown = page.evaluate(SNAPSHOT)["counts"]
    assert (shown["accepted"], shown["rationales"]) == ("826", "of 1,161")
    assert (shown["questions_accepted"], shown["questions"]) == ("365", "of 387")
    assert "no run on this machine yet" in page.locator("#threshold .learning").inner_text()
    for rule in rules({"mistral": 4.5, "gpt": 2.0}):
        set_conditions(page, rule)
        assert_all_steps(page, published, rule)


def test_what_flips_is_listed_and_leads_to_its_card(published: Room, page: Any) -> None:
    found = published.board
    teacher_row(page, "mistral").get_by_text("set its own").click()
    move(page, 2.0, "tr.apart input")
    let_go(page, "tr.apart input")
    old = Rule(3.0, {"mistral": 2.0})
    wait_saved(page, published, old)
    page.locator("#threshold .flips summary").click()
    for step in (2.9, 4.4, 0.0):
        move(page, step)
        new = replace(old, threshold=step)
        changed = flips(found.rows, old, new, found.states)
        lists = [
            (name, rows)
            for name, rows in (("accepted", changed.accepted), ("rejected", changed.rejected))
            if rows
        ]
        page.wait_for_function(
            "(titles) => JSON.stringify(titles) === JSON.stringify("
            "[...document.querySelectorAll('#threshold .flip-lists h4')].map(n => n.textContent))",
            arg=[f"Newly {name}: {len(rows)}" for name, rows in lists],
        )
        for place, (_, rows) in enumerate(lists):
            section = page.locator("#threshold .flip-lists section").nth(place)
            assert section.locator("button").evaluate_all(
                "nodes => nodes.map((node) => [...node.childNodes].map((n) => n.textContent))"
            ) == [
                [
                    f"Question {found.positions[row.question_id] + 1}, {row.teacher}",
                    f"mean {row.mean:.2f}",
                ]
                for row in rows[:LISTED]
            ]
            more = section.locator("p").all_inner_texts()
            assert more == ([f"and {len(rows) - LISTED} more"] if len(rows) > LISTED else [])
    last = flips(found.rows, old, replace(old, threshold=0.0), found.states).accepted[3]
    page.locator("#threshold .flip").nth(3).click()
    assert heard(page, "fair:go") == [{"question_id": last.question_id}]
    assert published.rule == old
