"""The training page in a real Chromium: presets, what is refused, live curves, a reload."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from db import jobs
from db.projects import Project
from db.store import connect
from fair_app.jobs import queue
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.jobs.worker import run_now
from fair_app.settings import Settings
from fair_app.studio.training import train_params
from tests.browser.filling import fill
from tests.browser.taught import taught
from tests.training.tiny import tiny_folder

pytestmark = pytest.mark.browser

HOSTILE = "${1+1} \\frac <img src=x onerror=alert(1)>"


def value(page: Any, field: str) -> str:
    return str(page.locator(f"#training-{field} :is(input, textarea)").first.input_value())


def choose(page: Any, field: str, option: str) -> None:
    page.click(f"#training-{field} input")
    page.click(f"#training-{field} [role=option]:has-text('{option}')")


def open_training(page: Any, server: Any, project: Any) -> None:
    page.goto(f"{server.url}/?project={quote(project.name)}&tab=training")
    page.wait_for_selector("#training-preview .stats")
    page.click("#tab-training .more > button:has-text('More settings')")


def trained(settings: Settings, project: Project, name: str, student: Path, **given: Any) -> None:
    """A step of training, in this process."""
    params = train_params(
        settings,
        project,
        name=name,
        student=str(student),
        settings_given={"max_steps": 1, "quantization": "none", **given},
    )
    run_now(settings, "train", params, project.id)


def test_a_preset_fills_the_fields_and_a_run_shows_its_curves(
    server: Any, page: Any, watched: Any
) -> None:
    project = taught(server.settings, HOSTILE)
    folder = tiny_folder(server.settings.home / "tiny")
    before = {"validation_share": 0.25, "validate_every": 1, "lora_rank": 4}
    trained(server.settings, project, "earlier", folder, **before)
    open_training(page, server, project)
    page.wait_for_selector("#training-checkpoints >> text=earlier")
    assert page.locator("#training-runs").count() == 0
    assert value(page, "epochs") == "2"

    choose(page, "preset", "Balanced")
    page.wait_for_function("document.querySelector('#training-epochs input').value === '5'")
    assert (value(page, "held-out"), value(page, "patience")) == ("0.1", "3")
    assert value(page, "schedule") == "Half a wave"
    choose(page, "method", "All weights")
    page.wait_for_function(
        "document.querySelector('#training-quantization input').value === 'None'"
    )
    choose(page, "method", "DoRA")

    fill(page, "training-name", "by-page")
    fill(page, "training-student", folder)
    fill(page, "training-target", "c_attn")
    page.click("#training-start")
    page.wait_for_selector("text=no module c_attn")
    fill(page, "training-target", "q_proj,down_proj")
    fill(page, "training-epochs", "2")
    fill(page, "training-batch", "1")
    fill(page, "training-rank", "8")
    page.click("#training-examples-fold .fold")
    page.wait_for_selector("#training-examples-shown .seen", timeout=240_000)
    seen = page.inner_text("#training-examples-shown")
    assert "Example 1 of 4" in seen
    masked, counts = (
        page.inner_text(f"#training-examples-shown section >> nth=0 >> .{part}")
        for part in ("masked", "counts")
    )
    assert masked.startswith("[What is")
    assert "Point out the mistake" in masked
    assert counts.endswith(f"{HOSTILE}<end>")
    fill(page, "training-example-number", "2")
    page.wait_for_selector("#training-examples-shown >> text=Example 2 of 4")
    fill(page, "training-student", "nobody")
    page.press("#training-student :is(input, textarea)", "Tab")
    page.wait_for_selector("#training-examples-shown >> text=There is no student 'nobody'")
    fill(page, "training-student", folder)

    page.click("#training-start")
    page.wait_for_selector("#job-train .job[data-state=succeeded]", timeout=240_000)
    page.wait_for_selector("#training-checkpoints >> text=by-page")
    page.wait_for_function("document.querySelectorAll('#training-curves .chart').length === 3")
    assert "Held out" in page.inner_text("#training-curves")
    assert "tokens a second" in page.inner_text("#training-curves").lower()

    page.wait_for_selector("#training-runs tr:has-text('Rank') >> text=8")
    page.wait_for_function("document.querySelectorAll('#training-runs .chart').length === 4")
    page.click("#training-runs-chosen label >> nth=0")
    page.wait_for_selector("#training-runs-shown >> text=Choose two runs")

    page.click("#training-checkpoints button:has-text('Merge') >> nth=0")
    page.wait_for_selector(
        "#training-checkpoints >> text=full weights, merged from by-page", timeout=240_000
    )
    merged = server.settings.checkpoints / "by-page-merged"
    assert (merged / "model.safetensors").is_file()
    assert str(merged) in page.inner_text("#training-checkpoints")

    page.reload()
    page.wait_for_selector("#training-curves .chart")
    page.wait_for_selector("#training-checkpoints >> text=by-page")
    assert not watched.errors
    assert not watched.foreign


def test_a_checkpoint_becomes_a_gguf_file(server: Any, page: Any, watched: Any) -> None:
    settings = server.settings
    project = taught(settings, HOSTILE)
    folder = tiny_folder(settings.home / "tiny-gguf")
    trained(settings, project, "small", folder, lora_rank=2)
    open_training(page, server, project)
    page.click("#training-checkpoints li:has-text('small') >> text=Write GGUF")
    page.wait_for_selector("#job-gguf .job[data-state=succeeded]", timeout=240_000)
    page.wait_for_selector("#training-checkpoints >> text=small-f16.gguf")
    assert (settings.checkpoints / "small" / "small-f16.gguf").is_file()
    assert page.locator("#training-checkpoints button:has-text('Write GGUF')").count() == 0
    assert not watched.errors
    assert not watched.foreign


def test_the_queue_is_reordered_and_a_job_taken_out(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings, HOSTILE)
    store = connect(server.settings.database)
    # at work: this process
    busy = jobs.add(store, "train", {"name": "busy", "settings": {}}, project.id)
    pid = os.getpid()
    jobs.claim(store, busy, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    for name in ("one", "two", HOSTILE):
        queue.submit(server.settings, "merge", {"name": name, "checkpoint": "x"}, project)

    def order() -> list[str]:
        return [job.params["name"] for job in queue.waiting(server.settings)]

    def shown(*names: str) -> None:
        page.wait_for_function(
            """names => {
                const rows = [...document.querySelectorAll('#training-waiting .about')];
                return JSON.stringify(rows.map((row) => row.textContent.split(' · ')[0]))
                    === JSON.stringify(names);
            }""",
            arg=list(names),
        )

    open_training(page, server, project)
    shown("one", "two", HOSTILE)
    assert page.is_disabled("#training-waiting [data-queue=up] >> nth=0")
    page.click("#training-waiting li >> nth=1 >> [data-queue=up]")
    shown("two", "one", HOSTILE)
    assert order() == ["two", "one", HOSTILE]
    page.click("#training-waiting li >> nth=0 >> [data-queue=down]")
    shown("one", "two", HOSTILE)
    page.click("#training-waiting li >> nth=2 >> text=Take out")
    shown("one", "two")
    assert page.inner_text("#job-train .cancel") == "Pause"

    page.click("[role=tab]:has-text('Overview')")
    page.wait_for_selector("#overview-waiting li >> nth=1")
    for _ in range(2):
        page.click("#overview-waiting li >> nth=0 >> text=Take out")
        page.wait_for_timeout(300)
    page.wait_for_selector("#overview-waiting li", state="detached")
    jobs.end(store, busy, "cancelled")
    assert order() == []
    assert not watched.errors
    assert not watched.foreign
