"""The mentor's rationales in the review room: its columns, the keys, and the dial's counts."""

import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from fair_app.curation.acceptance import MENTOR, RationaleRow, Rule
from fair_app.curation.board import Board
from fair_app.curation.decisions import State
from fair_app.curation.what_if import STEPS, curve, flips, summarise
from fair_app.settings import Settings
from fair_app.studio.mentor import choose_mentor
from fair_app.studio.projects import Project, open_project
from fair_app.studio.review import summary
from pages.components.threshold import shipped
from tests.browser.conftest import REPOSITORY, Server, Watched
from tests.browser.reviewing import (
    actions,
    badges,
    card_of,
    chosen,
    open_review,
    press,
    question,
    settled,
    until,
    wait_for_line,
)
from tests.browser.taught import TEACHERS, taught
from tests.mentored import guesser, writes

pytestmark = pytest.mark.browser

SCRIPTS = "\n".join(
    (REPOSITORY / "pages" / "components" / name).read_text(encoding="utf-8")
    for name in ("rule.js", "threshold_counts.js")
)
COLUMNS = "#review-card .column"


def board_of(seed: int) -> Board:
    """Questions with rationales of two teachers and up to three of a mentor, scored or not."""
    chance = random.Random(seed)
    rows: list[RationaleRow] = []
    states = {}
    for number in range(30):
        authors = [name for name in ("gpt", "ada") if chance.random() < 0.8]
        for author in [*authors, *[MENTOR] * chance.randrange(4)]:
            scores = tuple(chance.choices([1, 2, 3, 4, 5, None], k=chance.randrange(3)))
            row = RationaleRow(
                *(len(rows) + 1, number, author, chance.choice([True, True, False, None]), scores),
                tokens=chance.randrange(90),
                by_mentor=author == MENTOR,
            )
            rows.append(row)
            if chance.random() < 0.2:
                states["rationale", row.id] = State(accepted=chance.random() < 0.5, decision=1)
    ids = list(range(30))
    return Board(ids, ["gpt", "ada"], rows, [], states, {}, dict.fromkeys(ids, 9))


def test_the_browser_counts_a_mentors_rationales_as_python_does(page: Any) -> None:
    rules = [
        Rule(threshold, own, least, checked)
        for threshold in (0.0, 2.5, 3.0, 5.0)
        for own in ({}, {MENTOR: 4.0})
        for least in (1, 2)
        for checked in (False, True)
    ]
    for seed in range(3):
        board = board_of(seed)
        sent = shipped(board, Rule(), None, 1)
        found = page.evaluate(
            f"([sent, rules, before]) => {{ {SCRIPTS}\n const board = unpack(sent);"
            " return rules.map((rule) => [tally(board, rule, before), curve(board, rule),"
            " flips(board, rule, before)]); }",
            [sent, [asdict(rule) for rule in rules], asdict(Rule())],
        )
        for rule, (counted, curved, flipped) in zip(rules, found, strict=True):
            whole = summarise(board.rows, rule, board.states)
            assert (counted["rationales"], counted["accepted"]) == (
                *(whole.rationales, whole.accepted),
            )
            assert counted["questions_accepted"] == whole.questions_accepted
            assert (counted["kept"], counted["kept_of"]) == (whole.kept.right, whole.kept.graded)
            assert dict(zip(sent["teachers"], counted["per_teacher"], strict=True)) == {
                name: [one.accepted, one.rationales] for name, one in whole.per_teacher.items()
            }
            points = curve(board.rows, rule, STEPS, board.states)
            assert curved["accepted"] == [point.accepted for point in points]
            assert curved["questions_accepted"] == [point.questions_accepted for point in points]
            assert curved["kept"] == [point.kept.right for point in points]
            changed = flips(board.rows, Rule(), rule, board.states)
            for name, rows in (("accepted", changed.accepted), ("rejected", changed.rejected)):
                assert [(one["row"], one["teacher"]) for one in flipped[name]] == [
                    (row.question_id, row.teacher) for row in rows
                ]


@pytest.fixture(scope="module")
def mentored(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = taught(server.settings)
    choose_mentor(server.settings, project, str(guesser(tmp_path_factory.mktemp("mentor"))))
    writes(server.settings, project, 1, "One <b>way</b>.", "Another way.", "A third.")
    writes(server.settings, project, 2, "Alone.")
    yield open_project(server.settings, project.name)


def accepted_by_the_dial(page: Any) -> dict[str, str]:
    rows = page.locator("#threshold .by-teacher tbody tr")
    return dict(
        rows.evaluate_all(
            "nodes => nodes.map((n) => [n.children[0].textContent, n.children[1].textContent])"
        )
    )


def test_each_has_a_column_and_a_key_and_is_decided_on_alone(
    page: Any, server: Server, mentored: Project, watched: Watched
) -> None:
    settings: Settings = server.settings
    open_review(page, server, mentored)
    question(page, 1)
    names = page.locator(f"{COLUMNS} h3 .name").all_inner_texts()
    assert names == [*TEACHERS, "mentor 1", "mentor 2", "mentor 3"]
    tags = page.locator(f"{COLUMNS} h3 .tag").all_inner_texts()
    assert tags[-3:] == [f"a model, {place} of 3" for place in (1, 2, 3)]
    assert badges(page)[3:] == ["Accepted"] * 3
    wait_for_line(page, 4, "right answer, no score yet")
    page.get_by_text("One <b>way</b>.").wait_for()
    column = page.locator(COLUMNS).nth(3)
    column.get_by_text("A mentor gives none.").wait_for()
    assert accepted_by_the_dial(page)["mentor"] == "4 of 4"

    press(page, "5")
    assert chosen(page) == 4
    press(page, "r")
    settled(page)
    until(page, lambda: badges(page)[3:] == ["Accepted", "Rejected", "Accepted"])
    until(page, lambda: accepted_by_the_dial(page)["mentor"] == "3 of 4")
    press(page, "6f")
    settled(page)
    card = card_of(settings, mentored, 1)
    assert card.favourite == card.columns[5].rationale_id
    press(page, "4e")
    field = page.locator(f"{COLUMNS} textarea.edit-text")
    assert field.get_attribute("aria-label") == "mentor 1’s rationale"
    field.fill("One way, said better.")
    page.keyboard.press("Control+Enter")
    settled(page)
    until(page, lambda: "edit" in actions(settings, mentored))
    press(page, "d")
    page.locator(f"{COLUMNS}:nth-child(4) ins").first.wait_for()
    found = summary(settings, mentored).per_teacher["mentor"]
    assert (found.accepted, found.rationales) == (3, 4)

    press(page, "j")
    question(page, 2)
    assert page.locator(f"{COLUMNS} h3 .name").all_inner_texts() == [*TEACHERS, "mentor"]
    assert page.locator(f"{COLUMNS} h3 .tag").all_inner_texts()[-1] == "a model"
    press(page, "jk")
    press(page, "4x4a")
    settled(page)
    press(page, "u")
    settled(page)
    assert watched.errors == []


def test_a_queue_of_its_rationales_chooses_their_columns(
    page: Any, server: Server, mentored: Project
) -> None:
    open_review(page, server, mentored, "no-score")
    settled(page)
    page.locator("#review-card .queue-title").wait_for()
    number = int(page.locator(".place-total").inner_text())
    assert number >= 2


def test_narrow_screens_show_one_column_below_the_other(
    page: Any, server: Server, mentored: Project, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_review(page, server, mentored)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    page.screenshot(path=str(tmp_path / "narrow.png"))
