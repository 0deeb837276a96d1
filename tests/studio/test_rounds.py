"""Rounds as their rows tell them: the course, its cost and plan, and the exam that is taught."""

from dataclasses import replace
from pathlib import Path

import pytest

from db import exams, jobs, projects
from db.store import connect
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.rounds import changes, course, newest_course, rounds_params, teach_from, told
from fair_app.studio.rounds_plan import rounds_plan
from fair_app.studio.training import check_name, training_questions
from fair_app.studio.training_pace import tokens_a_question, training_pace
from fair_app.training.settings import chosen_settings
from tests.browser.taught import taught
from tests.studio.courses import EXAM, STOPPED, TESTED, again, sat, taught_twice


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_course_is_read_from_the_parts_that_are_done(settings: Settings) -> None:
    project, job_id = taught_twice(settings)
    found = newest_course(settings, project)
    assert found is not None
    assert found.job.id == job_id
    assert found.stopped == STOPPED
    first, second = found.rounds
    assert (first.student, second.student) == ("smollm2-135m", "checkpoint:one")
    assert (first.checkpoint, second.checkpoint) == ("one", "two")
    assert first.calls and second.calls
    assert (first.calls.asked, first.calls.standing, first.calls.needed) == (48, 0, 48)
    assert (second.calls.asked, second.calls.cached, second.calls.standing) == (2, 4, 18)
    result = told(settings, found)
    assert (result["calls"], result["cached"], result["checkpoint"]) == (50, 22, "two")
    assert result["cost_usd"] == pytest.approx(0.5)
    assert result["gain"] == pytest.approx(100 * (result["accuracy"] - result["base"]["accuracy"]))
    assert [one["mistakes"] for one in result["rounds"]] == [4, 2]


def test_a_part_that_is_not_done_is_not_told(settings: Settings) -> None:
    project = sat(settings)
    store = connect(settings.database)
    params = {"rounds": 2, "student": project.student}
    job_id = jobs.add(store, "rounds", params, project.id)
    job = jobs.get(store, job_id)
    assert job is not None
    assert course(settings, job).rounds == []
    jobs.add_child(store, job, "first test", "evaluate", {"student": project.student})
    jobs.add_child(store, job, "round 1 exam", "exam", {"student": project.student})
    found = course(settings, job)
    assert found.base is None
    assert [(one.number, one.exam, one.test) for one in found.rounds] == [(1, None, None)]
    assert told(settings, found)["accuracy"] is None


def test_tests_are_compared_on_the_items_that_they_had(settings: Settings) -> None:
    project, _ = taught_twice(settings)
    found = newest_course(settings, project)
    assert found is not None
    assert found.base is not None
    before = changes(settings, found)
    assert all(one.p_value <= one.p_holm <= 1 for one in before.values())
    store = connect(settings.database)
    more = exams.question_ids(store, project.exam_id or 0)
    exams.extend(store, found.base.id, more, exams.get(store, found.base.id).settings)
    assert exams.counts(store, found.base.id).questions == TESTED + len(more)
    assert changes(settings, found) == before, "items that came later stand behind"


def test_scores_are_by_the_grades_in_force(settings: Settings) -> None:
    project, _ = taught_twice(settings)
    before = newest_course(settings, project)
    assert before is not None
    first, second = before.rounds
    assert first.exam and first.test and second.exam
    (wrong, *_) = exams.answers(connect(settings.database), first.exam.id, "wrong")
    deciding.override_grade(settings, project, wrong.id, True, actor="ann")
    (tested, *_) = exams.answers(connect(settings.database), first.test.id, "wrong")
    exams.set_grade(connect(settings.database), tested.id, True)
    now = newest_course(settings, project)
    assert now is not None
    assert now.rounds[0].exam == replace(first.exam, correct=first.exam.correct + 1)
    assert now.rounds[0].test == replace(first.test, correct=first.test.correct + 1)
    assert now.rounds[1].exam == second.exam
    assert told(settings, now)["rounds"][0]["mistakes"] == 3


def test_an_earlier_round_is_taken_back_to_the_review_room(settings: Settings) -> None:
    project, _ = taught_twice(settings)
    found = newest_course(settings, project)
    assert found is not None
    assert found.base is not None
    last = found.rounds[1].exam
    assert last is not None
    teach_from(settings, project, last.id)
    now = projects.get(connect(settings.database), project.id)
    assert (now.exam_id, now.student) == (last.id, "checkpoint:one")
    with pytest.raises(BadInput, match="no exam"):
        teach_from(settings, now, found.base.id)
    other = sat(settings)
    with pytest.raises(BadInput, match="no exam"):
        teach_from(settings, now, other.exam_id or 0)


def test_what_is_not_given_is_as_it_was(settings: Settings) -> None:
    project = sat(settings)
    store = connect(settings.database)
    projects.set_budget(store, project.id, 1.5)
    params = rounds_params(settings, projects.get(store, project.id), rounds=2)
    assert params["budget_usd"] == 1.5
    assert params["exam"]["limit"] == 5
    assert params["test"]["limit"] == 150
    assert (params["test"]["split"], params["name"]) == ("test", "round")
    newest = {**params["test"], "limit": 77, "rows": str(settings.database)}
    jobs.add(store, "evaluate", newest, project.id)
    (settings.checkpoints / "round-2").mkdir(parents=True)
    again_params = rounds_params(settings, project, rounds=2, exam_limit=3)
    assert (again_params["test"]["limit"], again_params["exam"]["limit"]) == (77, 3)
    assert again_params["test"]["rows"] == str(settings.database)
    assert again_params["name"] == "round2", "all of a course's names are free"


def test_a_test_on_what_is_learned_from_is_not_taken_for_the_rounds(settings: Settings) -> None:
    project = sat(settings)
    store = connect(settings.database)
    test = rounds_params(settings, project, rounds=1)["test"]
    jobs.add(store, "evaluate", {**test, "limit": 9}, project.id)
    jobs.add(store, "evaluate", {**test, "split": "train", "limit": 7}, project.id)
    found = rounds_params(settings, project, rounds=1)["test"]
    assert (found["split"], found["limit"]) == ("test", 9)


def test_the_names_of_rounds_are_taken_until_they_are_done(settings: Settings) -> None:
    one, other = sat(settings), sat(settings)
    store = connect(settings.database)
    params = rounds_params(settings, one, rounds=3)
    job = jobs.add(store, "rounds", params, one.id)
    assert rounds_params(settings, other, rounds=1)["name"] == "round2"
    with pytest.raises(BadInput, match="'round-3' is taken"):
        check_name(settings, "round-3")
    jobs.end(store, job, "succeeded", result={})
    check_name(settings, "round-3")


def test_the_plan_counts_the_first_round_and_estimates_the_others(settings: Settings) -> None:
    project = sat(settings)
    known = rounds_plan(settings, project, rounds_params(settings, project, rounds=3))
    assert (known.known, known.mistakes, known.first_calls) == (True, 4, (48, 48))
    assert known.later_calls == (2 * 12, 2 * 48)
    assert known.cost_usd == (0, 0)
    guessed = rounds_plan(
        settings, project, rounds_params(settings, project, rounds=1, exam_limit=10)
    )
    assert (guessed.known, guessed.mistakes, guessed.first_calls) == (False, 8, (24, 96))
    assert guessed.later_calls == (0, 0)
    assert guessed.seconds["exam"] is None, "nobody has answered anything here yet"


def test_training_takes_as_long_as_an_ablation_says(settings: Settings) -> None:
    """One reckoning: of a project that is taught, and of one whose texts are still to come."""
    store = connect(settings.database)
    project = sat(settings)
    params = rounds_params(settings, project, rounds=2, settings_given={"max_steps": 3})
    assert rounds_plan(settings, project, params).seconds["training"] is None
    asked = {"student": project.student, "settings": {"batch_size": 4}, "name": "x"}
    train = jobs.add(store, "train", asked, project.id)
    jobs.add_metrics(store, train, 1, {"tokens_per_second": 50.0})
    jobs.end(store, train, "succeeded", result={"steps": 10, "seconds": 8.0})
    pace = training_pace(settings, project.student)
    assert pace is not None
    assert (pace.seconds_a_token, pace.tokens_a_question) == (0.02, 10.0)
    chosen = chosen_settings(params["training"]["preset"], {"max_steps": 3})
    found = rounds_plan(settings, project, params).seconds["training"]
    assert found == pytest.approx(2 * pace.seconds(chosen, 4, 10.0))
    taught_project = taught(settings)
    curated = training_questions(settings, taught_project)
    job = jobs.add(store, "exam", {**EXAM, "student": project.student}, taught_project.id)
    jobs.end(store, job, "succeeded", result={"exam": taught_project.exam_id})
    params = rounds_params(settings, taught_project, rounds=1)
    chosen = chosen_settings(params["training"]["preset"], {})
    one = pace.seconds(chosen, len(curated), tokens_a_question(curated))
    found = rounds_plan(settings, taught_project, params).seconds["training"]
    assert found == pytest.approx(one)


def test_an_exam_from_a_file_needs_a_file_for_the_test(settings: Settings, tmp_path: Path) -> None:
    project = sat(settings)
    store = connect(settings.database)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n")
    asked = jobs.latest(store, project.id, "exam")
    assert asked is not None
    read = jobs.add(store, "exam", {**asked.params, "rows": str(rows)}, project.id)
    exam_id = again(settings, project, project.student)
    jobs.end(store, read, "succeeded", result={"exam": exam_id})
    projects.set_exam(store, project.id, exam_id, project.student)
    project = projects.get(store, project.id)
    with pytest.raises(BadInput, match="--test-rows"):
        rounds_params(settings, project, rounds=1)
    params = rounds_params(settings, project, rounds=1, test_rows=rows)
    assert params["test"]["rows"] == str(rows)
