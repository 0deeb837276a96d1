"""What an ablation takes: time by the last runs and tests on this machine, and room on its disk."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

from db import exams
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.asked import asked_so, pace_of
from fair_app.student.check import size
from fair_app.student.registry import CHECKPOINT, StudentRef
from fair_app.studio.training import trained
from fair_app.studio.training_pace import (
    seconds_beside,
    steps_of,
    tokens_a_question,
    tokens_read,
    training_pace,
)
from fair_app.training.examples import TrainingQuestion
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import shape_of

ENOUGH = 16
"""Answers from which on a test's pace is worth something."""
FLOAT_BYTES, HALF_BYTES, MOMENTS = 4, 2, 3
"""Bytes of an adapter's weight and of a whole model's; floats a weight that a run's state has."""
FILES_BYTES = 4 * 10**6
"""A checkpoint's tokenizer, card and examples, roughly."""


class Run(Protocol):
    """A training run that is planned."""

    @property
    def settings(self) -> TrainingSettings: ...

    @property
    def questions(self) -> Sequence[TrainingQuestion]: ...


@dataclass(frozen=True)
class Cost:
    """What runs and tests take. Times in seconds; None where nothing here tells.

    `run_seconds` and `test_seconds` are for one, on average; `questions` are those of a test, None
    for all there are. `tests` counts that of the student before training too.
    """

    steps: int
    tests: int
    questions: int | None
    run_seconds: float | None
    test_seconds: float | None
    disk_bytes: int | None

    @property
    def runs(self) -> int:
        """How many runs there are: all tests but the first are of one."""
        return self.tests - 1

    @property
    def seconds(self) -> float | None:
        """How long all of it takes."""
        if self.run_seconds is None or self.test_seconds is None:
            return None
        return self.runs * self.run_seconds + self.tests * self.test_seconds


def cost(
    settings: Settings,
    project: Project,
    ref: StudentRef,
    runs: Sequence[Run],
    test: Mapping[str, Any],
) -> Cost:
    """What these runs of a student take, each tested as `test` says, and a test of the student."""
    return Cost(
        steps=sum(steps_of(run.settings, len(run.questions)) for run in runs),
        tests=len(runs) + 1,
        questions=test["limit"],
        run_seconds=_run_seconds(settings, ref, runs),
        test_seconds=_test_seconds(settings, project, ref, test),
        disk_bytes=_disk_bytes(ref, [run.settings for run in runs]),
    )


def check_disk(settings: Settings, found: Cost) -> None:
    """Raise BadInput when the disk has no room for the checkpoints."""
    standing = settings.checkpoints
    while not standing.exists():
        standing = standing.parent
    free = shutil.disk_usage(standing).free
    if found.disk_bytes is not None and found.disk_bytes > free:
        raise BadInput(
            f"{found.runs} checkpoints take about {size(found.disk_bytes)}, and the disk has "
            f"{size(free)} free: free some, or take fewer arms or seeds."
        )


def _run_seconds(settings: Settings, ref: StudentRef, runs: Sequence[Run]) -> float | None:
    """How long a run takes, on average of these, the work of a mentor's soft labels counted."""
    pace = training_pace(settings, ref.base)
    if pace is None:
        return None
    each = [
        pace.seconds(
            run.settings,
            len(run.questions),
            tokens_a_question(run.questions),
            tokens_read(run.questions),
        )
        for run in runs
    ]
    known = [one for one in each if one is not None]
    return fmean(known) if len(known) == len(each) else None


def _test_seconds(
    settings: Settings, project: Project, ref: StudentRef, test: Mapping[str, Any]
) -> float | None:
    """How long a test takes, as this student or one made of it was tested before in this way."""
    if test["limit"] is None:
        return None
    wanted = pace_of(asked_so(test))
    store = connect(settings.database)
    made = [f"{CHECKPOINT}{one.name}" for one in trained(settings, project) if one.base == ref.base]
    for student in (ref.ref, *made):
        for exam, answered in exams.sat_by(store, student, test["task"]):
            if (
                answered >= min(ENOUGH, test["limit"])
                and exam.seconds
                and pace_of(exam.settings) == wanted
            ):
                pace = exam.seconds / answered
                return pace * test["limit"] + seconds_beside(settings, "evaluate", student)
    return None


def _disk_bytes(ref: StudentRef, runs: Sequence[TrainingSettings]) -> int | None:
    """What the checkpoints take, and the state of one run under way; None for an unknown shape."""
    shape = shape_of(ref)
    if shape is None:
        return None
    first = runs[0]
    if first.method == "full":
        weights, each = shape.parameters, HALF_BYTES * shape.parameters
    else:
        weights = first.lora_rank * sum(map(sum, shape.targeted(first.targets)))
        each = FLOAT_BYTES * weights
    return len(runs) * (each + FILES_BYTES) + MOMENTS * FLOAT_BYTES * weights
