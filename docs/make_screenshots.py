"""Take the screenshots of the docs: `python docs/make_screenshots.py [--url URL | --home DIR]`.

With --url a running server is photographed as it stands. Otherwise one is started on --home (a
temporary folder by default); where the demo project has not been through the loop, it goes first.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / "docs" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WAITS = {
    "overview": ".path",
    "exam": "#exam-answers .answer",
    "committee": "#committee-cards .cards",
    "review": "#review-card .column",
    "training": "#training-curves .chart",
    "evaluation": "#compare-flips .flip",
    "settings": "#tab-settings .page-head",
}
"""What stands on each page once it is painted."""
PATIENCE_MS = 120_000
CLOSE_THE_GUIDE = "localStorage.setItem('fair:guide', 'closed')"
"""The guide of a first visit would stand above what is photographed."""
ITEMS = {"evaluation": "compare"}
"""What is opened on a page, where that is not its beginning."""
WIDTH, HEIGHT = 1280, 800
TALL = {"review": 1800}
"""Pages of which more is shown than a window's height."""


def main() -> None:
    """Find or start a server and take every picture."""
    parser = argparse.ArgumentParser(description="Take the screenshots of the docs.")
    parser.add_argument("--url", help="a running server, with trailing slash left out")
    parser.add_argument("--home", type=Path, help="the home to start a server on")
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if given.url:
        photograph(given.url)
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = (given.home or Path(temporary)).resolve()
        ensure_loop(home)
        with served(home) as url:
            photograph(url)


def ensure_loop(home: Path) -> None:
    """Take the demo project through the loop, unless two evaluations say that it has been."""
    sys.path.insert(0, str(REPOSITORY))
    from fair_app.settings import Settings
    from fair_app.studio.evaluations import summary
    from fair_app.studio.projects import ensure_demo

    settings = Settings(home=home)
    if len(summary(settings, ensure_demo(settings))) < 2:
        command = [sys.executable, "-m", "fair_app", "demo", "--home", str(home)]
        subprocess.run(command, cwd=REPOSITORY, check=True)


@contextmanager
def served(home: Path) -> Iterator[str]:
    """A server on this home, on a free port, while the pictures are taken."""
    command = [sys.executable, "app.py", "--home", str(home), "--port", "0"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def photograph(url: str) -> None:
    """Save every picture into docs/screenshots."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for tab, painted in WAITS.items():
            address = f"{url}/?project=demo&tab={tab}&id={ITEMS.get(tab, '')}"
            page = opened(browser, address, TALL.get(tab, HEIGHT))
            page.wait_for_selector(f"{painted} >> visible=true")
            if tab == "exam":
                page.click("#exam-answers .answer >> nth=0")
            page.wait_for_timeout(700)
            page.screenshot(path=FOLDER / f"{tab}.png")
            page.close()
            print(f"docs/screenshots/{tab}.png")
        page = opened(browser, f"{url}/?project=demo&tab=review", HEIGHT)
        page.click("#review-peers-fold button")
        page.wait_for_selector("#review-peers .reliability")
        page.wait_for_timeout(700)
        page.locator("#review-peers").screenshot(path=FOLDER / "reviewers.png")
        print("docs/screenshots/reviewers.png")
        browser.close()


def opened(browser: Browser, address: str, height: int) -> Page:
    """A page of this height, at a higher resolution for sharp text."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": height}, color_scheme="light", device_scale_factor=1.5
    )
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(CLOSE_THE_GUIDE)
    page.goto(address)
    return page


if __name__ == "__main__":
    main()
