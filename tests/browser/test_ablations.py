"""Ablations in a real Chromium: the plan, a start and a pause, and what came of it so far."""

from typing import Any
from urllib.parse import quote

import pytest

from db import jobs
from db.store import connect
from fair_app.errors import BadInput
from fair_app.evaluation.ablation import Factors
from fair_app.jobs import queue
from fair_app.studio.ablations import Wanted, ablation_params
from fair_app.studio.training import check_name
from tests.browser.filling import fill
from tests.browser.taught import taught
from tests.jobs.held import device_held
from tests.studio.ablated import tried
from tests.training.tiny import tiny_folder

pytestmark = pytest.mark.browser

HOSTILE = "${1+1} \\frac <img src=x onerror=alert(1)>"


def open_ablations(page: Any, server: Any, project: Any) -> None:
    page.goto(f"{server.url}/?project={quote(project.name)}&tab=evaluation&id=ablations")
    page.wait_for_selector("#ablations-plan :is(.notice, tr)")


def test_an_ablation_is_planned_started_and_paused(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings, HOSTILE)
    folder = tiny_folder(server.settings.home / "tiny")
    open_ablations(page, server, project)
    fill(page, "ablations-thresholds", "")
    fill(page, "ablations-alphas", "")
    page.wait_for_selector("#ablations-plan >> text=Nothing is changed about the project")
    page.click(".subpage .more > button:has-text('The training')")
    fill(page, "ablations-student", folder)
    page.click("#ablations-quantization input")
    page.click("#ablations-quantization [role=option]:has-text('None')")
    fill(page, "ablations-thresholds", "0, x")
    page.wait_for_selector("#ablations-plan >> text=is not a list of threshold values")
    fill(page, "ablations-thresholds", "0, 3, 5")
    fill(page, "ablations-alphas", "0")
    page.click("#ablations-conditions label:has-text('Each teacher alone')")
    page.wait_for_selector("#ablations-plan tr:has-text('only carl')")
    plan = page.inner_text("#ablations-plan")
    assert plan.startswith("Arms\n6\n1 seed each\nTraining runs\n6\n")
    assert "Not known yet" in plan
    assert "No rationale by the committee is accepted" in plan

    with device_held(server.settings):
        page.click("#ablations-start")
        page.wait_for_selector("#job-ablation .job[data-state=running]")
        page.wait_for_selector("#job-ablation >> text=test the student")
        page.click("#job-ablation .cancel")
        page.wait_for_selector("#job-ablation .job[data-state=cancelled]")
    assert "Paused" in page.inner_text("#job-ablation")
    (job,) = [one for one in queue.listed(server.settings, project) if one.kind == "ablation"]
    assert page.url.endswith(f"id=ablations.{job.id}")
    parts = jobs.children(connect(server.settings.database), job.id)
    assert [one.state for one in parts] == ["cancelled"]

    # Opened again, the form is as it was, and under a name that is free.
    open_ablations(page, server, project)
    page.wait_for_function(
        "document.querySelector('#ablations-thresholds textarea, #ablations-thresholds input')"
        ".value === '0, 3, 5'"
    )
    fields = {"alphas": "0", "name": "ablation2"}
    for name, wanted in fields.items():
        field = page.locator(f"#ablations-{name} :is(input, textarea)")
        assert field.input_value() == wanted
    assert page.is_checked("#ablations-conditions label:has-text('Each teacher alone') input")

    # What is given up is not resumed, and its names are free; it is pressed twice.
    with pytest.raises(BadInput, match="is taken"):
        check_name(server.settings, "ablation-alpha-0")
    page.click("#job-ablation .give-up")
    assert page.inner_text("#job-ablation .give-up") == "Give up for good?"
    page.click("#job-ablation .give-up")
    page.wait_for_selector("#job-ablation >> text=Given up")
    assert not page.is_visible("#job-ablation .resume")
    check_name(server.settings, "ablation-alpha-0")
    assert not watched.errors
    assert not watched.foreign


def test_what_came_so_far_is_shown_by_factor(server: Any, page: Any, watched: Any) -> None:
    settings = server.settings
    project = taught(settings, HOSTILE)
    store = connect(settings.database)
    made = []
    for name in ("first", "second"):
        wanted = Wanted(
            Factors(alphas=(0.0,), teachers=("ada",)),
            seeds=2,
            student=str(tiny_folder(settings.home / f"tiny {name}")),
            given={"quantization": "none"},
            test={"limit": 4, "max_new_tokens": 8},
        )
        params = ablation_params(settings, project, name=name, wanted=wanted)
        job = jobs.get(store, jobs.add(store, "ablation", params, project.id))
        assert job is not None
        jobs.end(store, job.id, "interrupted")
        made.append(job)
    came = {
        "second-base-s731": [True, True, False, False],
        "second-base-s732": [True, False, False, False],
        "second-alpha-0-s731": [True, True, True, True],
    }
    tried(settings, project, made[1], [False, False, False, False], came)

    open_ablations(page, server, project)
    page.wait_for_selector("#ablations-results .intervals")
    titles = page.locator("#ablations-results h4").all_inner_texts()
    assert titles == ["The project’s setting", "Weight of the feedback (alpha)"]
    shown = page.inner_text("#ablations-results")
    assert "mean of 2 seeds: 50.0 %, 25.0 %" in shown
    row = page.inner_text("#ablations-results tr.alpha")
    assert "100.0 %" in row
    assert "+100.0" in row
    assert "+62.5" in row
    assert "second-alpha-0-s731" in row
    assert "waiting" in page.inner_text("#ablations-results tr.teacher")
    page.click("#ablations-earlier button:has-text('first')")
    page.wait_for_selector("#ablations-earlier button:has-text('second')")
    page.wait_for_selector("#ablations-results .intervals", state="detached")
    assert page.url.endswith(f"id=ablations.{made[0].id}")
    page.reload()
    page.wait_for_selector("#ablations-earlier button:has-text('second')")
    assert not watched.errors
    assert not watched.foreign
