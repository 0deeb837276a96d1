"""The rounds in a real Chromium: the plan, a start, a cancel and a resume, and a course's rows."""

from typing import Any
from urllib.parse import quote

import pytest

from db import jobs, projects
from db.store import connect
from fair_app.jobs.children import children_of
from tests.browser.filling import fill
from tests.jobs.held import device_held
from tests.studio.courses import STOPPED, sat, taught_twice
from tests.training.tiny import tiny_folder

pytestmark = pytest.mark.browser

HOSTILE = "${1+1} \\frac <img src=x onerror=alert(1)>"


def open_rounds(page: Any, server: Any, name: str) -> None:
    page.goto(f"{server.url}/?project={quote(name)}&tab=evaluation&id=rounds")
    page.wait_for_selector("#rounds-plan :is(.stats, .notice)")


def test_a_course_has_its_rows_and_an_earlier_exam_is_taken_back(
    server: Any, page: Any, watched: Any
) -> None:
    project, _ = taught_twice(server.settings, HOSTILE)
    open_rounds(page, server, project.name)
    page.wait_for_selector("#rounds-course table")
    said = page.inner_text("#rounds-course")
    assert STOPPED in said
    assert HOSTILE in said
    assert page.locator("#rounds-course tbody tr").count() == 3
    assert page.locator("#rounds-course figure").count() == 2
    page.click("#rounds-course [data-exam]")
    page.wait_for_selector("#rounds-course tbody tr:nth-child(3) [data-go=review]")
    now = projects.get(connect(server.settings.database), project.id)
    assert now.student == f"checkpoint:one{HOSTILE}"
    page.click("#rounds-course [data-exam]")
    page.wait_for_selector("#rounds-course tbody tr:nth-child(2) [data-go=review]")
    page.click("#rounds-course [data-go=review]")
    page.wait_for_url("**tab=review**")
    assert not watched.errors
    assert not watched.foreign


def test_rounds_are_planned_started_cancelled_and_resumed(
    server: Any, page: Any, watched: Any
) -> None:
    project = sat(server.settings)
    folder = tiny_folder(server.settings.home / "tiny")
    open_rounds(page, server, project.name)
    page.wait_for_selector("#rounds-plan >> text=/^48/")
    fill(page, "rounds-rounds", 1)
    page.wait_for_function("document.querySelectorAll('#rounds-plan .stats dt').length === 3")
    fill(page, "rounds-least", "much")
    page.wait_for_selector("#rounds-plan >> text=give a number in place of")
    page.click("#rounds-start")
    page.wait_for_selector(".toast-body:has-text('give a number in place of')")
    fill(page, "rounds-least", "1.5")
    page.wait_for_selector("#rounds-plan >> text=/^48/")
    page.click("#tab-evaluation .more > button:has-text('Questions and names')")
    fill(page, "rounds-student", folder)
    fill(page, "rounds-test", 4)
    page.wait_for_selector("#rounds-plan >> text=an estimate: its exam is still to be sat")

    with device_held(server.settings):
        page.click("#rounds-start")
        page.wait_for_selector("#job-rounds .job[data-state=running]")
        page.wait_for_selector("#rounds-working >> text=first test")
        page.click("#job-rounds .cancel")
        page.wait_for_selector("#job-rounds .job[data-state=cancelled]")
        store = connect(server.settings.database)
        job = jobs.latest(store, project.id, "rounds")
        assert job is not None
        assert job.params["stop_below"] == 1.5
        assert job.params["test"]["limit"] == 4
        assert [one.state for one in children_of(server.settings, job.id)] == ["cancelled"]
        page.click("#job-rounds .resume")
        page.wait_for_selector("#job-rounds .job[data-state=running]")
        page.reload()
        page.wait_for_selector("#rounds-working >> text=first test")
        page.click("#job-rounds .cancel")
        page.wait_for_selector("#job-rounds .job[data-state=cancelled]")
    assert not watched.errors
    assert not watched.foreign
