"""Decisions of the review room in a real Chromium: two people, and what goes wrong."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fair_app.settings import Settings
from tests.browser.conftest import new_page
from tests.browser.reviewing import (
    actions,
    badges,
    card_of,
    column,
    log,
    notice,
    open_review,
    press,
    question,
    settled,
    until,
    wait_for_line,
)
from tests.browser.taught import taught

pytestmark = pytest.mark.browser


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another process writes, and nobody else can meanwhile."""
    other = sqlite3.connect(settings.database, timeout=20, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_the_second_of_two_people_sees_the_firsts_choice(
    server: Any, page: Any, chromium: Any
) -> None:
    project = taught(server.settings)
    other = new_page(chromium)
    try:
        open_review(page, server, project)
        open_review(other, server, project)
        press(page, "r")
        wait_for_line(page, 0, "by a person")
        press(other, "a")
        notice(other, "Question 1: local decided on this in the meantime (rejected)")
        # A decision on another column, and moving on, leave the sentence where it is.
        press(other, "jk")
        notice(other, "decided on this in the meantime")
        assert badges(other) == ["Rejected", "Rejected", "Rejected"]
        assert log(server.settings, project) == [("local", "reject")]
        press(other, "a")
        until(other, lambda: badges(other)[0] == "Accepted")
        assert actions(server.settings, project) == ["reject", "accept"]
        press(page, "f")
        settled(page)
        press(other, "2f")
        notice(other, "in the meantime (another favourite)")
        favourite = card_of(server.settings, project, 1)
        assert favourite.favourite == favourite.columns[0].rationale_id
    finally:
        other.close()


def test_two_edits_of_one_text(server: Any, page: Any, chromium: Any) -> None:
    project = taught(server.settings)
    other = new_page(chromium)
    try:
        open_review(page, server, project)
        open_review(other, server, project)
        press(other, "e")
        other.locator("textarea.edit-text").fill("the second one’s text")
        press(page, "e")
        page.locator("textarea.edit-text").fill("the first one’s text")
        page.keyboard.press("Control+Enter")
        column(page, 0).locator(".tag", has_text="edited").wait_for()
        other.locator("textarea.edit-text").press("Control+Enter")
        notice(other, "in the meantime (edited)")
        # Nothing is lost: the first one's text is shown below the second one's.
        assert other.locator("textarea.edit-text").input_value() == "the second one’s text"
        column(other, 0).locator(".said", has_text="the first one’s text").wait_for()
        assert card_of(server.settings, project, 1).columns[0].state.text == "the first one’s text"
        other.locator("textarea.edit-text").press("Control+Enter")
        other.locator("textarea.edit-text").wait_for(state="detached")
        assert card_of(server.settings, project, 1).columns[0].state.text == "the second one’s text"
    finally:
        other.close()


def test_a_decision_survives_a_killed_server(serve: Callable[[], Any], page: Any) -> None:
    server = serve()
    project = taught(server.settings)
    open_review(page, server, project)
    press(page, "3a")
    wait_for_line(page, 2, "by a person")
    server.kill()
    assert log(server.settings, project) == [("local", "accept")]
    # What is decided now is kept in the browser, and made when the server is there again.
    press(page, "1r2a")
    page.wait_for_timeout(500)
    assert actions(server.settings, project) == ["accept"]
    server.start()
    until(page, lambda: len(actions(server.settings, project)) == 3, 60)
    column(page, 0).wait_for()
    until(page, lambda: badges(page) == ["Rejected", "Accepted", "Accepted"])
    settled(page)
    assert actions(server.settings, project) == ["accept", "reject", "accept"]


def test_a_store_that_is_locked_for_a_moment(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    with locked(server.settings):
        press(page, "1r2aj3r")
        page.wait_for_timeout(1000)
        assert actions(server.settings, project) == []
        assert badges(page) == ["Accepted", "Rejected", "Rejected"]
    settled(page)
    assert actions(server.settings, project) == ["reject", "accept", "reject"]


def test_a_reload_while_the_store_is_locked(server: Any, page: Any) -> None:
    project = taught(server.settings)
    open_review(page, server, project)
    with locked(server.settings):
        press(page, "1r")
        press(page, "2c")
        column(page, 1).locator(".chip").first.wait_for()
        press(page, "1")
        page.keyboard.press("Control+Enter")
        press(page, "u")
        page.wait_for_timeout(500)
        page.reload()
        column(page, 0).wait_for()
        page.wait_for_timeout(500)
        assert actions(server.settings, project) == []
    settled(page)
    # Each was made once, though the first was asked twice.
    assert actions(server.settings, project) == ["reject", "comment", "undo"]
    assert [len(one.state.comments) for one in card_of(server.settings, project, 1).columns] == [
        0,
        0,
        0,
    ]


def test_a_store_that_is_locked_for_longer_than_the_server_waits(
    server: Any, page: Any, chromium: Any, watched: Any
) -> None:
    """One person tries again and the other drops it. Both are told at the same time: neither waits
    for the other's turn."""
    project = taught(server.settings)
    other = new_page(chromium)
    try:
        open_review(page, server, project)
        open_review(other, server, project)
        press(other, "1e")
        other.locator("textarea.edit-text").fill("kept as a draft")
        with locked(server.settings):
            press(page, "1r")
            other.keyboard.press("Control+Enter")
            press(page, "2a")
            notice(page, "The server has not answered yet. Your 2 decisions are kept here")
            # Looking goes on meanwhile, with what the browser holds.
            press(page, "j")
            question(page, 2)
            for one in (page, other):
                notice(one, "This may not be saved")
            assert actions(server.settings, project) == []
        page.locator(".review-notice").get_by_role("button", name="Try again").click()
        settled(page)
        assert actions(server.settings, project) == ["reject", "accept"]
        press(page, "k")
        until(page, lambda: badges(page) == ["Rejected", "Accepted", "Rejected"])

        other.locator(".review-notice").get_by_role("button", name="Drop it").click()
        settled(other)
        assert other.locator("textarea.edit-text").input_value() == "kept as a draft"
        assert other.locator("textarea.edit-text").is_enabled()
        other.reload()
        column(other, 0).wait_for()
        other.wait_for_timeout(1000)
        assert actions(server.settings, project) == ["reject", "accept"]
        assert watched.errors == []
    finally:
        other.close()
