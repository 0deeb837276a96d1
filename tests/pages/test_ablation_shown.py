"""An ablation as HTML: the plan, arms by what they change, hostile names as text."""

from dataclasses import replace
from pathlib import Path

import pytest

from db import jobs
from db.projects import Project
from db.store import connect
from fair_app.evaluation.ablation import Factors
from fair_app.settings import Settings
from fair_app.studio.ablation_results import results
from fair_app.studio.ablations import Wanted, ablation_params, plan
from pages.components.ablation_shown import plan_shown, results_shown
from pages.components.tested import leaked_of_test
from tests.browser.taught import taught
from tests.studio.ablated import tried
from tests.training.tiny import tiny_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


def wanted(settings: Settings) -> Wanted:
    assert settings.home is not None
    return Wanted(
        Factors(thresholds=(5.0,), alphas=(0.0,), teachers=("ada",)),
        seeds=2,
        student=str(tiny_folder(settings.home / "tiny <b>${1+1}")),
        given={"quantization": "none"},
        test={"limit": 4, "max_new_tokens": 8},
    )


def test_a_plan_has_its_arms_and_why_one_is_left_out(settings: Settings, project: Project) -> None:
    found = plan(settings, project, "abl", wanted(settings))
    shown = plan_shown(found)
    warned = replace(found, warning="It asks what is learned from. <b>")
    assert "learned from. &lt;b&gt;" in plan_shown(warned)
    assert shown.count("<tr") == 1 + 4
    assert "No rationale by the committee is accepted" in shown
    for words in ("<dt>Arms</dt><dd>3<", "2 seeds each", "<dt>Training runs</dt><dd>6<"):
        assert words in shown


def test_results_stand_by_what_they_change(settings: Settings, project: Project) -> None:
    params = ablation_params(settings, project, name="abl", wanted=wanted(settings))
    store = connect(settings.database)
    job = jobs.get(store, jobs.add(store, "ablation", params, project.id))
    assert job is not None
    assert results_shown(results(settings, job)) == ""
    came = {
        "abl-base-s731": [True, True, False, False],
        "abl-base-s732": [True, False, False, False],
        "abl-alpha-0-s731": [True, True, True, True],
    }
    tried(settings, project, job, [False, False, False, False], came)
    shown = results_shown(results(settings, job))
    assert [part.split("<")[0] for part in shown.split("<h4>")[1:]] == [
        "The project’s setting",
        "Weight of the feedback (alpha)",
    ]
    assert "mean of 2 seeds: 50.0 %, 25.0 %" in shown
    row = shown.split('<tr class="alpha">')[1].split("</tr>")[0]
    for words in ("100.0 %", "+100.0", "+62.5", "p = 0.375", "abl-alpha-0-s731"):
        assert words in row
    assert "waiting" in shown.split('<tr class="teacher">')[1]
    assert "nothing to learn from" in shown.split('<tr class="threshold">')[1]
    assert "<b>${" not in shown


def test_leaked_questions_of_the_test_are_told() -> None:
    none = {"exact": 0, "normalised": 0, "near": 0, "among": "the project's exams", "of": 150}
    assert leaked_of_test(None) == leaked_of_test(none) == ""
    said = leaked_of_test({**none, "exact": 3, "near": 1})
    assert "4 of the test’s 150 questions stand in the project’s exams" in said
    assert "3 word for word, 1 nearly so" in said
