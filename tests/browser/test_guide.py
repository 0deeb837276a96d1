"""The first visit: a guide until it is closed, by keyboard too, and what the settings mean."""

from typing import Any

import pytest

from tests.browser.screens import screens, too_wide

pytestmark = pytest.mark.browser

GUIDE = "#guide .guide"
OPENER = ".page-head [data-guide]"


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim()"))


def test_a_first_visit_is_guided_until_somebody_closes_it(
    page: Any, server: Any, watched: Any
) -> None:
    page.goto(server.url)
    page.wait_for_selector(".path li")
    assert page.is_visible(GUIDE)
    for _ in screens(page):
        assert too_wide(page) <= 0

    above, below = page.locator(GUIDE).bounding_box(), page.locator(".page-head >> nth=0")
    assert above["y"] + above["height"] <= below.bounding_box()["y"]  # it covers nothing
    page.focus(f"{GUIDE} [data-close]")
    page.keyboard.press("Enter")
    page.wait_for_selector(GUIDE, state="hidden")
    assert focused(page) == "What is this?"

    page.reload()
    page.wait_for_selector(".path li")
    assert not page.is_visible(GUIDE)
    assert page.locator("#guide").bounding_box() is None  # and takes no room
    page.focus(OPENER)
    page.keyboard.press("Enter")
    page.wait_for_selector(GUIDE)
    assert focused(page) == "New here?"
    page.keyboard.press("Tab")
    assert focused(page) == "Close the guide"
    assert watched.errors == []
    assert watched.foreign == []


def test_its_steps_lead_where_they_say(page: Any, server: Any) -> None:
    page.goto(server.url)
    page.click(f"{GUIDE} [data-new]")
    page.wait_for_selector("#new-project-name :is(input, textarea)")
    page.wait_for_function("document.activeElement.closest('#new-project-name') !== null")
    assert page.is_visible("#new-project-name:has-text('Letters, digits, spaces')")
    page.click(f"{GUIDE} [data-go=training]")
    page.wait_for_selector("#tab-training .page-head >> visible=true")
    page.click("#tab-overview-button")
    page.evaluate("document.body.dataset.role = 'viewer'")
    page.wait_for_selector(GUIDE)
    assert not page.is_visible(f"{GUIDE} .own")


def test_what_the_settings_mean_is_read_on_their_page(page: Any, server: Any) -> None:
    page.goto(f"{server.url}/?project=demo&tab=training")
    page.wait_for_selector("#training-alpha:has-text('0 learns from rationales alone')")
    fold = "#tab-training .meanings"
    page.focus(f"{fold} > button")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{fold} dd:has-text('The loss is alpha times that of the feedback')")
    page.wait_for_selector(f"{fold} dt:has-text('Alpha') >> nth=0")
    for _ in screens(page):
        assert too_wide(page) <= 0
