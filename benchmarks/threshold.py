"""From a slider's input to the updated counts: computed in the browser, or asked of the server.

`python benchmarks/threshold.py [--questions 8000] [--teachers 3] [--moves 60]`

One page in one Chromium holds all: the review room's dial, and two Gradio sliders whose `input`
event (queue=False) has the server recompute the same counts, from the store as the studio's summary
does, or from rows that it kept in memory. No network lies between. Needs Chromium.
"""

import argparse
import json
import os
import random
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

from db import calls, committee, exams, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.curation.what_if import summarise
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio import review
from fair_app.studio.teachers import teachers
from fair_app.tasks.base import Question
from pages.components.threshold import saved, shipped, threshold_dial

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WORDS = ["first", "we", "add", "the", "apples", "of", "both", "baskets", "then", "take", "away"]

MOVE = """async ([slider, counts, values]) => {
  const input = document.querySelector(slider), shown = document.querySelector(counts);
  const times = [];
  for (const value of values) {
    const changed = new Promise((resolve) => {
      const watcher = new MutationObserver(() => {
        // Both write the threshold that the counts are of before them.
        if (parseFloat(shown.textContent) !== value) return;
        watcher.disconnect();
        resolve(performance.now());
      });
      watcher.observe(shown, {childList: true, characterData: true, subtree: true});
    });
    const start = performance.now();
    input.value = value;
    input.dispatchEvent(new Event('input', {bubbles: true}));
    times.push(await changed - start);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return times;
}"""


def fill(settings: Settings, questions: int, count: int) -> Project:
    """A project with this many mistakes, each with a rationale by every teacher and its reviews."""
    store = connect(settings.database)
    chance = random.Random(0)
    with writing(store):
        project = projects.add(store, "benchmark", "arithmetic", "none")
        ids = store_questions(
            store,
            project.id,
            "arithmetic",
            "train",
            (
                Question(f"Question {number}?", str(number), str(number))
                for number in range(questions)
            ),
        )
        exam_id = exams.add(
            store,
            project.id,
            purpose="exam",
            student="none",
            task="arithmetic",
            split="train",
            settings={},
            question_ids=ids,
        )
        for row in exams.unanswered(store, exam_id):
            exams.save_answer(store, row.id, {"text": "0", "prediction": "0", "correct": 0})
        committee.set_committee(
            store,
            project.id,
            [
                {
                    "name": f"teacher {place}",
                    "origin": "imported",
                    "simulated": 0,
                    "spec": {},
                    "spec_hash": "",
                }
                for place in range(count)
            ],
        )
        call = calls.add_imported(
            store,
            {
                "key": "all",
                "teacher": "teacher-0",
                "provider": "imported",
                "model": "none",
                "role": "rationale",
            },
        )
        members = committee.teachers(store, project.id)
        for question_id in ids:
            for author in members:
                rationale_id = committee.add_rationale(
                    store,
                    {
                        "question_id": question_id,
                        "teacher_id": author.id,
                        "call_id": call,
                        "text": " ".join(chance.choices(WORDS, k=60)),
                        "finish": "complete",
                        "prediction": "0",
                        "correct": chance.randint(0, 1),
                    },
                )
                for peer in members:
                    if peer.id != author.id:
                        committee.add_review(
                            store,
                            {
                                "rationale_id": rationale_id,
                                "reviewer_id": peer.id,
                                "call_id": call,
                                "text": " ".join(chance.choices(WORDS, k=40)),
                                "score": chance.randint(1, 5),
                            },
                        )
        projects.set_exam(store, project.id, exam_id, "none")
    return projects.get(store, project.id)


def page_with_all(settings: Settings, project: Project, value: dict[str, Any]) -> gr.Blocks:
    """The dial, and the same counts asked of the server at each movement of a slider."""
    kept = review.curated(settings, project)

    def from_store(threshold: float) -> str:
        return f"{threshold}: {saved(review.summary(settings, project, threshold))}"

    def from_memory(threshold: float) -> str:
        return f"{threshold}: {saved(summarise(kept.rows, threshold, kept.states))}"

    with gr.Blocks() as demo:
        dial = threshold_dial()
        for name, ask in (("store", from_store), ("memory", from_memory)):
            slider = gr.Slider(0, 5, value=0, step=0.1, elem_id=name)
            counts = gr.HTML("", elem_id=f"{name}-counts")
            slider.input(
                ask, slider, counts, queue=False, show_progress="hidden", trigger_mode="multiple"
            )
        demo.load(lambda: value, None, dial)
    return demo


def quantiles(times: list[float]) -> tuple[float, float]:
    """The median and the 90th percentile."""
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.9)]


def measure(page: Page, slider: str, counts: str, moves: int) -> list[float]:
    """Milliseconds from input to updated counts at each movement, after three to warm up."""
    values = [round(0.1 * (1 + 7 * move % 50), 1) for move in range(moves + 3)]
    return page.evaluate(MOVE, [slider, counts, values])[3:]


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
        start = time.perf_counter()
        value = shipped(
            review.curated(settings, project),
            review.mistakes(settings, project),
            [teacher.name for teacher in teachers(settings, project)],
            project.threshold,
        )
        seconds = time.perf_counter() - start
        size = len(json.dumps(value, separators=(",", ":")))
        print(f"{given.questions:,} questions x {given.teachers} teachers")
        print(f"scores shipped once: {size / 1000:.0f} kB, gathered in {1000 * seconds:.0f} ms")
        demo = page_with_all(settings, project, value)
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page()
            page.goto(address)
            page.wait_for_selector(".by-teacher tbody tr")
            page.wait_for_timeout(1000)
            found = {
                "in the browser": measure(page, "#threshold-slider", ".dial-value", given.moves),
                "server, from memory": measure(
                    page, "#memory input[type=range]", "#memory-counts", given.moves
                ),
                "server, from store": measure(
                    page, "#store input[type=range]", "#store-counts", given.moves
                ),
            }
            browser.close()
        demo.close(verbose=False)
    quick = quantiles(found["in the browser"])
    for name, times in found.items():
        p50, p90 = quantiles(times)
        print(
            f"{name:20} p50 {p50:8.1f} ms   p90 {p90:8.1f} ms   "
            f"ratio {p50 / quick[0]:6.0f} x, {p90 / quick[1]:6.0f} x"
        )


if __name__ == "__main__":
    main()
