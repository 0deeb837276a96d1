"""A job of rounds that ends before any training: the student and the teachers are at a loopback
server, the parts are real processes."""

from pathlib import Path
from typing import Any

import pytest

from db import calls, committee, exams, jobs, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.errors import WorkFailed
from fair_app.jobs import queue, worker
from fair_app.jobs.children import children_of
from fair_app.settings import Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.collecting import collect_params
from fair_app.studio.projects import open_project
from fair_app.tasks.registry import task
from tests.building import project_with_mistakes
from tests.committee.collecting import KEY, spec_at, taught_at
from tests.studio.courses import EXAM, again, sat
from tests.wire.server import Server

BUDGET = 1e-4
"""Four calls at most."""


def params(url: str, limit: int, **more: Any) -> dict[str, Any]:
    """Rounds of a student behind a server, which can be asked and not trained."""
    asked = {**EXAM, "student": "served", "server": f"{url}/v1", "limit": limit}
    return {
        **{"name": "round", "rounds": 2, "train": "from-adapter", "stop_below": None},
        **{"budget_usd": None, "concurrency": 2, "student": "served", "exam": asked},
        **{
            "test": {**asked, "split": "test"},
            "training": {
                **{"teacher": "mixed", "keep_rule": False},
                **{"preset": "quick look", "settings_given": {}},
            },
        },
        **more,
    }


def run(settings: Settings, project: Project, wanted: dict[str, Any]) -> dict[str, Any]:
    return worker.run_now(settings, "rounds", wanted, project.id)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("FAIR_TEST_KEY", KEY)
    monkeypatch.setenv(SERVER_KEY, KEY)
    return Settings(home=tmp_path)


def test_a_spent_budget_is_the_end_and_is_never_overdrawn(settings: Settings) -> None:
    with Server() as wire:
        specs = [spec_at(wire.url, name) for name in ("ann", "bob", "cid")]
        project = taught_at(settings, specs)
        result = run(settings, project, params(wire.url, 4, budget_usd=BUDGET))
    assert result["stopped"] == "The budget was spent before round 1 had anything to learn from."
    assert result["checkpoint"] is None
    (only,) = result["rounds"]
    assert only["mistakes"] > 0
    assert 0 < only["calls"] < 12
    assert only["calls"] + only["left"] == only["mistakes"] * 12
    store = connect(settings.database)
    assert 0 < calls.spent(store, project.id) <= BUDGET
    assert result["cost_usd"] == pytest.approx(calls.spent(store, project.id))
    view = queue.latest(settings, project, "rounds")
    assert view is not None
    kept = repr([*view.log, *children_of(settings, view.job.id)])
    assert KEY not in kept
    now = open_project(settings, project.name)
    assert (now.exam_id, now.student) == (only["exam"]["id"], "served")


def test_a_student_without_a_mistake_needs_no_round(settings: Settings) -> None:
    project = project_with_mistakes(settings)
    (first,) = task("arithmetic").load("train", limit=1)
    with Server(reply=f"The answer is {first.gold_answer}.") as wire:
        result = run(settings, project, params(wire.url, 1))
    assert "found no mistake: served answered all 1 questions right" in result["stopped"]
    assert (result["calls"], result["rounds"][0]["mistakes"]) == (0, 0)


def test_a_part_that_fails_says_which_it_was(settings: Settings) -> None:
    project = project_with_mistakes(settings)
    store = connect(settings.database)
    broken = params("http://127.0.0.1:9", 1)
    broken["test"]["split"] = "no such split"
    with pytest.raises(WorkFailed, match=r"first test: .*no such split"):
        run(settings, project, broken)
    job = jobs.latest(store, project.id, "rounds")
    assert job is not None
    assert job.state == "failed"


def test_the_committee_is_asked_about_the_exam_that_is_named(settings: Settings) -> None:
    project = sat(settings)
    store = connect(settings.database)
    second = again(settings, project, "checkpoint:one")
    with writing(store):
        for row in exams.unanswered(store, second):
            exams.save_answer(store, row.id, {"text": "1 + 1 = 3", "correct": 0, "tokens": 5})
    assert projects.get(store, project.id).exam_id == project.exam_id != second
    wanted = {**collect_params(settings, project), "exam": second}
    result = worker.run_now(settings, "collect", wanted, project.id)
    assert (result["calls"], result["left"], result["feedback"]) == (60, 0, 15)
    assert len(committee.feedback(store, second)) == 15
    assert committee.feedback(store, project.exam_id or 0) == []
