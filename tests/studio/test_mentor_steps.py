"""The mentor's five steps: what is done, what is next, and whose jobs they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, jobs
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.report.markup import percent
from fair_app.settings import Settings
from fair_app.studio.mentor import choose_mentor, mentor_of
from fair_app.studio.mentor_kd import import_mentor_kd
from fair_app.studio.mentor_steps import (
    TEST_QUESTIONS,
    Step,
    candidates,
    course,
    mentor_test_params,
    questions_to_test,
    training_params,
)
from fair_app.studio.projects import create_project
from fair_app.training.frozen import thaw, work_folder
from tests.browser.taught import taught
from tests.mentored import files_of
from tests.studio.ablated import answered
from tests.studio.mentor_files import row, written
from tests.training.tiny import tiny_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    tiny_folder(tmp_path / "tiny")
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


def steps(settings: Settings, project: Project) -> dict[str, Step]:
    return {one.name: one for one in course(settings, project).steps}


def states(settings: Settings, project: Project) -> list[str]:
    return [one.state for one in steps(settings, project).values()]


def whom(settings: Settings, project: Project) -> list[str]:
    return candidates(settings, project, mentor_of(settings, project))


def tiny(settings: Settings) -> str:
    return str((settings.home or Path()) / "tiny")


def ended(settings: Settings, project: Project, kind: str, params: dict[str, Any]) -> int:
    store = connect(settings.database)
    job = jobs.add(store, kind, params, project.id)
    jobs.end(store, job, "succeeded", result={})
    return job


def checkpoint(settings: Settings, project: Project, name: str, job: int) -> None:
    checkpoints.add(
        connect(settings.database),
        project.id,
        job_id=job,
        name=name,
        base=tiny(settings),
        lineage={},
    )


def test_at_first_the_committee_is_asked_for(settings: Settings) -> None:
    found = create_project(settings, "new", "arithmetic", "smollm2-135m")
    first = steps(settings, found)["choose"]
    assert (first.state, first.go) == ("next", "committee")
    assert states(settings, found)[1:] == ["later"] * 4


def test_then_there_is_something_to_learn_from(settings: Settings, project: Project) -> None:
    first = steps(settings, project)["choose"]
    assert (first.state, first.go) == ("next", "")
    assert first.note.startswith("12 rationales with a right answer")  # of 15; 3 end wrong


def test_a_mentors_training_learns_right_rationales_alone(
    settings: Settings, project: Project
) -> None:
    params = training_params(
        settings, project, model=tiny(settings), rationales="right", name="mentor", epochs=3
    )
    assert params["settings"]["alpha"] == 0
    assert params["settings"]["epochs"] == 3
    assert params["origin"]["purpose"] == "mentor"
    assert params["origin"]["rationales"] == "right"
    learned = thaw(work_folder(settings.checkpoints, "mentor"))
    assert sum(len(one.rationales) for one in learned) == 12
    job = jobs.add(connect(settings.database), "train", params, project.id)
    assert states(settings, project) == ["done", "now", "later", "later", "later"]
    jobs.end(connect(settings.database), job, "succeeded", result={})
    assert states(settings, project)[:3] == ["done", "done", "next"]


def test_a_checkpoint_that_was_trained_by_command_is_the_mentor_too(
    settings: Settings, project: Project
) -> None:
    folder = settings.checkpoints / "made-by-hand"
    tiny_folder(folder)
    (folder / "lineage.json").write_text(json.dumps({"base": tiny(settings)}), encoding="utf-8")
    ended(settings, project, "train", {"name": "made-by-hand", "origin": {}})
    choose_mentor(settings, project, "checkpoint:made-by-hand")
    trained = steps(settings, project)["train"]
    assert (trained.state, trained.value) == ("done", "made-by-hand")


def test_other_trainings_are_none_of_the_mentors(settings: Settings, project: Project) -> None:
    store = connect(settings.database)
    ended(settings, project, "train", {"name": "student", "origin": {"teacher": "mixed"}})
    parent = jobs.add(store, "ablation", {"name": "try"}, project.id)
    job = jobs.get(store, parent)
    assert job is not None
    part = {"name": "try-all", "origin": {"teacher": "mixed+mentor"}}
    jobs.add_child(store, job, "train", "train", part)
    assert course(settings, project).jobs == {}


@pytest.mark.parametrize(
    "params",
    [
        {"name": "both", "origin": {"teacher": "mixed+mentor"}},
        {"name": "soft", "origin": {"teacher": "mixed"}, "settings": {"soft_weight": 0.3}},
    ],
)
def test_a_run_that_learns_from_the_mentor_is_the_last_step(
    settings: Settings, project: Project, params: dict[str, Any]
) -> None:
    ended(settings, project, "train", params)
    last = steps(settings, project)["distil"]
    assert (last.state, last.value) == ("done", params["name"])


def test_whom_to_choose_from(settings: Settings, project: Project) -> None:
    assert whom(settings, project) == []
    for name, origin in (("mentor", {"purpose": "mentor"}), ("later", {})):
        job = ended(settings, project, "train", {"name": name, "origin": origin})
        checkpoint(settings, project, name, job)
    assert whom(settings, project) == ["checkpoint:mentor", "checkpoint:later"]


def test_a_model_becomes_the_mentor_with_its_test(settings: Settings, project: Project) -> None:
    with pytest.raises(BadInput, match="train one, or give a REF"):
        mentor_test_params(settings, project, "", None)
    with pytest.raises(BadInput, match="There is no checkpoint"):
        mentor_test_params(settings, project, "checkpoint:none", 4)
    assert mentor_of(settings, project) is None
    params = mentor_test_params(settings, project, tiny(settings), 4)
    assert (params["split"], params["limit"]) == ("test", 4)
    ref = tiny(settings)
    found = mentor_of(settings, project)
    assert found is not None
    assert found.ref == str(Path(ref).resolve())
    assert states(settings, project) == ["done", "aside", "next", "later", "later"]
    answered(settings, project, ref, [True, False, True], **files_of(settings, ref))
    tested = steps(settings, project)["test"]
    assert (tested.state, tested.value) == ("done", percent(2 / 3))
    assert "of 3 held-out questions" in tested.note


def test_it_is_tested_on_as_many_questions_as_the_student(
    settings: Settings, project: Project
) -> None:
    assert questions_to_test(settings, project) == TEST_QUESTIONS
    answered(settings, project, project.student, [True, False])
    assert questions_to_test(settings, project) == 2


def test_a_mentor_out_of_a_file_is_not_tested(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    path = written(tmp_path, "theirs.json", [row(1)])
    import_mentor_kd(settings, project.name, project.task, augmentations=path)
    assert states(settings, project) == ["done", "aside", "aside", "done", "next"]
    assert whom(settings, project) == []
