"""Ablations of a project: what one would train, how long that takes, and freezing it to be run.

What an arm is stands in `fair_app.evaluation.ablation`; the job in `fair_app.studio.ablating`, and
what came of it in `fair_app.studio.ablation_results`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from db import decisions
from db.jobs import Job
from db.projects import Project
from db.store import connect, reading
from fair_app.curation.acceptance import Rule
from fair_app.curation.training_set import MIXED, Selection, random_set, training_set
from fair_app.errors import BadInput
from fair_app.evaluation.ablation import (
    MOST_RUNS,
    NONE,
    SOFT,
    Arm,
    Design,
    Factors,
    alpha_of,
    changed,
    design,
    factor,
    names,
    title,
)
from fair_app.settings import Settings
from fair_app.student.check import size
from fair_app.student.registry import StudentRef
from fair_app.studio.ablation_cost import Cost, check_disk, cost
from fair_app.studio.ablation_results import ablations
from fair_app.studio.exams import exam_params
from fair_app.studio.leakage import why_no_fair_test
from fair_app.studio.mentor import mentor_of
from fair_app.studio.mentor_kd import IMPORTED
from fair_app.studio.review import rule_of
from fair_app.studio.soft_labels import with_mentor
from fair_app.studio.training import check_name, student_to_train, train_params
from fair_app.studio.training_material import Material, material
from fair_app.studio.training_start import checked_settings
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.settings import QUICK, SOFT_WEIGHT, TrainingSettings

KIND = "ablation"
NAME = "ablation"
OWN = ("alpha", "seed", "mentor", "soft_weight")
"""The settings that are each run's own."""
TEST_QUESTIONS = 150


@dataclass(frozen=True)
class Wanted:
    """What an ablation is asked for.

    `seeds` is how many each arm gets, from the settings' own on. `student`, `preset` and `given`
    are as for a training run; `test` as for an evaluation (`exam_params`), without its student.
    """

    factors: Factors
    seeds: int = 1
    grid: bool = False
    keep_rule: bool = False
    student: str | None = None
    preset: str = QUICK
    given: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One training run of a plan; arms that would learn the same in the same way share it."""

    checkpoint: str
    settings: TrainingSettings
    questions: Sequence[TrainingQuestion]
    arm: Arm


@dataclass(frozen=True)
class PlannedArm:
    """An arm: what it learns from (with its first seed), and its checkpoints, one a seed.

    `problem` says why nothing can be trained, and there are no checkpoints then.
    """

    title: str
    factor: str
    changes: dict[str, Any]
    questions: int
    rationales: int
    feedback: int
    checkpoints: list[str]
    problem: str | None


@dataclass(frozen=True)
class Plan:
    """An ablation before it starts. `warning`: why its tests would not tell what they seem to."""

    arms: list[PlannedArm]
    seeds: list[int]
    cost: Cost
    student: StudentRef
    runs: list[Run]
    base: Arm
    warning: str | None


def plan(settings: Settings, project: Project, name: str, wanted: Wanted) -> Plan:
    """The arms and runs of an ablation, and what they take. Starts and writes nothing.

    Raises BadInput as a training run and an evaluation would, for what `design` refuses, and when
    no arm has anything to learn from.
    """
    ref = student_to_train(settings, project, wanted.student)
    chosen = checked_settings(ref, wanted.preset, _given(settings, project, wanted))
    if wanted.seeds < 1:
        raise BadInput("The number of seeds must be 1 or more.")
    if wanted.seeds > MOST_RUNS:  # before so many are listed
        raise BadInput(f"{wanted.seeds:,} seeds are more than {MOST_RUNS} runs: take fewer.")
    rule = rule_of(project)
    found = design(
        base_of(rule, chosen, wanted.factors),
        wanted.factors,
        seeds=[chosen.seed + place for place in range(wanted.seeds)],
        grid=wanted.grid,
        keep_rule=wanted.keep_rule,
    )
    called = names(name, found)
    plain = replace(chosen, mentor=None, soft_weight=0.0)
    soft_settings = _soft_settings(settings, project, ref, found, chosen)
    source = material(settings, project)
    runs: dict[tuple[str, float, int, bool], Run] = {}
    arms = []
    for arm in found.arms:
        own: list[Run] = []
        questions: Sequence[TrainingQuestion]
        problem = None
        for seed in found.seeds:
            try:
                questions = (
                    own[0].questions  # only what is drawn at random is another with each seed
                    if own and arm.peer_review
                    else learned_from(source, rule, arm, seed, keep_rule=found.keep_rule)
                )
            except BadInput as fault:
                if arm.teacher not in (*source.board.teachers, MIXED):
                    raise
                problem = str(fault)
                break
            settings_of_run = replace(
                soft_settings if arm.soft else plain, alpha=alpha_of(arm), seed=seed
            )
            key = (examples_hash(questions), settings_of_run.alpha, seed, arm.soft)
            run = Run(called[arm, seed], settings_of_run, questions, arm)
            own.append(runs.setdefault(key, run))
        arms.append(_planned(arm, found, own, problem))
    if not runs:
        raise BadInput(f"No arm has anything to learn from. {arms[0].problem}")
    test = test_params(settings, project, wanted)
    return Plan(
        arms=arms,
        seeds=list(found.seeds),
        cost=cost(settings, project, ref, list(runs.values()), test),
        student=ref,
        runs=list(runs.values()),
        base=found.base,
        warning=why_no_fair_test(settings, project, test),
    )


def ablation_params(
    settings: Settings, project: Project, *, name: str, wanted: Wanted
) -> dict[str, Any]:
    """Freeze the training sets of an ablation and return the parameters of its job, checked.

    What is decided later changes nothing of it. Raises BadInput as `plan` does, for names that are
    taken or unfit, and when the disk has no room for the checkpoints.
    """
    with reading(connect(settings.database)):  # lineages speak of the moment that texts are of
        return _frozen(settings, project, name, wanted)


def _frozen(settings: Settings, project: Project, name: str, wanted: Wanted) -> dict[str, Any]:
    made = plan(settings, project, name, wanted)
    check_disk(settings, made.cost)
    for run in made.runs:
        check_name(settings, run.checkpoint)
    test = test_params(settings, project, wanted)
    revision = decisions.revision(connect(settings.database), project.id)
    runs = {}
    for run in made.runs:
        told = {
            **_rule_told(rule_for(rule_of(project), run.arm)),
            "teacher": run.arm.author,
            "keep_rule": wanted.keep_rule,
            "decisions": revision if run.arm.decisions else 0,
            "ablation": {"name": name, "arm": title(run.arm, made.base), **asdict(run.arm)},
        }
        runs[run.checkpoint] = train_params(
            settings,
            project,
            name=run.checkpoint,
            student=made.student.ref,
            teacher=run.arm.author,
            preset=wanted.preset,
            settings_given={
                **wanted.given,
                **{name: getattr(run.settings, name) for name in OWN},
            },
            questions=run.questions,
            told=told,
        )
    return {
        "name": name,
        "student": made.student.ref,
        "seeds": made.seeds,
        "arms": [asdict(one) for one in made.arms],
        "runs": runs,
        "test": test,
        "seconds": {"run": made.cost.run_seconds, "test": made.cost.test_seconds},
        "warning": made.warning,
        "asked": {
            "factors": asdict(wanted.factors),
            "grid": wanted.grid,
            "keep_rule": wanted.keep_rule,
            "student": wanted.student,
            "given": dict(wanted.given),
        },
    }


def interrupted_ablation(settings: Settings, project: Project, name: str) -> Job:
    """The newest ablation of this name that can be resumed. Raises BadInput when there is none."""
    for job in ablations(settings, project):
        if job.params["name"] == name and job.resumable:
            return job
    raise BadInput(f"No ablation '{name}' was interrupted: start it without --resume.")


def base_of(rule: Rule, chosen: TrainingSettings, factors: Factors | None = None) -> Arm:
    """The arm that changes nothing about a project's rule and a run's settings.

    Where the mentor is what is tried, it is the run without one.
    """
    soft = chosen.has_soft_labels and not (factors and factors.mentor)
    return Arm(
        threshold=None if rule.per_teacher else rule.threshold,
        alpha=chosen.alpha,
        answer_check=rule.answer_check,
        mentor=SOFT if soft else NONE,
    )


def rule_for(rule: Rule, arm: Arm) -> Rule:
    """The acceptance rule of an arm; a threshold of its own is every teacher's."""
    if arm.threshold is not None:
        rule = replace(rule, threshold=arm.threshold, per_teacher={})
    return replace(rule, answer_check=arm.answer_check)


def learned_from(
    source: Material, rule: Rule, arm: Arm, seed: int, *, keep_rule: bool
) -> list[TrainingQuestion]:
    """What an arm learns from with a seed. Raises BadInput when that is nothing."""
    given: dict[str, Any] = {
        "rationales": source.board.rows,
        "texts": source.texts,
        "rule": rule_for(rule, arm),
        "feedback": source.feedback,
        "states": source.board.states if arm.decisions else {},
        "selection": Selection(arm.author, keep_rule, with_feedback=arm.feedback),
    }
    rows = training_set(**given) if arm.peer_review else random_set(**given, seed=seed)
    return source.examples(rows)


def test_params(settings: Settings, project: Project, wanted: Wanted) -> dict[str, Any]:
    """The parameters of the test that every student sits, but for the student. Raises BadInput."""
    asked = {"split": "test", **wanted.test}
    params = exam_params(settings, student="smollm2-135m", task=project.task, **asked)
    del params["student"]
    return params


def plan_in_words(made: Plan) -> str:
    """What a plan takes, in a few sentences."""
    arms = [one for one in made.arms if one.problem is None]
    several = f" with {len(made.seeds)} seeds" if len(made.seeds) > 1 else ""
    shared = len(arms) * len(made.seeds) - len(made.runs)
    same = f" ({shared} would learn the same as another and are trained once)" if shared else ""
    return (
        f"{len(arms)} arms{several}: {_many(len(made.runs), 'training run')}{same}, "
        f"{made.cost.steps:,} steps in all, then {_many(made.cost.tests, 'test')} of "
        f"{made.cost.questions or 'all the'} questions. {how_long(made.cost.seconds)} "
        f"{_size(made.cost.disk_bytes)}"
    )


def how_long(seconds: float | None) -> str:
    """A span of time as one plans by it."""
    if seconds is None:
        return "How long it takes is known after a first run and a first test on this machine."
    if seconds < 90:
        return "About a minute."
    if seconds < 90 * 60:
        return f"About {round(seconds / 60)} min."
    hours = seconds / 3600
    if hours < 4:
        return f"About {hours:.1f} h."
    if hours < 16:
        return f"About {round(hours)} h: overnight."
    if hours <= 24:
        return f"About {round(hours)} h: a day."
    return f"About {round(hours)} h: {math.ceil(hours / 24)} days."


def _given(settings: Settings, project: Project, wanted: Wanted) -> Mapping[str, Any]:
    """The settings that are given; where the mentor is tried, the project's unless one is.

    A mentor of which only a file is known has no soft labels.
    """
    standing = mentor_of(settings, project) if wanted.factors.mentor else None
    if standing is None or wanted.given.get("mentor") or standing.ref.startswith(IMPORTED):
        return wanted.given
    return {**wanted.given, "mentor": standing.ref}


def _soft_settings(
    settings: Settings,
    project: Project,
    ref: StudentRef,
    found: Design,
    chosen: TrainingSettings,
) -> TrainingSettings:
    """The settings of the runs that learn from soft labels. Raises BadInput where an arm needs a
    mentor that is not there, has written nothing, or cannot give this student soft labels."""
    adds = any(arm.author != arm.teacher for arm in found.arms)
    standing = mentor_of(settings, project) if adds else None
    if adds and (standing is None or not standing.rationales):
        raise BadInput(
            f"No mentor of {project.name} has written anything yet: choose one, test it, and let "
            "it write (`mentor`, `evaluate`, `augment`)."
        )
    if not any(arm.soft for arm in found.arms):
        return chosen
    if chosen.mentor is None:
        raise BadInput(
            f"{project.name} has no mentor whose soft labels could be learned from: choose one "
            "(`mentor`), or name one with the training's settings."
        )
    soft = replace(chosen, soft_weight=chosen.soft_weight or SOFT_WEIGHT)
    return with_mentor(settings, ref, soft)


def _planned(arm: Arm, found: Design, runs: Sequence[Run], problem: str | None) -> PlannedArm:
    questions = runs[0].questions if runs and not problem else []
    return PlannedArm(
        title=title(arm, found.base),
        factor=factor(arm, found.base),
        changes=changed(arm, found.base),
        questions=len(questions),
        rationales=sum(len(one.rationales) for one in questions),
        feedback=sum(len(one.feedback) for one in questions),
        checkpoints=[] if problem else [run.checkpoint for run in runs],
        problem=problem,
    )


def _rule_told(rule: Rule) -> dict[str, Any]:
    """A rule as a lineage says it."""
    values = asdict(rule)
    return {"threshold": values.pop("threshold"), "rule": values}


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _size(number: int | None) -> str:
    if number is None:
        return ""
    return f"The checkpoints take about {size(number)} of disk."
