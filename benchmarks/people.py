"""Twenty people at the pages for five minutes, while a job trains and a collection runs.

`python benchmarks/people.py [--people 20] [--minutes 5] [--questions 300]`

People sign in with roles of their own and click once a second or so: tabs, cards, queues, searches,
decisions, the slider. All of them but one speak Gradio's protocol over HTTP; the last one moves the
slider in a real Chromium. Meanwhile SmolLM2 is trained, and a committee at a loopback server works
on another project. Prints how long each gesture took, the server's memory, and how far the jobs
came. Exits with 1 where there was an error, where the 95th percentile of a slider is not under
150 ms, or where the server's memory grew by a tenth between the first fifth and the end. Needs
Chromium and the offline student (`make student`).
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.crowd import (
    PASSWORD,
    ROOM,
    Seen,
    Site,
    clicking,
    collecting,
    names,
    prepared,
    served,
    stopped,
)
from benchmarks.review import ARGUMENTS, CHROMIUM, TIMED
from db import jobs
from db.store import connect
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.studio.training import train_params
from tests.browser.taught import taught
from tests.wire.server import served_apart

IN_CHROMIUM = "slider to new counts (Chromium)"
MOST_MS = 150.0
MOST_GROWTH = 1.1


def training(settings: Settings, student: str) -> int:
    """Queue a training that does not end by itself; the job's number."""
    project = taught(settings)
    long = {"epochs": 10**6, "batch_size": 4, "quantization": "none", "lora_rank": 4}
    params = train_params(
        settings, project, name="all-the-while", student=student, settings_given=long
    )
    return queue.submit(settings, "train", params, project)


def sliding(site: Site, name: str, seconds: float, seen: Seen) -> None:
    """One person in Chromium, who moves the slider every second."""
    until, number = time.monotonic() + seconds, 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda fault: seen.faults.update([f"Chromium: {fault}"]))
        page.goto(f"{site.url}/?project={ROOM}&tab=review")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("button")
        page.locator("#review-card .column").first.wait_for()
        while time.monotonic() < until:
            number += 1
            value = round(0.1 * (1 + 7 * number % 50), 1)
            move = (
                "const s = document.querySelector('#threshold-slider');"
                f"s.value = {value}; s.dispatchEvent(new Event('input', {{bubbles: true}}))"
            )
            shown = f"parseFloat(document.querySelector('.dial-value').textContent) === {value}"
            seen.times[IN_CHROMIUM].append(float(page.evaluate(TIMED, [move, shown])))
            page.wait_for_timeout(1000)
        browser.close()


@contextmanager
def watched(site: Site) -> Iterator[list[float]]:
    """The memory (MB) that the server's process holds, second by second."""
    held: list[float] = []
    over, process = threading.Event(), psutil.Process(site.process.pid)

    def watch() -> None:
        while not over.wait(1):
            held.append(process.memory_info().rss / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield held
    finally:
        over.set()
        thread.join()


def told(seen: Seen, held: list[float]) -> bool:
    """Print the table; whether all is as it must be."""
    print(f"{'':34} {'times':>6} {'p50 ms':>8} {'p95 ms':>8} {'longest':>8}")
    for gesture, times in sorted(seen.times.items()):
        print(
            f"{gesture:34} {len(times):6,} {statistics.median(times):8.1f} "
            f"{percentile(times, 0.95):8.1f} {max(times):8.1f}"
        )
    size = max(1, len(held) // 5)
    fifths = [statistics.median(held[at : at + size]) for at in range(0, 5 * size, size)]
    print("the server's memory by fifths, MB: " + ", ".join(f"{one:.0f}" for one in fifths))
    for fault, times in seen.faults.most_common(20):
        print(f"error, {times} times: {fault}")
    slider = seen.times[IN_CHROMIUM]
    is_quick = bool(slider) and percentile(slider, 0.95) < MOST_MS
    return not seen.faults and is_quick and fifths[-1] < MOST_GROWTH * fifths[1]


def percentile(times: list[float], share: float) -> float:
    """The value under which a share of the times lie."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def came(settings: Settings, trained: int, collected: int) -> str:
    """How far the jobs came. Raises SystemExit where one of them was not at work to the end."""
    store = connect(settings.database)
    states = [job.state for number in (trained, collected) if (job := jobs.get(store, number))]
    if states != ["running", "running"]:
        raise SystemExit(f"a job did not run to the end: {states}")
    steps = queue.metrics(settings, trained, ["loss"])["loss"]
    (calls,) = store.execute("SELECT count(*) FROM calls WHERE state = 'done'").fetchone()
    return f"meanwhile: {len(steps)} steps of training, {calls} calls of the committee"


@contextmanager
def working(settings: Settings, wire: str, seconds: float) -> Iterator[tuple[int, int]]:
    """A training and a collection that are at work; their numbers. They are stopped at the end."""
    numbers = [training(settings, "smollm2-135m")]
    try:
        while not queue.metrics(settings, numbers[0], ["loss"])["loss"]:
            found = jobs.get(connect(settings.database), numbers[0])
            if found is None or found.state not in queue.ACTIVE:
                raise SystemExit(f"the training did not begin: {found}")
            time.sleep(0.5)
        # 8 calls in flight, half a second each, 12 calls a mistake; and as many again
        numbers.append(collecting(settings, wire, 100 + int(2 * 16 * seconds / 12)))
        yield numbers[0], numbers[1]
    finally:
        stopped(settings, numbers)


def main() -> None:
    """Fill, serve, click, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--people", type=int, default=20, metavar="N", help="one is in Chromium")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--questions", type=int, default=300, help="mistakes in the review room")
    given = parser.parse_args()
    seconds, seen = 60 * given.minutes, Seen()
    with tempfile.TemporaryDirectory() as folder, served_apart("--latency", "0.5") as wire:
        settings = prepared(Path(folder), given.people, given.questions)
        settings.models.symlink_to(Settings().models)
        with served(settings) as site, working(settings, wire, seconds) as numbers:
            crowd = threading.Thread(
                target=lambda: asyncio.run(clicking(site, given.people - 1, seconds, seen))
            )
            with watched(site) as held:
                crowd.start()
                sliding(site, names(given.people)[-1], seconds, seen)
                crowd.join()
            what_came = came(settings, *numbers)
            seen.faults.update(f"the server's terminal: {line}" for line in site.faults())
    print(f"{given.people} people, {given.minutes:g} minutes, {given.questions:,} mistakes")
    fine = told(seen, held)
    print(what_came)
    raise SystemExit(0 if fine else 1)


if __name__ == "__main__":
    main()
