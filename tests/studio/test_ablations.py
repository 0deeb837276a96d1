"""Ablations before they start and as they come: what arms learn from, time, what is shown."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db import exams, jobs, projects
from db.projects import Project
from db.store import connect
from fair_app.curation.acceptance import Rule
from fair_app.errors import BadInput, WorkFailed
from fair_app.evaluation.ablation import Arm, Factors
from fair_app.jobs import queue
from fair_app.jobs.context import JobContext
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio import ablating, ablation_cost, deciding, review
from fair_app.studio.ablating import parts_of
from fair_app.studio.ablation_results import (
    STUDENT_TEST,
    as_json,
    results,
)
from fair_app.studio.ablations import (
    Wanted,
    ablation_params,
    base_of,
    how_long,
    learned_from,
    plan,
    plan_in_words,
    rule_for,
)
from fair_app.studio.board import board
from fair_app.studio.training import check_name, train_params, training_questions
from fair_app.studio.training_material import material
from fair_app.studio.training_pace import steps_of, tokens_a_question
from fair_app.tasks.base import Question
from fair_app.training.examples import examples_hash
from fair_app.training.frozen import thaw, work_folder
from fair_app.training.settings import TrainingSettings
from tests.browser.taught import TEACHERS, taught
from tests.studio.ablated import answered, tried
from tests.training.tiny_home import tiny, tiny_home

GIVEN: dict[str, Any] = {"quantization": "none", "max_steps": 3, "lora_rank": 2}
BASE = Arm(threshold=3.0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_home(tmp_path)


@pytest.fixture
def project(settings: Settings) -> Project:
    return taught(settings)


def wanted(settings: Settings, factors: Factors, **other: Any) -> Wanted:
    test = {"limit": 4, "max_new_tokens": 8}
    return Wanted(factors, student=tiny(settings), given=GIVEN, test=test, **other)


def learned(settings: Settings, project: Project, arm: Arm, seed: int = 1, **how: bool) -> Any:
    """An arm's rationales by question, as (question, teacher) pairs, and its examples."""
    source = material(settings, project)
    found = learned_from(source, review.rule_of(project), arm, seed, **{"keep_rule": False, **how})
    return [(one.question_id, text.teacher) for one in found for text in one.rationales], found


def test_the_base_learns_what_a_run_of_the_project_would(
    settings: Settings, project: Project
) -> None:
    decide(settings, project, [board(settings, project).rows[2].id], "accept")
    _, found = learned(settings, project, BASE)
    assert examples_hash(found) == examples_hash(training_questions(settings, project))


def test_thresholds_teachers_and_conditions(settings: Settings, project: Project) -> None:
    every, _ = learned(settings, project, replace(BASE, threshold=0.0))
    base, _ = learned(settings, project, BASE)
    high, _ = learned(settings, project, replace(BASE, threshold=4.5))
    assert len(high) < len(base) < len(every)
    for name in TEACHERS:
        own, found = learned(settings, project, replace(BASE, teacher=name))
        assert {teacher for _, teacher in own} == {name}
        assert len(own) == 5  # whatever its scores
        assert all(text.teacher == name for one in found for text in one.feedback)
    kept, _ = learned(settings, project, replace(BASE, teacher="ada"), keep_rule=True)
    assert set(kept) == {pair for pair in base if pair[1] == "ada"}
    checked, _ = learned(settings, project, replace(BASE, answer_check=True))
    wrong = {
        (row.question_id, row.teacher)
        for row in board(settings, project).rows
        if row.final_correct is not True
    }
    assert set(checked) == set(base) - wrong
    alone, found = learned(settings, project, replace(BASE, feedback=False))
    assert alone == base
    assert not any(one.feedback for one in found)


def test_random_rationales_are_as_many_and_follow_the_seed(
    settings: Settings, project: Project
) -> None:
    arm = replace(BASE, peer_review=False)
    base, _ = learned(settings, project, BASE)
    draws = [learned(settings, project, arm, seed)[0] for seed in range(12)]
    assert {len(draw) for draw in draws} == {len(base)}
    assert len({tuple(draw) for draw in draws}) > 1
    assert learned(settings, project, arm, 3)[0] == draws[3]
    # some draw holds what peer review rejected
    assert any(set(draw) - set(base) for draw in draws)


def test_without_decisions_the_rule_alone_says(settings: Settings, project: Project) -> None:
    base, _ = learned(settings, project, BASE)
    row = next(
        row for row in board(settings, project).rows if (row.question_id, row.teacher) in base
    )
    decide(settings, project, [row.id], "reject")
    now, _ = learned(settings, project, BASE)
    assert set(base) - set(now) == {(row.question_id, row.teacher)}
    assert learned(settings, project, replace(BASE, decisions=False))[0] == base
    drawn = [learned(settings, project, replace(BASE, peer_review=False), n)[0] for n in range(9)]
    assert not any((row.question_id, row.teacher) in draw for draw in drawn)


def decide(settings: Settings, project: Project, rationales: list[int], action: str) -> None:
    assert deciding.decide_all(settings, project, rationales, action, actor="ann")


def test_what_is_decided_later_changes_nothing(settings: Settings, project: Project) -> None:
    factors = Factors(thresholds=(0.0,), without_decisions=True)
    params = ablation_params(settings, project, name="abl", wanted=wanted(settings, factors))
    # nobody decided anything: the third arm learns the same as the first, and is trained once
    assert list(params["runs"]) == ["abl-base", "abl-threshold-0"]
    assert [one["checkpoints"] for one in params["arms"]] == [
        ["abl-base"],
        ["abl-threshold-0"],
        ["abl-base"],
    ]
    decide(settings, project, [row.id for row in board(settings, project).rows], "reject")
    projects.set_rule(connect(settings.database), project.id, 5.0, {})
    for name, asked in params["runs"].items():
        frozen = thaw(work_folder(settings.checkpoints, name))
        assert examples_hash(frozen) == asked["data_sha256"]
    told = params["runs"]["abl-threshold-0"]["origin"]
    assert (told["threshold"], told["ablation"]["arm"]) == (0.0, "threshold 0")
    assert told["exam"] == project.exam_id


def test_its_names_are_taken_until_it_is_done(settings: Settings, project: Project) -> None:
    asked = wanted(settings, Factors(alphas=(0.0,)))
    params = ablation_params(settings, project, name="abl", wanted=asked)
    job = queue.submit(settings, "ablation", params, project)
    for again in (
        lambda: check_name(settings, "abl-alpha-0"),
        lambda: train_params(settings, project, name="abl-base"),
        lambda: ablation_params(settings, project, name="abl", wanted=asked),
    ):
        with pytest.raises(BadInput, match="is taken"):
            again()
    keys = [part.key for part in parts_of(params)]
    assert keys == [
        STUDENT_TEST,
        *("train abl-base", "test abl-base", "train abl-alpha-0", "test abl-alpha-0"),
    ]
    queue.cancel(settings, job)


def test_an_arm_with_nothing_to_learn_from_is_said_and_left_out(
    settings: Settings, project: Project
) -> None:
    found = plan(settings, project, "abl", wanted(settings, Factors(thresholds=(5.0, 0.0))))
    assert [one.problem is None for one in found.arms] == [True, False, True]
    assert "No rationale" in (found.arms[1].problem or "")
    assert (found.cost.runs, found.cost.tests) == (2, 3)
    projects.set_rule(connect(settings.database), project.id, 5.0, {})
    with pytest.raises(BadInput, match="No arm has anything to learn from"):
        plan(
            settings,
            projects.get(connect(settings.database), project.id),
            "abl",
            wanted(settings, Factors(alphas=(0.0,))),
        )


@pytest.mark.parametrize(
    ("factors", "other", "complaint"),
    [
        (Factors(teachers=("zoe",)), {}, "no teacher 'zoe'"),
        (Factors(alphas=(0.0,)), {"seeds": 0}, "number of seeds"),
        (Factors(alphas=(0.0,)), {"preset": "none"}, "no preset"),
    ],
)
def test_bad_input_is_one_sentence(
    settings: Settings, project: Project, factors: Factors, other: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        plan(settings, project, "abl", wanted(settings, factors, **other))


def test_a_test_on_what_is_learned_from_is_warned_of(settings: Settings, project: Project) -> None:
    asked = wanted(settings, Factors(alphas=(0.0,)))
    assert plan(settings, project, "abl", asked).warning is None
    taught_split = replace(asked, test={**asked.test, "split": "train"})
    warning = plan(settings, project, "abl", taught_split).warning
    assert warning is not None
    assert "the train split, which the exam was on too" in warning
    params = ablation_params(settings, project, name="abl", wanted=taught_split)
    assert params["warning"] == warning
    own = settings.database.with_suffix(".jsonl")
    own.write_text("{}\n")
    elsewhere = replace(asked, test={**taught_split.test, "rows": own})
    assert plan(settings, project, "other", elsewhere).warning is None, "the exam read no file"


def test_a_name_that_no_checkpoint_can_have_is_refused(
    settings: Settings, project: Project
) -> None:
    asked = wanted(settings, Factors(alphas=(0.0,)))
    with pytest.raises(BadInput, match="cannot be a checkpoint's name"):
        ablation_params(settings, project, name="a/b", wanted=asked)


def test_time_and_disk_follow_from_what_was_measured_here(
    settings: Settings, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = wanted(settings, Factors(alphas=(0.0, 1.0)), seeds=2)
    before = plan(settings, project, "abl", asked)
    assert before.cost.seconds is None
    assert "known after a first run" in plan_in_words(before)
    store = connect(settings.database)
    ref = before.student.base
    train = jobs.add(store, "train", {"name": "x", "student": ref}, project.id)
    jobs.add_metrics(store, train, 1, {"tokens_per_second": 100.0})
    answered(settings, project, ref, [True] * 4, seconds=8.0)
    found = plan(settings, project, "abl", asked)
    run = found.runs[0]
    tokens = 2 * 5 * tokens_a_question(run.questions)
    assert found.cost.run_seconds == pytest.approx(tokens / 100)
    assert found.cost.test_seconds == pytest.approx(2.0 * 4)
    assert found.cost.seconds == pytest.approx(6 * tokens / 100 + 7 * 8)
    assert "3 arms with 2 seeds: 6 training runs, 12 steps in all" in plan_in_words(found)
    monkeypatch.setattr(ablation_cost.shutil, "disk_usage", lambda _: type("", (), {"free": 9}))
    with pytest.raises(BadInput, match="the disk has"):
        ablation_params(settings, project, name="abl", wanted=asked)


def test_steps_are_those_of_the_run() -> None:
    run = TrainingSettings(epochs=3, batch_size=4)
    assert steps_of(run, 9) == 9
    assert steps_of(replace(run, validation_share=0.5), 9) == 6
    assert steps_of(replace(run, max_steps=2), 9) == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "known after a first run"),
        (10, "About a minute."),
        (1500, "About 25 min."),
        (9000, "About 2.5 h."),
        (7 * 3600, "About 7 h: overnight."),
        (30 * 3600, "About 30 h: 2 days."),
    ],
)
def test_a_span_of_time_is_said_as_one_plans_by_it(seconds: float | None, words: str) -> None:
    assert words in how_long(seconds)


def test_results_so_far_and_means_over_seeds(settings: Settings, project: Project) -> None:
    asked = wanted(settings, Factors(alphas=(0.0, 1.0), without_decisions=True), seeds=2)
    params = ablation_params(settings, project, name="abl", wanted=asked)
    store = connect(settings.database)
    job = jobs.get(store, queue.submit(settings, "ablation", params, project))
    assert job is not None

    begun = results(settings, job)
    assert (begun.score, begun.means) == (None, [])
    assert {row.state for row in begun.rows} == {"waiting"}
    first = tried(
        settings,
        project,
        job,
        [False, False, False, True],
        {
            "abl-base-s731": [True, True, False, True],
            "abl-base-s732": [True, False, False, True],
            "abl-alpha-0-s731": [True, True, True, True],
        },
    )
    found = results(settings, job)

    assert found.score is not None
    assert (found.score.id, found.score.accuracy) == (first, 0.25)
    states = {(row.arm, row.seed): row.state for row in found.rows}
    assert states[0, 731] == states[1, 731] == "done"
    assert states[1, 732] == states[2, 731] == "waiting"
    # without decisions is the base again: shared, and counted once among the corrected
    assert states[3, 732] == "done"
    rows = {(row.arm, row.seed): row for row in found.rows}
    best = rows[1, 731].difference
    assert best is not None
    assert (best.fixed, best.broken, best.p_value) == (3, 0, 0.25)
    assert best.p_holm == pytest.approx(0.75)
    assert rows[3, 731].difference == rows[0, 731].difference
    assert rows[0, 731].to_setting is None
    assert rows[3, 731].to_setting is None
    against = rows[1, 731].to_setting
    assert against is not None
    assert (against.fixed, against.broken) == (1, 0)
    base, alpha, again = found.means
    assert (base.arm, base.seeds, base.accuracy, base.each) == (0, 2, 0.625, (0.75, 0.5))
    assert base.change is not None
    assert base.change.change == pytest.approx(0.375)
    assert (alpha.arm, alpha.seeds, again.arm) == (1, 1, 3)
    assert alpha.to_setting is not None
    assert alpha.to_setting.change == pytest.approx(0.375)
    shown = as_json(found)
    assert shown["seconds"] == 3 * 7.0
    assert [one["arm"] for one in shown["means"]] == [
        "the project's setting",
        "alpha 0",
        "without human decisions",
    ]
    # the student's test by hand with a higher limit puts a question behind those of the ablation
    evaluation = exams.get(store, first)
    more = Question("And more?", "1", "1")
    ids = store_questions(store, project.id, project.task, "test", [more])
    exams.extend(store, first, ids, evaluation.settings)
    assert as_json(results(settings, job)) == shown


def test_a_training_that_fails_keeps_no_other_from_its_turn(
    settings: Settings, project: Project
) -> None:
    asked = wanted(settings, Factors(alphas=(0.0,)))
    params = ablation_params(settings, project, name="abl", wanted=asked)
    store = connect(settings.database)
    job = jobs.get(store, jobs.add(store, "ablation", params, project.id))
    assert job is not None
    tried(settings, project, job, [False] * 4, {"abl-alpha-0": [True] * 4})
    # Of a kind that fails without torch, so that it fails soon.
    jobs.add_child(store, job, "train abl-base", "collect", {"concurrency": "four"})
    with pytest.raises(WorkFailed, match=r"but for 1 of 2 trainings.*Unexpected ValueError"):
        ablating.run(JobContext(settings, job))
    assert jobs.child(store, job.id, "test abl-base") is None
    states = [row.state for row in results(settings, job).rows]
    assert states == ["failed", "done"]


def test_a_threshold_of_an_arm_is_every_teachers() -> None:
    own = Rule(threshold=3.0, per_teacher={"ada": 4.0}, min_scores=2)
    base = base_of(own, TrainingSettings())
    assert rule_for(own, base) == own
    assert rule_for(own, replace(base, threshold=1.0)) == Rule(threshold=1.0, min_scores=2)
