"""Training runs beside each other, from their rows alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, exams, jobs
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.projects import create_project
from fair_app.studio.runs import differences, runs
from fair_app.tasks.registry import task as task_named
from fair_app.training.settings import TrainingSettings
from pages.components.checkpoints import checkpoint_value
from pages.components.run_comparison import compared
from tests.evaluated import evaluated

HOSTILE = "${1+1}<img src=x>"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return create_project(settings, "made", "arithmetic", "smollm2-135m")


def add_run(
    settings: Settings, project: Project, name: str, state: str = "succeeded", **changed: Any
) -> int:
    """A run with three steps; its checkpoint where it succeeded."""
    store = connect(settings.database)
    own = TrainingSettings(**changed).to_dict()
    params = {
        "name": name,
        "student": "smollm2-135m",
        "origin": {"teacher": "mixed", "threshold": 3.0, "teachers": ["never shown"]},
        "data_sha256": "a" * 64,
        "settings": own,
    }
    job = jobs.add(store, "train", params, project.id)
    for step in range(1, 4):
        jobs.add_metrics(store, job, step, {"loss": 3.0 - step / 10, "loss_feedback": 1.0})
    result = {"loss": 2.7, "loss_feedback": 1.0, "loss_rationale": None, "steps": 3, "seconds": 5.0}
    jobs.end(store, job, state, result=result if state == "succeeded" else None)
    if state == "succeeded":
        checkpoints.add(
            store,
            project.id,
            job_id=job,
            name=name,
            base="smollm2-135m",
            lineage={"settings": own, "result": result},
        )
    return job


def add_test(settings: Settings, project: Project, name: str, right: int) -> None:
    """A whole evaluation of four questions."""
    store = connect(settings.database)
    asked = task_named("arithmetic").load("test", limit=4)
    exam = exams.add(
        store,
        project.id,
        purpose="evaluation",
        student=f"checkpoint:{name}",
        task="arithmetic",
        split="test",
        settings={},
        question_ids=store_questions(store, project.id, "arithmetic", "test", asked),
    )
    for place, row in enumerate(exams.unanswered(store, exam)):
        exams.save_answer(store, row.id, {"text": "?", "correct": int(place < right)})


def test_a_run_has_its_losses_and_its_newest_accuracy(settings: Settings, project: Project) -> None:
    add_run(settings, project, "first")
    add_run(settings, project, "second", "cancelled", alpha=0.2)
    add_test(settings, project, "first", 1)
    add_test(settings, project, "first", 3)
    second, first = runs(settings, project)
    assert (first.name, first.state, first.losses) == (
        "first",
        "succeeded",
        {"loss": 2.7, "loss_feedback": 1.0},
    )
    assert (first.accuracy, first.tested, first.steps) == (0.75, 4, 3)
    assert (second.state, second.losses, second.accuracy) == ("cancelled", {}, None)
    assert differences([first, second]) == {"alpha": [0.5, 0.2]}
    assert differences([first]) == {}


def test_a_test_of_another_task_is_not_its_accuracy(settings: Settings, project: Project) -> None:
    add_run(settings, project, "first")
    add_test(settings, project, "first", 1)
    others = task_named("arithmetic").load("test", limit=2)
    evaluated(settings, project, "checkpoint:first", [True] * 2, task="svamp", questions=others)
    (first,) = runs(settings, project)
    assert (first.accuracy, first.tested) == (0.25, 4)


def test_a_setting_that_only_one_run_has_differs(settings: Settings, project: Project) -> None:
    add_run(settings, project, "a")
    store = connect(settings.database)
    jobs.add(store, "train", {"name": "old", "settings": {"alpha": 0.5}}, project.id)
    found = differences(runs(settings, project))
    assert found["seed"] == [None, 731]
    assert "alpha" not in found


def test_runs_are_painted_beside_each_other_as_text(settings: Settings, project: Project) -> None:
    add_run(settings, project, "first")
    add_run(settings, project, "second", lora_target="q_proj")
    painted = compared(settings, runs(settings, project))
    assert "Modules" in painted
    assert "all-linear" in painted
    assert "Alpha" not in painted
    assert painted.count("<figure") == 2  # nobody has a loss of rationales
    assert painted.count('class="line line-1"') == 2
    assert "not tested" in painted
    assert "5 s, 3 steps" in painted
    assert "Choose two" in compared(settings, runs(settings, project)[:1])


def test_hostile_names_stay_text(settings: Settings, project: Project) -> None:
    add_run(settings, project, HOSTILE)
    add_run(settings, project, "other", "interrupted")
    add_run(settings, project, "newest", "cancelled")
    for painted in (
        compared(settings, runs(settings, project)),
        checkpoint_value(settings, project),
    ):
        assert "<img" not in painted
        assert "${" not in painted


def test_older_unfinished_runs_can_be_resumed(settings: Settings, project: Project) -> None:
    older = add_run(settings, project, "older", "cancelled")
    newest = add_run(settings, project, "newest", "interrupted")
    painted = checkpoint_value(settings, project)
    assert f'data-resume="{older}"' in painted
    assert f'data-resume="{newest}"' not in painted  # its panel has the button


def test_only_an_adapter_is_merged(settings: Settings, project: Project) -> None:
    add_run(settings, project, "adapter")
    add_run(settings, project, "whole", method="full", quantization="none")
    checkpoints.add(
        connect(settings.database),
        project.id,
        job_id=None,
        name="adapter-merged",
        base="smollm2-135m",
        lineage={"settings": {"method": "lora"}, "merged_from": "adapter"},
    )
    painted = checkpoint_value(settings, project)
    assert painted.count("data-merge=") == 1
    assert 'data-merge="adapter"' in painted
    assert "full weights, merged from adapter" in painted
    assert str(settings.checkpoints / "adapter-merged") in painted


def test_the_command_line_lists_runs(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    add_run(settings, project, "first", balance="teachers")
    add_run(settings, project, "second")
    asked = ["runs", "--project", "made", "--home", str(settings.home)]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["runs"]] == ["second", "first"]
    assert found["differs"] == {"balance": ["none", "teachers"]}
    assert main(asked) == 0
    assert "balance" in capsys.readouterr().out
