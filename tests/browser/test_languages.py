"""The language of the pages in a real browser: its own, and the one that was chosen."""

from typing import Any

import pytest

from tests.browser.conftest import Watched, watch
from tests.browser.filling import fill

pytestmark = pytest.mark.browser


def opened(chromium: Any, server: Any, watched: Watched, locale: str) -> Any:
    page = chromium.new_context(locale=locale).new_page()
    page.set_default_timeout(60_000)
    watch(page, watched)
    page.goto(f"{server.url}/?project=demo&tab=overview")
    page.wait_for_selector("#overview .next .go.primary")
    return page


def language(page: Any) -> str:
    return page.evaluate("document.documentElement.lang")


def test_a_browser_sees_its_language_and_keeps_a_choice(
    chromium: Any, server: Any, watched: Watched
) -> None:
    page = opened(chromium, server, watched, "de-DE")
    assert language(page) == "de"
    assert page.inner_text("#tab-exam-button") == "Prüfung"
    assert page.inner_text("#overview .next .go.primary") == "Prüfung einrichten"
    page.click("#tab-exam-button")
    page.wait_for_selector("#exam-start:has-text('Prüfung starten')")
    assert page.inner_text("#languages [aria-current]") == "Deutsch"
    page.click("#tab-evaluation-button")
    page.click("#tab-evaluation .more > button:has-text('Modell auf einem Server')")
    fill(page, "evaluation-server", "http://127.0.0.1:1/v1")
    page.wait_for_selector("#evaluation-student :text('Auf dem unten genannten Server')")
    page.click("#evaluation-start")
    page.wait_for_selector(".toast-body:has-text('Geben Sie den Namen an, den das Student-Modell')")
    page.click("#tab-exam-button")

    page.click("#languages [data-language=en]")
    page.wait_for_selector("#exam-start:has-text('Start the exam')")
    page.reload()
    page.wait_for_selector("#exam-start:has-text('Start the exam')")
    assert language(page) == "en"
    assert page.inner_text("#languages [aria-current]") == "English"
    page.context.close()

    page = opened(chromium, server, watched, "en-US")
    assert (language(page), page.inner_text("#tab-exam-button")) == ("en", "Exam")
    page.click("#languages [data-language=de]")
    page.wait_for_selector("#overview .next .go.primary:has-text('Prüfung einrichten')")
    assert language(page) == "de"
    page.context.close()
    assert watched.errors == []
    assert watched.foreign == []
