"""Try it, in a real Chromium: a lent model answers, is given back, dies, and is lent anew."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, jobs
from db.projects import Project
from db.store import connect, now
from tests.browser.filling import fill
from tests.student.conftest import tiny_model, tiny_tokenizer
from tests.student.lending import adapter, asked_before

pytestmark = pytest.mark.browser

HOSTILE = "${window.hacked=1} {{value}} \\frac{1}{2} <img src=x onerror='window.hacked=1'>"
BOX = "#try-question textarea"
DONE = "#try-answers .sides:not(:has([data-state=writing], [data-state=waiting]))"
SLOW = 120_000
"""Milliseconds. A lending process imports torch, beside whatever else this machine does."""


@pytest.fixture
def project(server: Any) -> Project:
    """A project of a tiny model, with a checkpoint `first`."""
    settings = server.settings
    folder = Path(settings.home) / "tiny"
    tiny_model().bfloat16().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    adapter(settings, folder, "first")
    made = asked_before(settings, str(folder))
    checkpoints.add(
        connect(settings.database),
        made.id,
        job_id=None,
        name="first",
        base=str(folder),
        lineage={"base": str(folder)},
    )
    return made


def answered(page: Any, times: int) -> list[str]:
    """What both students said, once so many questions are answered."""
    page.wait_for_selector(f"#try-history h3:has-text('{times} question')", timeout=SLOW)
    page.wait_for_function(
        "n => document.querySelectorAll('#try-history .asked-before').length === n",
        arg=times,
        timeout=SLOW,
    )
    page.wait_for_selector(DONE, timeout=SLOW)
    return page.locator("#try-answers pre.said").all_inner_texts()


@pytest.mark.timeout(500)
def test_a_model_is_lent_and_given_back(page, server, project, watched):
    store = connect(server.settings.database)
    page.goto(f"{server.url}/?project={project.name}&tab=evaluation&id=try")
    page.wait_for_selector("#try-second input")
    page.wait_for_function("document.querySelector('#try-second input').value.includes('first')")
    page.click("#try-ask")
    page.wait_for_selector(".toast-body:has-text('Write a question first')")

    # Enter sends, Shift and Enter begin a new line.
    fill(page, "try-question", HOSTILE)
    page.press(BOX, "Shift+Enter")
    page.keyboard.type("Second line")
    assert page.input_value(BOX) == f"{HOSTILE}\nSecond line"
    assert page.locator("#try-answers .sides").count() == 0
    page.press(BOX, "Enter")
    page.wait_for_selector("#try-lender .lender")
    first = answered(page, 1)
    assert len(first) == 2
    assert first[0] != first[1]
    page.wait_for_selector("#try-lender :text-is('Lent')")
    assert "tokens/s" in page.inner_text("#try-answers .how >> nth=0")
    (job,) = jobs.in_state(store, "running")
    assert jobs.lease_holder(store, "device") == job.id

    # A test question is graded by its gold answer, and answered by the model that is there.
    page.click("#try-take")
    page.wait_for_function(f"!document.querySelector('{BOX}').value.includes('Second line')")
    page.click("#try-ask")
    second = answered(page, 2)
    assert page.locator("#try-answers .verdict").count() == 2
    assert "expected" in page.inner_text("#try-answers .how >> nth=0")
    assert [one.id for one in jobs.in_state(store, "running")] == [job.id]

    # A reload loses nothing; what was asked before opens, and is text.
    page.reload()
    page.wait_for_selector(DONE)
    assert page.locator("#try-answers pre.said").all_inner_texts() == second
    page.click("#try-history .asked-before >> nth=1 >> summary")
    assert HOSTILE in page.inner_text("#try-history .asked-before[open] .question")
    assert page.locator("#try-history .asked-before[open] pre.said").all_inner_texts() == first

    page.click("#try-lender [data-act=give_back]")
    page.wait_for_selector("#try-lender :text('The model was given back')")
    assert jobs.lease_holder(store, "device") is None

    # The process of the next one is killed: the page says so, and it is lent anew.
    page.fill(BOX, "And now?")
    page.press(BOX, "Enter")
    page.wait_for_selector("#try-answers .question:has-text('And now?')")
    page.wait_for_selector("#try-lender .title:has-text('Starting')", timeout=SLOW)
    (killed,) = jobs.in_state(store, "running")
    os.kill(killed.pid, signal.SIGKILL)
    page.wait_for_selector("#try-lender .notice:has-text('Ask again to lend it anew')")
    assert f"Job {killed.id}" in page.inner_text("#try-answers .fault >> nth=0")
    page.fill(BOX, "Once more?")
    page.press(BOX, "Enter")
    assert all(answered(page, 4))
    page.click("#try-lender [data-act=give_back]")
    page.wait_for_selector("#try-lender :text('The model was given back')")
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


def test_a_job_that_computes_is_in_the_way(page, server, watched):
    store = connect(server.settings.database)
    made = asked_before(server.settings, "smollm2-135m", name="waits")
    busy = jobs.add(store, "train", {"name": "long"}, made.id)
    jobs.claim(store, busy, host="elsewhere", pid=1, process_started_at=now())
    try:
        page.goto(f"{server.url}/?project={made.name}&tab=evaluation&id=try")
        page.wait_for_selector(f"#try-lender .notice:has-text('Job {busy} (Training) computes')")
        page.fill(BOX, "Is it my turn?")
        page.press(BOX, "Enter")
        page.wait_for_selector(".toast-body:has-text('computes on the device: wait until it is')")
        assert [job.id for job in jobs.in_state(store, "queued", "running")] == [busy]
        page.click("#try-lender .go")
        page.wait_for_selector("#job-train .job[data-state=running]")
    finally:
        jobs.end(store, busy, "cancelled")
    assert watched.errors == []
