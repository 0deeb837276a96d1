"""From a slider's input to the updated counts: computed in the browser, or asked of the server.

`python benchmarks/threshold.py [--questions 8000] [--teachers 3] [--moves 60]`

One page in one Chromium holds both: the review room's dial, and a Gradio slider whose `input` event
(queue=False) has the server recompute the same counts and flips, from the board that it keeps in
memory. No network lies between. Needs Chromium.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import gradio as gr
from playwright.sync_api import Page, sync_playwright

from benchmarks.filled import fill
from db.projects import Project
from fair_app.curation.acceptance import Rule
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.board import board
from pages.components.threshold import saved, shipped, threshold_dial
from pages.languages.app import HEAD

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

MOVE = """async ([slider, counts, values]) => {
  const input = document.querySelector(slider), shown = document.querySelector(counts);
  const times = [], handled = [];
  for (const value of values) {
    const changed = new Promise((resolve) => {
      const watcher = new MutationObserver(() => {
        // Both show the threshold that the counts are of.
        if (parseFloat(shown.textContent) !== value) return;
        watcher.disconnect();
        resolve(performance.now());
      });
      watcher.observe(shown, {childList: true, characterData: true, subtree: true});
    });
    const start = performance.now();
    input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
    handled.push(performance.now() - start);
    times.push(await changed - start);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return {times, handled};
}"""


def page_with_both(settings: Settings, project: Project, value: dict[str, Any]) -> gr.Blocks:
    """The dial, and the same counts asked of the server at each movement of a slider."""

    def ask(threshold: float) -> str:
        rule = Rule(threshold)
        changed = review.changes(settings, project, rule)
        found = saved(review.summary(settings, project, rule), rule, 0)
        return f"{threshold}: {found}, {len(changed.accepted)}, {len(changed.rejected)}"

    with gr.Blocks() as demo:
        dial = threshold_dial()
        slider = gr.Slider(0, 5, value=0, step=0.1, elem_id="asking")
        counts = gr.HTML("", elem_id="answer")
        slider.input(
            ask, slider, counts, queue=False, show_progress="hidden", trigger_mode="multiple"
        )
        demo.load(lambda: value, None, dial)
    return demo


def quantiles(times: list[float]) -> tuple[float, float]:
    """The median and the 90th percentile."""
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.9)]


def measure(page: Page, slider: str, counts: str, moves: int) -> dict[str, list[float]]:
    """Milliseconds at each movement, after three to warm up.

    `times` until the counts are new, `handled` until the input event was dealt with.
    """
    values = [round(0.1 * (1 + 7 * move % 50), 1) for move in range(moves + 3)]
    found = page.evaluate(MOVE, [slider, counts, values])
    return {name: times[3:] for name, times in found.items()}


def main() -> None:
    """Fill a store, measure both, print the times and their ratio."""
    parser = argparse.ArgumentParser(description="A slider's input to the updated counts.")
    parser.add_argument("--questions", type=int, default=8000)
    parser.add_argument("--teachers", type=int, default=3)
    parser.add_argument("--moves", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        project = fill(settings, given.questions, given.teachers)
        kept = board(settings, project)
        start = time.perf_counter()
        value = shipped(kept, review.rule_of(project), 0.001, review.epochs())
        seconds = time.perf_counter() - start
        size = len(json.dumps(value, separators=(",", ":")))
        print(f"{given.questions:,} questions x {given.teachers} teachers")
        print(f"shipped once: {size / 1000:.0f} kB, gathered in {1000 * seconds:.0f} ms")
        demo = page_with_both(settings, project, value)
        _, address, _ = demo.launch(
            prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", head=HEAD
        )
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page()
            page.goto(address)
            page.wait_for_selector(".by-teacher tbody tr")
            page.wait_for_timeout(1000)
            found = {"the dial": measure(page, "#threshold-slider", ".dial-value", given.moves)}
            page.locator(".flips summary").click()
            found["with the list of flips"] = measure(
                page, "#threshold-slider", ".dial-value", given.moves
            )
            page.get_by_text("set its own").first.click()
            found["a teacher's own"] = measure(page, ".apart input", ".apart output", given.moves)
            found["asked of the server"] = measure(
                page, "#asking input[type=range]", "#answer", given.moves
            )
            browser.close()
        demo.close(verbose=False)
    quick = quantiles(found["the dial"]["times"])
    for name, measured in found.items():
        p50, p90 = quantiles(measured["times"])
        handled = quantiles(measured["handled"])
        print(
            f"{name:22} p50 {p50:7.1f} ms   p90 {p90:7.1f} ms   "
            f"ratio {p50 / quick[0]:5.1f} x, {p90 / quick[1]:5.1f} x   "
            f"input event p50 {handled[0]:5.1f} ms, p90 {handled[1]:5.1f} ms"
        )


if __name__ == "__main__":
    main()
