"""Take the screenshots of the docs: `python docs/make_screenshots.py [--home DIR] [NAME …]`.

All of them are taken of one home (a temporary one by default), which is filled first where it is
not: `docs/picture_home.py`. Without names all are taken.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from picture_home import REPOSITORY, filled, run

FOLDER = REPOSITORY / "docs" / "screenshots"
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PATIENCE_MS = 120_000
CLOSE_THE_GUIDE = "localStorage.setItem('fair:guide', 'closed')"
"""The guide of a first visit would stand above what is photographed."""
WIDTH, HEIGHT = 1280, 800
SHARPNESS = 1.5
"""Pixels of a picture to one of the page."""
MARGIN = 24
END = 8
"""What is seen of the page around an element, and below it."""
COLOURS, ALIKE = 256, 3
"""So many colours has a picture; two that differ by so little are one."""
PAINTED_MS = 700
PASSWORD = "a password of the pictures"  # noqa: S105  of a server that lives for a minute
PEOPLE = {"anna": "owner", "carl": "curator", "vera": "viewer"}
FIELD = ":is(input, textarea)"


@dataclass(frozen=True)
class Shot:
    """A picture: of the page at `address` once `painted` is there and `before` was done.

    It ends below the element `until`, or with the window. It begins above the element `since`, and
    is as wide as that; or with the page.
    """

    name: str
    address: str
    painted: str
    before: Callable[[Page], None] = lambda page: None
    since: str = ""
    until: str = ""


def opened_mentor(page: Page) -> None:
    """Unfold the mentor's steps."""
    if page.get_attribute("#mentor-fold .fold", "aria-expanded") == "false":
        page.click("#mentor-fold .fold")
    page.wait_for_selector("#mentor-train-start >> visible=true")
    page.wait_for_selector("#mentor-distil .mentor-said")


def compared_runs(page: Page) -> None:
    """Choose one run of each arm of the ablation, and no other."""
    for box in page.locator("#training-runs-chosen label").all():
        if box.inner_text().strip().endswith("s731") != box.locator("input").is_checked():
            box.click()
            page.wait_for_timeout(PAINTED_MS)
    page.wait_for_selector("#training-runs-shown .overlaid > div >> nth=2")


def press(selector: str, then: str) -> Callable[[Page], None]:
    """Click on something, and wait for what comes of it."""

    def pressed(page: Page) -> None:
        page.click(selector)
        page.wait_for_selector(f"{then} >> visible=true")

    return pressed


DEMO, STUDY, HALF = (f"?project={name}&tab=" for name in ("demo", "study", "half"))
ALONE = (
    Shot("overview", f"{DEMO}overview", ".path", until=".report-links"),
    Shot(
        "exam",
        f"{DEMO}exam",
        "#exam-answers .answer",
        press("#exam-answers .answer >> nth=0", "#exam-answers .answer[open] .said"),
        until="#exam-answers .answer[open]",
    ),
    Shot("committee", f"{DEMO}committee", "#committee-cards .cards", until="#committee-agreement"),
    Shot("review", f"{DEMO}review", "#review-card .column", until="#review-card"),
    Shot(
        "reviewers",
        f"{DEMO}review",
        "#review-card .column",
        press("#review-peers-fold button", "#review-peers .reliability"),
        since="#review-peers",
        until="#review-peers",
    ),
    Shot(
        "training",
        f"{DEMO}training",
        "#training-curves .chart",
        until="#training-checkpoints",
    ),
    Shot(
        "hub",
        f"{DEMO}training&id=push.checkpoint:distilled",
        "#publish-form h3",
        since="#publish-form",
        until="#publish-form",
    ),
    Shot(
        "evaluation",
        f"{DEMO}evaluation&id=compare",
        "#compare-flips .flip",
        until="#compare-flips",
    ),
    Shot(
        "tests",
        f"{DEMO}evaluation&id=tests",
        "#evaluation-scores .intervals",
        until="#tab-evaluation .form:has(#evaluation-start)",
    ),
    Shot("try", f"{DEMO}evaluation&id=try", "#try-answers .sides", until="#try-answers"),
    Shot(
        "matrix",
        f"{STUDY}evaluation&id=matrix",
        "#evaluation-matrix .cell",
        since="#evaluation-matrix",
        until="#evaluation-matrix",
    ),
    Shot(
        "ablations",
        f"{STUDY}evaluation&id=ablations",
        "#ablations-results table",
        until="#ablations-results",
    ),
    Shot("rounds", f"{STUDY}evaluation&id=rounds", "#rounds-course table", until="#rounds-course"),
    Shot(
        "runs",
        f"{STUDY}training",
        "#training-runs-chosen label",
        compared_runs,
        since="#training-runs",
        until="#training-runs",
    ),
    Shot(
        "mentor",
        f"{HALF}training",
        "#mentor-fold .fold",
        opened_mentor,
        since="#mentor",
        until="#mentor",
    ),
    Shot("settings", f"{DEMO}settings", "#tab-settings .page-head", until="#sharing"),
)
"""What is taken where nobody signs in."""
FIRST_VISIT = (Shot("guide", "?project=demo&tab=overview", "#guide .guide", until=".path"),)
"""What is taken of a home where nothing was done yet."""
WITH_PEOPLE = ("sign-in", "people", "link")
"""What is taken where persons sign in, by `with_people`."""
NAMES = (*(shot.name for shot in (*ALONE, *FIRST_VISIT)), *WITH_PEOPLE, "report")


def main() -> None:
    """Fill the home, start the servers one after the other, and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the screenshots of the docs.")
    parser.add_argument("--home", type=Path, help="filled where it is not; default: a new one")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"There is no picture {', '.join(sorted(unknown))}.")
    wanted = set(given.names or NAMES)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = (given.home or folder / "home").resolve()
        filled(home)
        playing = stack.enter_context(sync_playwright())
        browser = playing.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        stack.callback(browser.close)
        photograph(browser, home, wanted, ALONE)
        photograph(browser, folder / "empty", wanted, FIRST_VISIT)
        if wanted & set(WITH_PEOPLE):
            with served(home, users=with_users(folder / "users")) as url:
                with_people(browser, url, wanted)
        if "report" in wanted:
            report(browser, home, folder)


def photograph(browser: Browser, home: Path, wanted: set[str], shots: Sequence[Shot]) -> None:
    """Take those of the pictures that are wanted, of a server on this home."""
    if not wanted & {shot.name for shot in shots}:
        return
    with served(home) as url:
        for shot in shots:
            if shot.name in wanted:
                page = opened(browser, f"{url}/{shot.address}", guide=shot in FIRST_VISIT)
                page.wait_for_selector(f"{shot.painted} >> visible=true")
                shot.before(page)
                take(page, shot.name, shot.since, shot.until)
                page.close()


def with_people(browser: Browser, url: str, wanted: set[str]) -> None:
    """The page to sign in on, what an owner gives out, and what a link shows."""
    owner = opened(browser, f"{url}/?project=demo&tab=settings")
    owner.wait_for_selector("input[name=password]")
    owner.set_viewport_size({"width": WIDTH, "height": 480})
    if "sign-in" in wanted:
        take(owner, "sign-in")
    owner.fill("input[name=name]", "anna")
    owner.fill("input[name=password]", PASSWORD)
    owner.click("button")
    owner.wait_for_selector("#share-make >> visible=true")
    owner.click("#share-make")
    address = f"#share-address {FIELD}"
    owner.wait_for_function(f"document.querySelector('{address}')?.value")
    if "people" in wanted:
        take(owner, "people", since="#sharing", until="#people")
    if "link" in wanted:
        guest = opened(browser, owner.input_value(address))
        guest.wait_for_selector(".path >> visible=true")
        take(guest, "link", until=".path")
        guest.close()
    owner.close()


def report(browser: Browser, home: Path, folder: Path) -> None:
    """The beginning of the demo's report, as its file shows it."""
    run(home, f"export --project demo --format report --output {folder / 'report'}")
    (file,) = (folder / "report").rglob("*.html")
    page = opened(browser, file.as_uri())
    page.set_viewport_size({"width": WIDTH, "height": 1200})
    take(page, "report")
    page.close()


def with_users(file: Path) -> Path:
    """A file of users, one of each role."""
    for name, role in PEOPLE.items():
        command = [sys.executable, "-m", "fair_app", "users", "add", name, "--role", role]
        given = [*command, "--file", str(file)]
        subprocess.run(given, cwd=REPOSITORY, input=PASSWORD, text=True, check=True)
    return file


@contextmanager
def served(home: Path, users: Path | None = None) -> Iterator[str]:
    """A server on this home, on a free port, while the pictures are taken."""
    command = [sys.executable, "app.py", "--home", str(home), "--port", "0"]
    known = {**os.environ, **({"FAIR_USERS": str(users)} if users else {})}
    process = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, env=known
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def opened(browser: Browser, address: str, *, guide: bool = False) -> Page:
    """A page in a browser that knows nobody, at a higher resolution for sharp text."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="light",
        device_scale_factor=SHARPNESS,
        reduced_motion="reduce",
    )
    page.set_default_timeout(PATIENCE_MS)
    if not guide:
        page.add_init_script(CLOSE_THE_GUIDE)
    page.goto(address)
    return page


def take(page: Page, name: str, since: str = "", until: str = "") -> None:
    """Save a picture, in few colours: a third of the size, and nobody sees it."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(PAINTED_MS)
    file = FOLDER / f"{name}.png"
    if until:
        page.screenshot(path=file, full_page=True, clip=between(page, since, until))
    else:
        page.screenshot(path=file)
    with Image.open(file) as taken:
        in_few_colours(taken.convert("RGB")).save(file, optimize=True)
    print(f"docs/screenshots/{name}.png", flush=True)


def in_few_colours(picture: Image.Image) -> Image.Image:
    """A picture in those of its colours that it has most of, and that can be told apart."""
    red, green, blue = np.moveaxis(np.asarray(picture, dtype=np.int32), 2, 0)
    found, where, counts = np.unique(
        red << 16 | green << 8 | blue, return_inverse=True, return_counts=True
    )
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    kept = np.empty((0, 3), dtype=np.int32)
    for colour in colours[np.argsort(-counts, kind="stable")]:
        if len(kept) < COLOURS and (np.abs(kept - colour).max(axis=1) > ALIKE).all():
            kept = np.append(kept, [colour], axis=0)
    nearest = [np.square(kept - colour).sum(axis=1).argmin() for colour in colours]
    few = Image.fromarray(np.array(nearest, dtype=np.uint8)[where].reshape(red.shape), "P")
    few.putpalette(kept.flatten().tolist())
    return few


def between(page: Page, since: str, until: str) -> FloatRect:
    """The part of the page from an element, or its beginning, to the end of another one."""
    down = page.evaluate("window.scrollY")
    end = box_of(page, until)
    if not since:
        return {"x": 0, "y": 0, "width": WIDTH, "height": down + end["y"] + end["height"] + END}
    start = box_of(page, since)
    return {
        "x": start["x"] - MARGIN,
        "y": down + start["y"] - MARGIN,
        "width": start["width"] + 2 * MARGIN,
        "height": end["y"] + end["height"] - start["y"] + MARGIN + END,
    }


def box_of(page: Page, selector: str) -> FloatRect:
    """Where the last such element that is seen stands in the window."""
    box = page.locator(f"{selector} >> visible=true").last.bounding_box()
    if box is None:
        raise LookupError(f"Nothing is seen of {selector}.")
    return box


if __name__ == "__main__":
    main()
