"""How long training runs take on this machine, by the newest one of the same student."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from db import jobs
from db.jobs import Job
from db.store import connect
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.check import Machine, this_machine
from fair_app.student.registry import parse_ref
from fair_app.training.examples import TrainingQuestion, feedback_prompt
from fair_app.training.mentor_cost import RATIONALES, Load, load_of, way_of
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import shape_of

CHARACTERS_A_TOKEN = 4
METRIC = "tokens_per_second"
LOOKED_AT = 10
"""Runs that are looked at for one whose pace says something."""


@dataclass(frozen=True)
class Pace:
    """How a student's newest run went, its mentor's work taken off: seconds a token, and those
    beside its steps (loading).

    `tokens_a_question` are those that a question brought to it, None where that is not known;
    `base` is the student's REF, `home` where its mentors are looked for.
    """

    seconds_a_token: float
    beside: float
    tokens_a_question: float | None
    base: str
    home: Settings

    def seconds(
        self,
        asked: TrainingSettings,
        questions: int,
        tokens: float,
        read: float | None = None,
    ) -> float | None:
        """How long a run takes on so many questions of so many tokens each, at most: it may stop
        early.

        `read` are the tokens of a question's rationales, all of them: where a mentor's soft labels
        are stored, it reads them beforehand. None: one rationale. Returns None for a run with a
        mentor whose size is not known here.
        """
        mentor = _load(self.home, self.base, asked, machine=lambda: self._machine)
        if mentor is None:
            return None
        drawn = min(steps_of(asked, questions) * asked.batch_size, asked.epochs * questions)
        learned = drawn * tokens * (1 + mentor.step)
        made = questions * (RATIONALES * tokens if read is None else read) * mentor.making
        models = 2 if asked.has_soft_labels else 1
        return (learned + made) * self.seconds_a_token + models * self.beside

    @cached_property
    def _machine(self) -> Machine:
        """Looked at once: a plan has many runs, and a GPU's driver takes its time to answer."""
        return this_machine()


def training_pace(settings: Settings, base: str) -> Pace | None:
    """How the newest run of a student went on this machine; None before the first.

    One with a mentor that is not here any more tells nothing.
    """
    store = connect(settings.database)
    runs = jobs.measured(store, "train", METRIC, base, LOOKED_AT)
    each = next((_tokens_a_question(settings, run) for run in runs if _steps(run)), None)
    for run in runs:
        mentor = _load(settings, base, _settings_of(run), (run.result or {}).get("soft_labels"))
        if mentor is not None:
            seconds = 1 / _tokens_a_second(settings, run) / (1 + mentor.step)
            beside = seconds_beside(settings, "train", base)
            return Pace(seconds, beside, each, base, settings)
    return None


def seconds_beside(settings: Settings, kind: str, student: str) -> float:
    """The seconds that the newest job of this kind and student took beside its work: loading."""
    store = connect(settings.database)
    job = jobs.latest_succeeded(store, kind, student)
    if job is None or job.started_at is None or job.finished_at is None:
        return 0.0
    done = job.result or {}
    worked = done.get("seconds", 0.0) + done.get("mentor_seconds", 0.0)
    return max(0.0, job.finished_at - job.started_at - float(worked))


def steps_of(asked: TrainingSettings, questions: int) -> int:
    """How many optimizer steps a run takes at most: it may stop early."""
    held_out = min(round(asked.validation_share * questions), questions - 1)
    steps = asked.epochs * math.ceil((questions - held_out) / asked.batch_size)
    return steps if asked.max_steps is None else min(steps, asked.max_steps)


def tokens_a_question(questions: Sequence[TrainingQuestion]) -> float:
    """About how many tokens a question brings to an epoch: its texts, each with its prompt."""
    characters = 0.0
    for one in questions:
        for texts, prompt in ((one.rationales, one.prompt), (one.feedback, feedback_prompt(one))):
            if texts:
                characters += len(prompt) + sum(len(text.text) for text in texts) / len(texts)
    return characters / CHARACTERS_A_TOKEN / max(1, len(questions))


def tokens_read(questions: Sequence[TrainingQuestion]) -> float:
    """About how many tokens all rationales of a question have, with the prompt that they share."""
    characters = sum(
        len(one.prompt) + sum(len(text.text) for text in one.rationales)
        for one in questions
        if one.rationales
    )
    return characters / CHARACTERS_A_TOKEN / max(1, len(questions))


def _load(
    home: Settings,
    base: str,
    asked: TrainingSettings | None,
    how: str | None = None,
    machine: Callable[[], Machine] = this_machine,
) -> Load | None:
    """The work of a run's mentor; `how` it went, where that is known. None: not to be told."""
    if asked is None or not asked.has_soft_labels or asked.mentor is None:
        return Load()
    try:
        student, mentor = (
            parse_ref(one, home.checkpoints, home.models) for one in (base, asked.mentor)
        )
        shapes = shape_of(student), shape_of(mentor)
    except BadInput:
        return None
    return load_of(*shapes, asked, how or way_of(student, mentor, asked, machine()))


def _settings_of(run: Job) -> TrainingSettings | None:
    """What a run was asked to do; None where its parameters are another version's."""
    asked: dict[str, Any] = run.params.get("settings") or {}
    try:
        return TrainingSettings(**asked)
    except (BadInput, TypeError):
        return None


def _steps(run: Job) -> int:
    return int((run.result or {}).get("steps") or 0)


def _tokens_a_second(settings: Settings, run: Job) -> float:
    found = jobs.metrics(connect(settings.database), run.id, [METRIC])[METRIC]
    return fmean(value for _, value in found)


def _tokens_a_question(settings: Settings, run: Job) -> float:
    assert run.result is not None
    drawn = _steps(run) * int(run.params["settings"]["batch_size"])
    return _tokens_a_second(settings, run) * float(run.result["seconds"]) / drawn
