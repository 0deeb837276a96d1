"""The evaluation page in a real Chromium: a student behind a server, and the exam's settings."""

from itertools import count
from typing import Any

import pytest

from db import exams, jobs
from db.store import connect
from fair_app.studio.evaluations import summary
from fair_app.studio.exams import exam_params
from fair_app.studio.projects import Project
from tests.browser.filling import fill
from tests.building import project_with_mistakes
from tests.wire.server import Server as Wire

pytestmark = pytest.mark.browser

KEY = "typed-for-the-test-0123456789"
NUMBERS = count(1)


@pytest.fixture
def made(server: Any) -> Project:
    """A project whose exam was asked with the paper's decoding."""
    project = project_with_mistakes(server.settings, 2, f"tested {next(NUMBERS)}")
    asked = {"student": "smollm2-135m", "task": "arithmetic", "split": "train", "samples": 3}
    params = exam_params(server.settings, **asked, decoding="paper", max_new_tokens=99)
    store = connect(server.settings.database)
    jobs.end(store, jobs.add(store, "exam", params, project.id), "succeeded")
    return project


def value(page: Any, field: str) -> str:
    return page.input_value(f"#{field} :is(input, textarea)")


def test_a_student_behind_a_server_is_tested_as_the_exam_asked(page, server, made, watched):
    page.goto(f"{server.url}/?project={made.name}&tab=evaluation")
    page.wait_for_selector("#evaluation-scores .empty")
    page.click("#tab-evaluation .more > button:has-text('More settings')")
    assert [value(page, f"evaluation-{field}") for field in ("tokens", "samples")] == ["99", "3"]
    fill(page, "evaluation-items", 4)
    page.click("#tab-evaluation .more > button:has-text('A student behind a server')")
    with Wire(reply="The answer is 7.") as wire:
        fill(page, "evaluation-server", f"{wire.url}/v1")
        page.wait_for_selector("#evaluation-student :text('Behind the server that is named below')")
        page.click("#evaluation-start")
        page.wait_for_selector(".toast-body:has-text('name that the student has on the server')")
        fill(page, "evaluation-served-model", "first")
        fill(page, "evaluation-server-key", KEY)
        page.click("#evaluation-start")
        page.wait_for_selector("#evaluation-scores li:has-text('of 4')", timeout=60_000)
        assert {(call.model, call.key) for call in wire.calls} == {("first", KEY)}
        assert len(wire.calls) == 4 * 3
        assert value(page, "evaluation-server-key") == ""
        # From now on it can be chosen by its name, and is asked behind the same server.
        page.reload()
        page.wait_for_selector("#evaluation-scores li:has-text('of 4')")
        page.click("#evaluation-student input")
        page.click("#evaluation-student [role=option]:has-text('first')")
        fill(page, "evaluation-items", 5)
        page.click("#evaluation-start")
        page.wait_for_selector("#evaluation-scores li:has-text('of 5')", timeout=60_000)
    (test,) = summary(server.settings, made)
    assert test.exam.settings["server"] == f"{wire.url}/v1"
    assert exams.counts(connect(server.settings.database), test.exam.id).questions == 5
    assert watched.errors == []
