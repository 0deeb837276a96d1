"""The body of an ablation: the student's test, then each run trained and tested, as its parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from db.jobs import Job
from fair_app.errors import WorkFailed
from fair_app.jobs.children import children_of, run_child
from fair_app.jobs.context import JobContext
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.ablation_results import (
    STUDENT_TEST,
    as_json,
    key_of_test,
    key_of_training,
    results,
)
from fair_app.studio.leakage import counted_of_test

TRAIN, TEST = "train", "evaluate"


@dataclass(frozen=True)
class Part:
    """One job of an ablation; `after` is the key of the one that makes what it tests."""

    key: str
    kind: str
    params: dict[str, Any]
    after: str | None = None


def run(job: JobContext) -> dict[str, Any]:
    """Train and test all that `studio.ablations.ablation_params` froze.

    A part that is done is not done again, and a training that fails keeps no other from its turn.
    Result: as `ablation_results.as_json`, with `leaked`, the test's questions that stand in the
    exams, and the plan's `warning`. Raises WorkFailed with the sentence of the first training
    that failed, when all others are done, or at once with that of a test.
    """
    if warning := job.params.get("warning"):
        job.log(warning)
    parts = list(parts_of(job.params))
    failed: dict[str, str] = {}
    tested: dict[str, Any] = {}
    for number, part in enumerate(parts):
        if part.after in failed:
            continue
        left = _Left(job, parts, number)
        left.say(part.key)
        try:
            done = run_child(
                job, part.key, part.kind, partial(dict, part.params), watch=left.follow
            )
        except WorkFailed as fault:
            if part.kind != TRAIN:
                raise
            failed[part.key] = str(fault)
            job.log(str(fault))
        else:
            tested = done if part.key == STUDENT_TEST else tested
    job.progress("done", len(parts), len(parts))
    if failed:
        raise WorkFailed(
            f"All is done but for {len(failed)} of {len(job.params['runs'])} trainings, which "
            f"failed. {next(iter(failed.values()))}"
        )
    return as_json(results(job.settings, job.job)) | {
        "leaked": counted_of_test(job.settings, job.project, tested["exam"]),
        "warning": job.params.get("warning"),
    }


def parts_of(params: dict[str, Any]) -> Iterator[Part]:
    """The jobs of an ablation in their order."""
    test = params["test"]
    yield Part(STUDENT_TEST, TEST, {**test, "student": params["student"]})
    for checkpoint, asked in params["runs"].items():
        training = key_of_training(checkpoint)
        yield Part(training, TRAIN, asked)
        student = f"{CHECKPOINT}{checkpoint}"
        yield Part(key_of_test(checkpoint), TEST, {**test, "student": student}, after=training)


class _Left:
    """What is done and left while one part of an ablation is at work."""

    def __init__(self, job: JobContext, parts: list[Part], number: int) -> None:
        self._job, self._parts, self._number = job, parts, number
        took = _seconds_by_kind(children_of(job.settings, job.job.id))
        expected = job.params["seconds"]
        usual = {TRAIN: expected["run"], TEST: expected["test"]} | took
        later = [usual[part.kind] for part in parts[number + 1 :]]
        known = [seconds for seconds in later if seconds is not None]
        self._own = usual[parts[number].kind]
        self._later = sum(known) if len(known) == len(later) else None
        self._said: tuple[str, int] = ("", -1)

    def say(self, stage: str, own_s: float | None = None) -> None:
        """Report the stage; `own_s` are the seconds that the part itself still takes."""
        own = self._own if own_s is None else own_s
        left = None if own is None or self._later is None else own + self._later
        self._job.progress(stage, self._number, len(self._parts), left_s=left)

    def follow(self, part: Job) -> None:
        """Report how far the part is, where that has changed."""
        stage = part.stage or "starting"
        if (stage, part.done) != self._said:
            self._said = (stage, part.done)
            key = self._parts[self._number].key
            how_far = f"{key}: {stage}, {part.done:,} of {part.total:,}"
            self.say(how_far if part.total else f"{key}: {stage}", part.eta_s)


def _seconds_by_kind(done: list[Job]) -> dict[str, float]:
    """How long parts of each kind took so far, on average."""
    took: dict[str, list[float]] = {}
    for part in done:
        if part.state == "succeeded" and part.started_at and part.finished_at:
            took.setdefault(part.kind, []).append(part.finished_at - part.started_at)
    return {kind: fmean(seconds) for kind, seconds in took.items()}
