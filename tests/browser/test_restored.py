"""The overview after a restore: from what, what may be lost, what is missing; as text only."""

import os
import time
from pathlib import Path

import pytest

from fair_app.storage.standing import Restored, note
from tests.browser.screens import screens, too_wide

pytestmark = pytest.mark.browser

HOSTILE = "checkpoints/<img src=x onerror='window.hacked=1'>${window.hacked=1}{{value}}"


def test_the_overview_says_what_was_restored(page, server, watched):
    restored = Restored(
        name="20261121T172814.123Z",
        place="/backups/fair",
        at=time.time(),
        minutes=12.0,
        at_stop=False,
        files=9,
        skipped=("20261121T173314.500Z: its database is not as it was written",),
        missing=(HOSTILE,),
    )
    note(server.settings, restored=restored)
    page.goto(f"{server.url}/?project=demo")
    said = page.locator(".notice >> visible=true").first
    said.wait_for()
    words = said.inner_text()
    assert "from the backup of 21 November 2026, 17:28 UTC." in words
    assert "At most 12 minutes of work was lost." in words
    assert "its database is not as it was written" in words
    assert HOSTILE in words
    assert page.evaluate("window.hacked") is None
    for width, theme in screens(page):
        assert too_wide(page) <= 0, f"too wide at {width}, {theme}"
        box, inside = said.bounding_box(), said.locator("p").bounding_box()
        assert inside["x"] + inside["width"] <= box["x"] + box["width"]
        if folder := os.environ.get("FAIR_TEST_SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"restored-{width}-{theme}.png"))
    assert watched.errors == []
