"""Jobs that are given up: their names are free again, and what they made stays."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, jobs
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.evaluation.ablation import Factors
from fair_app.jobs import queue
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.jobs.queue import latest
from fair_app.settings import Settings
from fair_app.studio.ablations import Wanted, ablation_params, interrupted_ablation
from fair_app.studio.giving_up import give_up, may_give_up
from fair_app.studio.rounds import rounds_params
from fair_app.studio.runs import GIVEN_UP, runs
from fair_app.studio.training import check_name, train_params
from fair_app.training.frozen import work_folder
from pages.components.job_panel import described
from tests.browser.taught import taught
from tests.studio.courses import sat
from tests.training.tiny_home import tiny, tiny_home

GIVEN: dict[str, Any] = {"quantization": "none", "max_steps": 3, "lora_rank": 2}
BASE, OTHER = "abl-base", "abl-alpha-0"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_home(tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


def ablation(settings: Settings, project: Project, name: str = "abl") -> dict[str, Any]:
    test = {"limit": 4, "max_new_tokens": 8}
    asked = Wanted(Factors(alphas=(0.0,)), student=tiny(settings), given=GIVEN, test=test)
    return ablation_params(settings, project, name=name, wanted=asked)


def job_of(settings: Settings, job_id: int) -> jobs.Job:
    job = jobs.get(connect(settings.database), job_id)
    assert job is not None
    return job


def test_a_cancelled_ablation_frees_the_names_that_it_has_not_made(
    settings: Settings, project: Project
) -> None:
    store = connect(settings.database)
    params = ablation(settings, project)
    job_id = queue.submit(settings, "ablation", params, project)
    job = job_of(settings, job_id)
    done = jobs.add_child(store, job, f"train {BASE}", "train", params["runs"][BASE])
    jobs.end(store, done, "succeeded", result={})
    work_folder(settings.checkpoints, BASE).rename(settings.checkpoints / BASE)
    lineage: dict[str, Any] = {}
    checkpoints.add(store, project.id, job_id=done, name=BASE, base="tiny", lineage=lineage)
    cut_off = jobs.add_child(store, job, f"train {OTHER}", "train", params["runs"][OTHER])
    with pytest.raises(BadInput, match="is queued: only a failed"):
        give_up(settings, job_id)
    jobs.end(store, job_id, "cancelled")
    begun = {"pid": os.getpid(), "process_started_at": process_started_at(os.getpid())}
    assert jobs.claim(store, cut_off, host=HOST, **begun)
    with pytest.raises(BadInput, match=f"Part {cut_off} of job {job_id} is still running"):
        give_up(settings, job_id)
    jobs.end(store, cut_off, "cancelled")
    never_begun = jobs.add_child(store, job, f"test {BASE}", "evaluate", {})
    assert may_give_up(job_of(settings, job_id))
    with pytest.raises(BadInput, match=f"'{OTHER}' is taken"):
        check_name(settings, OTHER)

    assert give_up(settings, job_id) == [OTHER]
    check_name(settings, OTHER)
    assert not work_folder(settings.checkpoints, OTHER).exists()
    assert (settings.checkpoints / BASE).is_dir()
    with pytest.raises(BadInput, match=f"'{BASE}' is taken"):
        check_name(settings, BASE)
    with pytest.raises(BadInput, match="was given up: start a new one"):
        queue.resume(settings, job_id)
    with pytest.raises(BadInput, match="was given up already"):
        give_up(settings, job_id)
    with pytest.raises(BadInput, match="No ablation 'abl' was interrupted"):
        interrupted_ablation(settings, project, "abl")
    view = latest(settings, project, "ablation")
    assert view is not None
    shown = described(view)
    assert (shown["state"], shown["resume"], shown["give_up"]) == ("Given up", False, False)
    assert not jobs.requeue(store, cut_off), "its parts are given up with it"
    assert job_of(settings, never_begun).state == "cancelled"
    assert [one.state for one in runs(settings, project)] == [GIVEN_UP, "succeeded"]


def test_what_another_job_took_since_is_left_alone(settings: Settings, project: Project) -> None:
    """A run that could not begin keeps no name: the next one of its name is not to be harmed."""
    store = connect(settings.database)
    asked = {"name": "mine", "student": tiny(settings), "settings_given": GIVEN}
    params = train_params(settings, project, **asked)
    first = queue.submit(settings, "train", params, project)
    work_folder(settings.checkpoints, "mine").rename(settings.checkpoints / ".gone")
    jobs.end(store, first, "failed", error="This run could not begin.")
    again = train_params(settings, project, **asked)
    queue.submit(settings, "train", again, project)
    assert give_up(settings, first) == []
    assert work_folder(settings.checkpoints, "mine").is_dir()
    with pytest.raises(BadInput, match="'mine' is taken"):
        check_name(settings, "mine")


def test_rounds_are_given_up_from_the_command_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    project = sat(settings)
    store = connect(settings.database)
    job_id = jobs.add(store, "rounds", rounds_params(settings, project, rounds=2), project.id)
    jobs.end(store, job_id, "interrupted")
    asked = ["jobs", "give-up", str(job_id), "--home", str(settings.home), "--json"]
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["names"] == ["round-1", "round-2"]
    assert [one["given_up"] for one in told["jobs"] if one["id"] == job_id] == [True]
    assert main(asked) == 2
    assert capsys.readouterr().err == f"error: Job {job_id} was given up already.\n"
    assert rounds_params(settings, project, rounds=2)["name"] == "round"


@pytest.mark.parametrize("kind", ["exam", "evaluate", "collect"])
def test_a_job_without_names_is_none_to_give_up(settings: Settings, kind: str) -> None:
    store = connect(settings.database)
    job_id = jobs.add(store, kind, {}, None)
    jobs.end(store, job_id, "failed", error="It failed.")
    assert not may_give_up(job_of(settings, job_id))
    with pytest.raises(BadInput, match="keeps no checkpoint's name"):
        give_up(settings, job_id)
    with pytest.raises(BadInput, match="no job 99"):
        give_up(settings, 99)
