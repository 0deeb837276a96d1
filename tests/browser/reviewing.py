"""What the tests of the review room share: opening it, its keys, and what stands on the screen."""

from collections.abc import Callable
from typing import Any

from db import decisions
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio.projects import Project, open_project
from fair_app.studio.review import Card, cards
from tests.browser.conftest import Server, playwright_sync


def open_review(page: Any, server: Server, project: Project, item: object = "") -> None:
    page.goto(f"{server.url}/?project={project.name}&tab=review&id={item}")
    page.locator("#review-card .column").first.wait_for()


def come_back(page: Any) -> None:
    """Load the page anew after its server was away, which Gradio may be doing at the moment too."""
    for _ in range(20):
        try:
            page.reload()
            page.locator("#review-card .column").first.wait_for(timeout=5000)
            return
        except playwright_sync.Error:
            page.wait_for_timeout(500)
    raise AssertionError("the page does not come back")


def press(page: Any, keys: str) -> None:
    """Press keys one after the other, as fast as a machine can."""
    for key in keys:
        page.keyboard.press(key)


def question(page: Any, number: int) -> None:
    """Wait for the card of a question of a taught project."""
    page.locator("#review-card .said.question").get_by_text(
        f"What is {number} + {number}?"
    ).wait_for()


def badges(page: Any) -> list[str]:
    return page.locator("#review-card .badge").evaluate_all(
        "nodes => nodes.map((node) => node.lastChild.textContent)"
    )


def wait_for_line(page: Any, column: int, words: str) -> None:
    """Wait for words beside a verdict: why it is so."""
    line = page.locator("#review-card .column").nth(column).locator(".verdict-line")
    line.get_by_text(words, exact=False).first.wait_for()


def chosen(page: Any) -> int:
    """The column that the keys are about, from 0."""
    return page.locator("#review-card .column").evaluate_all(
        "nodes => nodes.findIndex((node) => node.getAttribute('aria-current') === 'true')"
    )


def place(page: Any) -> str:
    """The number in the bar, and how many there are: `2 of 5`."""
    number = page.locator(".place-number").input_value()
    return f"{number} of {page.locator('.place-total').inner_text()}"


def settled(page: Any) -> None:
    """Wait until every decision is answered."""
    page.wait_for_function("!document.querySelector('.review').hasAttribute('data-saving')")


def notice(page: Any, words: str) -> Any:
    """Wait for words in the line below the bar."""
    line = page.locator("#review-card .review-notice")
    line.get_by_text(words, exact=False).first.wait_for()
    return line


def log(settings: Settings, project: Project) -> list[tuple[str, str]]:
    """The log of decisions in the store: who did what."""
    return [
        (one.actor, one.action) for one in decisions.log(connect(settings.database), project.id)
    ]


def actions(settings: Settings, project: Project) -> list[str]:
    return [action for _, action in log(settings, project)]


def until(page: Any, holds: Callable[[], bool], patience_s: float = 60) -> None:
    """Wait, with the browser at work, until something holds."""
    for _ in range(round(patience_s * 10)):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to hold")


def card_of(settings: Settings, project: Project, number: int) -> Card:
    """A question's card as the store has it now."""
    project = open_project(settings, project.name)
    ids = all_ids(settings, project)
    return cards(settings, project, [ids[number - 1]])[0]


def all_ids(settings: Settings, project: Project) -> list[int]:
    """The mistakes in their order."""
    from fair_app.studio.board import board

    return list(board(settings, project).questions)


def column(page: Any, place: int) -> Any:
    """A teacher's column of the card, from 0."""
    return page.locator("#review-card .column").nth(place)
