"""How an ablation stands: what came of every run so far, and what its arms show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db import exams, jobs
from db.evaluations import outcomes
from db.jobs import Job
from db.projects import Project
from db.store import connect
from fair_app.evaluation.ablation import THE_SETTING
from fair_app.evaluation.ablation_results import (
    Change,
    Difference,
    Outcomes,
    change_of_means,
    differences,
    mean_over_seeds,
)
from fair_app.evaluation.score import Score
from fair_app.jobs.children import children_of
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT

KIND = "ablation"
STUDENT_TEST = "test the student"


@dataclass(frozen=True)
class Row:
    """One arm with one seed. `state` says how far it is; times in seconds, None before the end.

    `difference` is against the student before training, `to_setting` against the arm that changes
    nothing, with the same seed.
    """

    arm: int
    seed: int
    checkpoint: str | None
    state: str
    steps: int | None
    train_seconds: float | None
    test_seconds: float | None
    score: Score | None
    difference: Difference | None
    to_setting: Difference | None


@dataclass(frozen=True)
class Mean:
    """One arm over its seeds that are tested: the mean accuracy and what it changes."""

    arm: int
    seeds: int
    accuracy: float
    ci95: tuple[float, float]
    each: tuple[float, ...]
    change: Change | None
    to_setting: Change | None


@dataclass(frozen=True)
class Results:
    """An ablation as far as it is. `arms` are those of its plan, in its order."""

    job: Job
    name: str
    student: str
    score: Score | None
    arms: list[dict[str, Any]]
    rows: list[Row]
    means: list[Mean]


def key_of_training(checkpoint: str) -> str:
    """What the training of a run is called among the ablation's parts."""
    return f"train {checkpoint}"


def key_of_test(checkpoint: str) -> str:
    """What the test of a run's checkpoint is called among the ablation's parts."""
    return f"test {checkpoint}"


def ablations(settings: Settings, project: Project) -> list[Job]:
    """A project's ablations, the newest first."""
    store = connect(settings.database)
    mark_orphans(store)
    return jobs.of_kind(store, project.id, KIND)


def results(settings: Settings, job: Job) -> Results:
    """What came of an ablation so far."""
    parts = {part.child_key or "": part for part in children_of(settings, job.id)}
    tested = _tested(settings, parts)
    before = tested.get(STUDENT_TEST)
    arms, seeds = job.params["arms"], job.params["seeds"]
    cells = [
        (place, seed, checkpoint)
        for place, arm in enumerate(arms)
        for seed, checkpoint in zip(seeds, arm["checkpoints"] or [None] * len(seeds), strict=True)
    ]
    after = {
        (place, seed): tested[key_of_test(checkpoint)]
        for place, seed, checkpoint in cells
        if checkpoint and key_of_test(checkpoint) in tested
    }
    # An arm that shares its run with another is no comparison of its own: each run counts once.
    once = {checkpoint: (place, seed) for place, seed, checkpoint in reversed(cells) if checkpoint}
    against = _shared(
        cells, once, differences(dict.fromkeys(after, before) if before else {}, _only(after, once))
    )
    setting = {
        (place, seed): after[0, seed]
        for place, seed, checkpoint in cells
        if (0, seed) in after and checkpoint != arms[0]["checkpoints"][seeds.index(seed)]
    }
    to_setting = _shared(cells, once, differences(setting, _only(after, once)))
    return Results(
        job=job,
        name=job.params["name"],
        student=job.params["student"],
        score=_score(job.params["student"], parts.get(STUDENT_TEST), before),
        arms=arms,
        rows=[
            _row(parts, tested, cell, against.get(cell[:2]), to_setting.get(cell[:2]))
            for cell in cells
        ],
        means=_means(arms, seeds, after, before),
    )


def as_json(found: Results) -> dict[str, Any]:
    """The results as the command line prints them and the job keeps them."""
    return {
        "name": found.name,
        "student": {"student": found.student, **_score_json(found.score)},
        "arms": [_row_json(found, row) for row in found.rows],
        "means": [_mean_json(found, mean) for mean in found.means],
        "seconds": round(
            sum((row.train_seconds or 0) + (row.test_seconds or 0) for row in _runs(found)), 1
        ),
    }


def _runs(found: Results) -> list[Row]:
    """The rows without those that share their run with one before."""
    return list({row.checkpoint: row for row in reversed(found.rows) if row.checkpoint}.values())


def _tested(settings: Settings, parts: Mapping[str, Job]) -> dict[str, Outcomes]:
    store = connect(settings.database)
    found: dict[str, Outcomes] = {}
    for key, part in parts.items():
        if part.kind == "evaluate" and part.state == "succeeded" and part.result:
            found[key] = outcomes_of(store, part.result["exam"], part.result["questions"])
    return found


def outcomes_of(store: Database, exam_id: int, questions: int) -> dict[int, bool]:
    """Which of the first questions of a test were answered right: those that a part asked.

    The same test by hand with a higher limit puts further ones behind them.
    """
    answers = outcomes(store, exam_id)
    return {item: bool(answers[item]) for item in exams.question_ids(store, exam_id)[:questions]}


Cells = list[tuple[int, int, str | None]]
Keys = dict[str, tuple[int, int]]


def _only(after: Mapping[tuple[int, int], Outcomes], once: Keys) -> dict[tuple[int, int], Outcomes]:
    return {key: found for key, found in after.items() if key in once.values()}


def _shared(
    cells: Cells, once: Keys, found: Mapping[tuple[int, int], Difference]
) -> dict[tuple[int, int], Difference]:
    """What was found of a run, for all arms that share it."""
    return {
        (place, seed): found[once[checkpoint]]
        for place, seed, checkpoint in cells
        if checkpoint and once[checkpoint] in found
    }


def _row(
    parts: Mapping[str, Job],
    tested: Mapping[str, Outcomes],
    cell: tuple[int, int, str | None],
    difference: Difference | None,
    to_setting: Difference | None,
) -> Row:
    place, seed, checkpoint = cell
    training = parts.get(key_of_training(checkpoint)) if checkpoint else None
    test = parts.get(key_of_test(checkpoint)) if checkpoint else None
    learned = (training.result or {}) if training else {}
    return Row(
        arm=place,
        seed=seed,
        checkpoint=checkpoint,
        state=_state(checkpoint, training, test),
        steps=learned.get("steps"),
        train_seconds=learned.get("seconds"),
        test_seconds=(test.result or {}).get("seconds") if test else None,
        score=_score(f"{CHECKPOINT}{checkpoint}", test, tested.get(key_of_test(checkpoint or ""))),
        difference=difference,
        to_setting=to_setting,
    )


def _state(checkpoint: str | None, training: Job | None, test: Job | None) -> str:
    if checkpoint is None:
        return "nothing to learn from"
    for part, doing in ((test, "testing"), (training, "training")):
        if part is not None and part.state == "running":
            return doing
        if part is not None and part.state in jobs.RESUMABLE:
            return part.state
    if test is not None and test.state == "succeeded":
        return "done"
    return "trained" if training is not None and training.state == "succeeded" else "waiting"


def _score(student: str, test: Job | None, found: Outcomes | None) -> Score | None:
    if test is None or not found:
        return None
    return Score((test.result or {})["exam"], student, len(found), sum(found.values()))


def _means(
    arms: list[dict[str, Any]],
    seeds: list[int],
    after: Mapping[tuple[int, int], Outcomes],
    before: Outcomes | None,
) -> list[Mean]:
    found = []
    base = [after[0, seed] for seed in seeds if (0, seed) in after]
    for place, arm in enumerate(arms):
        own = [after[place, seed] for seed in seeds if (place, seed) in after]
        if not own:
            continue
        mean = mean_over_seeds(own)
        changes = arm["factor"] != THE_SETTING
        found.append(
            Mean(
                arm=place,
                seeds=len(own),
                accuracy=mean.mean,
                ci95=(mean.low, mean.high),
                each=mean.each,
                change=change_of_means([before], own) if before else None,
                to_setting=change_of_means(base, own) if base and changes else None,
            )
        )
    return found


def _score_json(score: Score | None) -> dict[str, Any]:
    if score is None:
        return dict.fromkeys(("evaluation", "n", "correct", "accuracy", "ci95"))
    return {
        "evaluation": score.id,
        "n": score.questions,
        "correct": score.correct,
        "accuracy": score.accuracy,
        "ci95": list(score.ci95),
    }


def _row_json(found: Results, row: Row) -> dict[str, Any]:
    arm = found.arms[row.arm]
    return {
        **_about(arm),
        "seed": row.seed,
        "questions": arm["questions"],
        "rationales": arm["rationales"],
        "feedback": arm["feedback"],
        "problem": arm["problem"],
        "checkpoint": row.checkpoint,
        "state": row.state,
        "steps": row.steps,
        "seconds": {"training": row.train_seconds, "test": row.test_seconds},
        **_score_json(row.score),
        "difference": _plain(row.difference),
        "difference_to_setting": _plain(row.to_setting),
    }


def _mean_json(found: Results, mean: Mean) -> dict[str, Any]:
    return {
        **_about(found.arms[mean.arm]),
        "seeds": mean.seeds,
        "accuracy": mean.accuracy,
        "ci95": list(mean.ci95),
        "each": list(mean.each),
        "change": _plain(mean.change),
        "change_to_setting": _plain(mean.to_setting),
    }


def _about(arm: Mapping[str, Any]) -> dict[str, Any]:
    return {"arm": arm["title"], "factor": arm["factor"], "changes": arm["changes"]}


def _plain(one: Difference | Change | None) -> dict[str, Any] | None:
    return vars(one) | {"ci95": list(one.ci95)} if one else None
