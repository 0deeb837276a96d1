"""Training runs beside each other: what was asked of each, what came of it, and what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import checkpoints, jobs
from db.jobs import Job
from db.projects import Project
from db.store import connect
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.evaluations import Tested, summary

LOSSES = ("loss", "loss_feedback", "loss_rationale", "loss_soft", "validation_loss")
GIVEN_UP = "given up"
ORIGIN = ("teacher", "keep_rule", "threshold", "rule", "decisions", "exam")


@dataclass(frozen=True)
class Run:
    """One training run. `asked` is all that could differ; `losses` are means over its last epoch.

    `losses` is empty until it has ended; `accuracy` (of `tested` questions) is that of the newest
    whole evaluation of its checkpoint on the project's own task. Times in seconds.
    """

    job: int
    name: str
    state: str
    asked: dict[str, Any]
    losses: dict[str, float]
    steps: int | None
    seconds: float | None
    accuracy: float | None
    tested: int | None


def runs(settings: Settings, project: Project) -> list[Run]:
    """A project's training runs, the newest first."""
    store = connect(settings.database)
    mark_orphans(store)
    made = {one.name: one.lineage for one in checkpoints.of_project(store, project.id)}
    tests = {
        one.exam.student: one
        for one in reversed(summary(settings, project))
        if one.whole and one.exam.task == project.task
    }
    return [
        _run(job, made.get(job.params["name"], {}), tests.get(CHECKPOINT + job.params["name"]))
        for job in jobs.of_kind(store, project.id, "train")
    ]


def differences(found: Sequence[Run]) -> dict[str, list[Any]]:
    """What differs between runs, by its name: a value a run, None where it has none."""
    names = list(dict.fromkeys(name for run in found for name in run.asked))
    rows = {name: [run.asked.get(name) for run in found] for name in names}
    return {
        name: values for name, values in rows.items() if any(value != values[0] for value in values)
    }


def _run(job: Job, lineage: dict[str, Any], test: Tested | None) -> Run:
    params = job.params
    came_of_it = job.result or lineage.get("result") or {}
    origin = params.get("origin") or {}
    return Run(
        job=job.id,
        name=params["name"],
        state=GIVEN_UP if job.given_up else job.state,
        asked={
            "student": params.get("start") or params.get("student"),
            **{name: origin[name] for name in ORIGIN if name in origin},
            "data_sha256": params.get("data_sha256"),
            "launch": params.get("launch"),
            **(params.get("settings") or {}),
        },
        losses={name: came_of_it[name] for name in LOSSES if came_of_it.get(name) is not None},
        steps=came_of_it.get("steps"),
        seconds=came_of_it.get("seconds"),
        accuracy=test.accuracy if test else None,
        tested=test.questions if test else None,
    )
