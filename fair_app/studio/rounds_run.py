"""The body of a job of rounds: exam, committee, training and test, again and again.

Each is a job of its own. What is done is read from their rows: a job that was cut off goes on with
the part that it was at.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from db import committee
from db.store import reading
from fair_app.curation.training_set import Selection
from fair_app.errors import BadInput
from fair_app.evaluation.rounds import (
    AFRESH,
    Round,
    StopRule,
    all_rounds,
    calls_about,
    checkpoint_of,
    why_last,
    why_no_training,
    why_nothing_to_learn,
)
from fair_app.evaluation.score import Score
from fair_app.jobs.children import run_child
from fair_app.jobs.context import JobContext
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.collecting import collect_params
from fair_app.studio.leakage import counted_of_test
from fair_app.studio.rounds import (
    COMMITTEE,
    EXAM,
    FIRST_TEST,
    PARTS,
    TEST,
    TRAINING,
    course,
    key_of,
    told,
)
from fair_app.studio.training import train_params, training_questions
from fair_app.training.examples import TrainingQuestion
from fair_app.training.settings import chosen_settings

KIND_OF = {EXAM: "exam", COMMITTEE: "collect", TRAINING: "train", TEST: "evaluate"}
"""The kind of job that each part of a round is."""


class NothingToLearn(Exception):
    """A round's mistakes have no accepted rationale with feedback; the message says why."""


def run(job: JobContext) -> dict[str, Any]:
    """Run the rounds that the job's parameters describe (see `studio.rounds.rounds_params`).

    Result: see `studio.rounds.told`, and as `leaked` the test's questions that stand in the exams.
    Raises WorkFailed with its sentence when a part fails, and Cancelled when a person stopped the
    job; either way it can be resumed.
    """
    stopped = _Rounds(job).run()
    job.log(stopped)
    found = course(job.settings, job.job)
    parts = 1 + len(PARTS) * len(found.rounds)
    job.progress("done", parts, parts)
    assert found.base is not None
    leaked = counted_of_test(job.settings, job.project, found.base.id)
    return {**told(job.settings, replace(found, stopped=stopped)), "leaked": leaked}


class _Rounds:
    """One attempt at all rounds."""

    def __init__(self, job: JobContext) -> None:
        self._job = job
        self._params = job.params
        self._rule = StopRule(job.params["rounds"], job.params["stop_below"])

    def run(self) -> str:
        """Do what is not done; return why there is no further round."""
        student = self._params["student"]
        self._do(0, TEST, FIRST_TEST, lambda: {**self._params["test"], "student": student})
        before = course(self._job.settings, self._job.job).base
        for number in count(1):
            assert before is not None
            stopped = self._round(number, student, before)
            if stopped is not None:
                return stopped
            done = self._so_far(number)
            student, before = f"{CHECKPOINT}{done.checkpoint}", done.test
        raise AssertionError("the last round says that it is")

    def _round(self, number: int, student: str, before: Score) -> str | None:
        """Do what is not done of a round; return why it is the last, if it is."""
        self._part(number, EXAM, lambda: {**self._params["exam"], "student": student})
        one = self._so_far(number)
        assert one.exam is not None
        if why := why_no_training(one):
            return why
        exam = one.exam
        self._part(number, COMMITTEE, lambda: self._collecting(exam))
        one = self._so_far(number)
        try:
            self._part(number, TRAINING, lambda: self._training(number, student, exam.id))
        except NothingToLearn as why_nothing:
            return why_nothing_to_learn(one, str(why_nothing))
        made = f"{CHECKPOINT}{self._so_far(number).checkpoint}"
        self._part(number, TEST, lambda: {**self._params["test"], "student": made})
        return why_last(self._so_far(number), before, self._rule)

    def _so_far(self, number: int) -> Round:
        return course(self._job.settings, self._job.job).rounds[number - 1]

    def _part(self, number: int, part: str, make_params: Callable[[], dict[str, Any]]) -> None:
        self._do(number, part, key_of(number, part), make_params)

    def _do(
        self, number: int, part: str, key: str, make_params: Callable[[], dict[str, Any]]
    ) -> None:
        """Have a part done; the first test is one before the first round."""
        rounds = self._rule.rounds
        done = 1 + len(PARTS) * (number - 1) + PARTS.index(part) if number else 0
        stage = f"round {number} of {rounds}: {part}" if number else key
        self._job.progress(stage, done, 1 + len(PARTS) * rounds)
        run_child(self._job, key, KIND_OF[part], make_params)

    # ---- the parameters of parts, made when their turn comes

    def _collecting(self, exam: Score) -> dict[str, Any]:
        """Ask about this exam's mistakes, whichever exam a person made the project's meanwhile."""
        job = self._job
        params = collect_params(
            job.settings,
            replace(job.project, exam_id=exam.id),
            concurrency=self._params["concurrency"],
            budget_usd=self._params["budget_usd"],
            keys=job.keys,
        )
        members = committee.teachers(job.store, job.project.id)
        asked = sum(one.origin == "committee" for one in members)
        return {**params, "exam": exam.id, "needed": calls_about(exam.mistakes, asked)}

    def _training(self, number: int, student: str, exam_id: int) -> dict[str, Any]:
        """Freeze what is curated by the present rule and decisions. Raises NothingToLearn."""
        with reading(self._job.store):  # the lineage speaks of the moment that the texts are of
            return self._frozen(number, student, exam_id)

    def _frozen(self, number: int, student: str, exam_id: int) -> dict[str, Any]:
        new, why = self._curated(exam_id)
        if not new:
            raise NothingToLearn(why)
        exams = [exam_id]
        if self._params["train"] == AFRESH:
            sat = course(self._job.settings, self._job.job).rounds[: number - 1]
            exams = [one.exam.id for one in sat if one.exam is not None] + exams
            new = all_rounds([self._curated(earlier)[0] for earlier in exams])
            student = self._params["student"]
        training = self._params["training"]
        return train_params(
            self._job.settings,
            replace(self._job.project, exam_id=exam_id),
            name=checkpoint_of(self._params["name"], number),
            student=student,
            **training,
            questions=new,
            reserved=True,
            told={
                "with_feedback": self._with_feedback,
                "round": {
                    "job": self._job.job.id,
                    "number": number,
                    "train": self._params["train"],
                    "exams": exams,
                },
            },
        )

    def _curated(self, exam_id: int) -> tuple[list[TrainingQuestion], str]:
        """What the committee's work on an exam's mistakes gives to learn from, or why nothing."""
        project = replace(self._job.project, exam_id=exam_id)
        training = self._params["training"]
        try:
            found = training_questions(
                self._job.settings,
                project,
                Selection(
                    training["teacher"],
                    training["keep_rule"],
                    with_feedback=self._with_feedback,
                ),
            )
        except BadInput as why:
            return [], str(why)
        return found, ""

    @property
    def _with_feedback(self) -> bool:
        """Whether feedback is learned from: at alpha 0 it is not, and no question needs any."""
        training = self._params["training"]
        return chosen_settings(training["preset"], training["settings_given"]).alpha > 0
