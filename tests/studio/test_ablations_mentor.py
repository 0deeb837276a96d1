"""An ablation of the mentor: what its runs learn from and with, and what it needs."""

from pathlib import Path
from typing import Any

import pytest

from db import jobs
from db.projects import Project
from db.store import connect
from fair_app.cli.ablating import mentors as mentors_given
from fair_app.curation.training_set import MIXED, WITH_MENTOR
from fair_app.errors import BadInput
from fair_app.evaluation.ablation import MENTORS, Factors
from fair_app.settings import Settings
from fair_app.studio.ablations import Plan, Wanted, ablation_params, plan
from fair_app.studio.mentor import choose_mentor
from fair_app.studio.mentor_kd import import_mentor_kd
from fair_app.studio.training_pace import tokens_a_question, training_pace
from fair_app.training.settings import SOFT_WEIGHT
from tests.browser.taught import taught
from tests.studio.mentor_files import row, written
from tests.training.tiny_home import tiny_home

GIVEN: dict[str, Any] = {"quantization": "none", "max_steps": 3, "lora_rank": 2}
EACH = Factors(mentor=MENTORS[1:])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_home(tmp_path)


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Project:
    """A project whose mentor has written two right rationales, which a file has."""
    found = taught(settings)
    path = written(
        tmp_path,
        "theirs.json",
        [row(1), row(1, chain="One and one are 2."), row(3, completion="7")],
    )
    import_mentor_kd(settings, found.name, found.task, augmentations=path)
    return found


def wanted(settings: Settings, factors: Factors = EACH, **given: Any) -> Wanted:
    tiny = str((settings.home or Path()) / "tiny")
    test = {"limit": 4, "max_new_tokens": 8}
    return Wanted(factors, student=tiny, given={**GIVEN, **given}, test=test)


def by_arm(found: Plan) -> dict[str, Any]:
    return {run.arm.mentor: run for run in found.runs}


def test_each_arm_learns_from_what_it_says(settings: Settings, project: Project) -> None:
    tiny = str((settings.home or Path()) / "tiny")
    found = by_arm(plan(settings, project, "try", wanted(settings, mentor=tiny, tau=3.0)))
    assert list(found) == list(MENTORS)
    for name, run in found.items():
        authors = {text.teacher for one in run.questions for text in one.rationales}
        assert ("mentor" in authors) == (name in ("rationales", "all"))
        assert run.settings.mentor == (tiny if name in ("soft", "all") else None)
        assert run.settings.soft_weight == (SOFT_WEIGHT if name in ("soft", "all") else 0)
        assert run.settings.tau == 3.0
    assert found["none"].questions == found["soft"].questions
    mentors = [
        text
        for one in found["all"].questions
        for text in one.rationales
        if text.teacher == "mentor"
    ]
    assert len(mentors) == 2


def test_the_lineage_says_what_was_learned_from(settings: Settings, project: Project) -> None:
    params = ablation_params(
        settings, project, name="try", wanted=wanted(settings, Factors(mentor=("rationales",)))
    )
    origins = [run["origin"] for run in params["runs"].values()]
    assert [one["teacher"] for one in origins] == [MIXED, WITH_MENTOR]
    assert [one["ablation"]["mentor"] for one in origins] == ["none", "rationales"]
    assert [one["name"] for one in origins[1]["teachers"]][-1] == "mentor"


def test_the_projects_mentor_gives_the_soft_labels(settings: Settings) -> None:
    project = taught(settings)
    with pytest.raises(BadInput, match="no mentor whose soft labels"):
        plan(settings, project, "try", wanted(settings, Factors(mentor=("soft",))))
    tiny = str((settings.home or Path()) / "tiny")
    choose_mentor(settings, project, tiny)
    given = wanted(settings, Factors(mentor=("soft",)), soft_weight=0.7)
    found = by_arm(plan(settings, project, "try", given))
    assert found["soft"].settings.mentor == str(Path(tiny).resolve())
    assert found["soft"].settings.soft_weight == 0.7
    assert found["none"].settings.soft_weight == 0


def test_the_time_it_takes_has_the_mentors_work_in_it(settings: Settings, project: Project) -> None:
    tiny = str((settings.home or Path()) / "tiny")
    soft = Factors(mentor=("soft",))
    store = connect(settings.database)
    base = plan(settings, project, "try", wanted(settings, soft, mentor=tiny)).student.base
    job = jobs.add(store, "train", {"student": base}, project.id)
    jobs.add_metrics(store, job, 1, {"tokens_per_second": 100.0})
    found = plan(settings, project, "try", wanted(settings, soft, mentor=tiny))
    pace = training_pace(settings, base)
    assert pace is not None
    alone, taught_too = (
        pace.seconds(one.settings, len(one.questions), tokens_a_question(one.questions))
        for one in found.runs
    )
    assert alone is not None and taught_too is not None
    assert alone < taught_too < 2 * alone
    assert found.cost.run_seconds == pytest.approx((alone + taught_too) / 2)
    # what a mentor on the hub takes, nobody knows before it is here
    unknown = plan(settings, project, "try", wanted(settings, soft, mentor="owner/larger"))
    assert unknown.cost.run_seconds is None


def test_soft_labels_that_are_given_are_of_the_projects_setting(
    settings: Settings, project: Project
) -> None:
    tiny = str((settings.home or Path()) / "tiny")
    found = plan(settings, project, "try", wanted(settings, Factors(alphas=(0.0,)), mentor=tiny))
    assert found.base.mentor == "soft"
    assert {run.settings.mentor for run in found.runs} == {tiny}


def test_a_mentor_out_of_a_file_gives_no_soft_labels(settings: Settings, project: Project) -> None:
    with pytest.raises(BadInput, match="no mentor whose soft labels"):
        plan(settings, project, "try", wanted(settings, Factors(mentor=("soft",))))
    found = by_arm(
        plan(settings, project, "try", wanted(settings, Factors(mentor=("rationales",))))
    )
    assert [run.settings.mentor for run in found.values()] == [None, None]


def test_without_a_mentor_that_wrote_there_is_no_such_arm(settings: Settings) -> None:
    project = taught(settings)
    with pytest.raises(BadInput, match="has written anything yet"):
        plan(settings, project, "try", wanted(settings, Factors(mentor=("rationales",))))


def test_the_command_reads_a_list() -> None:
    assert mentors_given("rationales,all") == ("rationales", "all")
    with pytest.raises(Exception, match="is not a list of rationales, soft, all"):
        mentors_given("none")
