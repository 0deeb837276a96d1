"""The docs in a real browser: they ask nothing of any other place, and all of them can be seen."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.screens import too_wide
from tests.docs_built import PAGES, built

pytestmark = pytest.mark.browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A line a request is more than anybody reads."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = built(tmp_path_factory.mktemp("docs"))
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_page_is_whole_and_asks_nothing_of_any_other_place(page: Any, site: str) -> None:
    asked: list[str] = []
    lost: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("response", lambda one: lost.append(one.url) if one.status >= 400 else None)
    for name in PAGES:
        page.goto(f"{site}/{Path(name).stem}.html")
        assert page.locator("main h1").count() == 1, name
        broken = page.evaluate(
            "Array.from(document.images).filter(one => !one.naturalWidth).map(one => one.src)"
        )
        assert broken == [], name
    page.wait_for_load_state("networkidle")
    assert len(asked) > len(PAGES)
    assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
    assert lost == []


def test_a_page_fits_a_narrow_screen(page: Any, site: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("index", "command-line", "architecture", "security"):
        page.goto(f"{site}/{name}.html")
        assert too_wide(page) <= 0, name


def test_a_page_is_found_by_its_words(page: Any, site: str) -> None:
    page.goto(f"{site}/index.html")
    page.get_by_role("button", name="Search").first.click()
    page.keyboard.type("leniency")
    page.get_by_text("The acceptance rule").click()
    page.wait_for_url("**/review.html*")
