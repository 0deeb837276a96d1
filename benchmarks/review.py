"""The review room in a real Chromium, at 80 questions and at 8,000, near the server and far away.

`python benchmarks/review.py [--questions 80 8000] [--teachers 3] [--delay 0 80] [--people 20]`

Every time is from the gesture to the painted change. Chromium adds `--delay` milliseconds to every
round trip. Each line ends with its ratio to the first size without delay, in the same run. Then
the memory of the server before and after `--people` opened the room. Needs Chromium.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.filled import fill
from fair_app.settings import Settings
from tests.ports import free_port

REPOSITORY = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# Runs a gesture and resolves with the milliseconds until `done` holds, looked at whenever anything
# in the document changes, and once more after the frame in which it is painted.
TIMED = """async ([gesture, done]) => {
  const act = new Function(gesture), isDone = new Function('return ' + done);
  const start = performance.now();
  const changed = new Promise((resolve) => {
    const look = () => { if (isDone()) { watcher.disconnect(); resolve(); } };
    const watcher = new MutationObserver(look);
    watcher.observe(document.body, {childList: true, characterData: true, attributes: true,
                                    subtree: true});
    act();
    look();
  });
  await changed;
  const seen = performance.now();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return seen - start;
}"""
PRESS = "document.dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"
QUESTION = "document.querySelector('#review-card .question').textContent"
WHOLE = "!document.querySelector('#review-card .review').hasAttribute('aria-busy')"
IDLE = f"{WHOLE} && !document.querySelector('#review-card .review').hasAttribute('data-saving')"


class Room:
    """A server on a filled home, and a page that shows its review room."""

    def __init__(self, settings: Settings, browser: Browser, delay: int) -> None:
        self.settings, self.browser = settings, browser
        self.page = self.open(delay)

    def open(self, delay: int) -> Page:
        """One more person's page on the room."""
        page = self.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        if delay:
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            conditions = {"offline": False, "latency": delay, "downloadThroughput": -1}
            session.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": -1})
        page.goto(f"http://127.0.0.1:{self.settings.port}/?project=benchmark&tab=review")
        page.locator("#review-card .column").first.wait_for()
        folded = page.locator("#review-dial-fold button[aria-expanded=false]")
        if folded.count():
            folded.click()
        page.wait_for_timeout(1500)
        return page

    def timed(self, gesture: str, done: str) -> float:
        """Milliseconds from a gesture (JavaScript) until a condition (JavaScript) holds."""
        return float(self.page.evaluate(TIMED, [gesture, done]))

    def many(self, times: int, pause_ms: int, once: Callable[[int], float]) -> list[float]:
        """The times of a gesture made again and again, after two to warm up."""
        found = []
        for number in range(times + 2):
            found.append(once(number))
            self.page.wait_for_timeout(pause_ms)
        return found[2:]


def slide(room: Room, number: int) -> float:
    """The slider to another place; the counts are written."""
    value = round(0.1 * (1 + 7 * number % 50), 1)
    return room.timed(
        "const s = document.querySelector('#threshold-slider');"
        f"s.value = {value}; s.dispatchEvent(new Event('input', {{bubbles: true}}))",
        f"parseFloat(document.querySelector('.dial-value').textContent) === {value}",
    )


def step(room: Room, number: int) -> float:
    """The key `j`; the next card is painted whole."""
    before = room.page.evaluate(QUESTION)
    return room.timed(PRESS % "j", f"{QUESTION} !== {before!r} && {WHOLE}")


def decide(room: Room, number: int) -> float:
    """The key `a` or `r`; the server has saved it."""
    return room.timed(PRESS % "ar"[number % 2], IDLE)


def queue(room: Room, number: int) -> float:
    """Another queue; its first card is painted."""
    name, title = (("disagree", "Reviewers disagree"), ("wrong-high", "Wrong answer, high score"))[
        number % 2
    ]
    room.page.evaluate(PRESS % "q")
    room.page.locator(f"dialog.queues [data-queue={name}]").wait_for()
    return room.timed(
        f"document.querySelector('dialog.queues [data-queue={name}]').click()",
        f"document.querySelector('.queue-title').textContent === '{title}' && {IDLE}",
    )


def search(room: Room, number: int) -> float:
    """Words in the search box and Enter; the first card that has them is painted."""
    words = f"word{17 + number} apples"
    total = "document.querySelector('#review-card .place-total').textContent"
    return room.timed(
        f"{total} = '?'; const box = document.querySelector('#review-card .search'); box.focus();"
        f"box.value = '{words}';"
        "box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))",
        f"{total} !== '?' && {IDLE}",
    )


def refresh(room: Room) -> list[float]:
    """The page loaded anew, until the card is there: Gradio's own start with it."""
    times = []
    for _ in range(4):
        start = time.perf_counter()
        room.page.reload()
        room.page.locator("#review-card .column").first.wait_for()
        times.append(1000 * (time.perf_counter() - start))
    return times[1:]


def start(settings: Settings) -> "subprocess.Popen[bytes]":
    """The app on a home; waits until it answers."""
    command = [sys.executable, "app.py", "--home", str(settings.home), "--port", str(settings.port)]
    server = subprocess.Popen(command, cwd=REPOSITORY)
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/healthz", timeout=5):
                return server
        except OSError:
            if server.poll() is not None:
                raise SystemExit("the server ended before it answered") from None
            time.sleep(0.25)


def megabytes(server: "subprocess.Popen[bytes]") -> float:
    """The memory that the server's process holds (its own pages and those shared)."""
    return float(psutil.Process(server.pid).memory_info().rss) / 1e6


def quantiles(times: list[float]) -> tuple[float, float]:
    """The median and the 90th percentile."""
    ordered = sorted(times)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]


def measure(room: Room, moves: int) -> dict[str, list[float]]:
    """Every gesture's times on one page."""
    found = {
        "slider to new counts": room.many(moves, 30, lambda number: slide(room, number)),
        "key to next card": room.many(moves, 150, lambda number: step(room, number)),
        "key to next card, held": room.many(moves, 0, lambda number: step(room, number)),
        "key to decision saved": room.many(moves // 2, 100, lambda number: decide(room, number)),
        "queue switch": room.many(8, 300, lambda number: queue(room, number)),
        "search": room.many(8, 300, lambda number: search(room, number)),
    }
    found["refresh to first card"] = refresh(room)
    return found


def main() -> None:
    """Fill, serve, measure, print."""
    parser = argparse.ArgumentParser(description="The review room, gesture by gesture.")
    parser.add_argument("--questions", type=int, nargs="+", default=[80, 8000])
    parser.add_argument("--teachers", type=int, default=3)
    parser.add_argument("--delay", type=int, nargs="+", default=[0, 80], metavar="MS")
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--people", type=int, default=20)
    given = parser.parse_args()
    first: dict[str, tuple[float, float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for questions in given.questions:
            with tempfile.TemporaryDirectory() as folder:
                settings = Settings(home=Path(folder), port=free_port())
                fill(settings, questions, given.teachers)
                server = start(settings)
                try:
                    for delay in given.delay:
                        print(f"\n{questions:,} x {given.teachers}, {delay} ms a round trip")
                        room = Room(settings, browser, delay)
                        # every key goes to a card that was not shown before
                        moves = min(given.moves, questions // 2 - 4)
                        for name, times in measure(room, moves).items():
                            p50, p90 = quantiles(times)
                            base = first.setdefault(name, (p50, p90))
                            print(
                                f"{name:24} p50 {p50:7.1f} ms   p90 {p90:7.1f} ms   "
                                f"ratio {p50 / base[0]:5.2f}, {p90 / base[1]:5.2f}",
                                flush=True,
                            )
                        room.page.context.close()
                    before = megabytes(server)
                    room = Room(settings, browser, 0)
                    pages = [room.page] + [room.open(0) for _ in range(given.people - 1)]
                    print(
                        f"server: {before:.0f} MB before, {megabytes(server):.0f} MB with "
                        f"{len(pages)} people in the room",
                        flush=True,
                    )
                    for page in pages:
                        page.context.close()
                finally:
                    server.terminate()
                    server.wait()
        browser.close()


if __name__ == "__main__":
    main()
