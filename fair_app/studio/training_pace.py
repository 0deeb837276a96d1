"""How long training runs take on this machine, by the newest one of the same student."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from db import jobs
from db.store import connect
from fair_app.settings import Settings
from fair_app.training.examples import TrainingQuestion, feedback_prompt
from fair_app.training.settings import TrainingSettings

CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True)
class Pace:
    """How a student's newest run went: seconds a token, and those beside its steps (loading).

    `tokens_a_question` are those that a question brought to it, None where that is not known.
    """

    seconds_a_token: float
    beside: float
    tokens_a_question: float | None

    def seconds(self, asked: TrainingSettings, questions: int, tokens: float) -> float:
        """How long a run takes on so many questions of so many tokens each, at most: it may stop
        early."""
        drawn = min(steps_of(asked, questions) * asked.batch_size, asked.epochs * questions)
        return drawn * tokens * self.seconds_a_token + self.beside


def training_pace(settings: Settings, base: str) -> Pace | None:
    """How the newest run of a student went on this machine; None before the first."""
    store = connect(settings.database)
    tokens_a_second = jobs.latest_mean(store, "train", "tokens_per_second", student=base)
    if not tokens_a_second:
        return None
    job = jobs.latest_succeeded(store, "train", base)
    done = (job.result or {}) if job is not None else {}
    each = None
    if job is not None and done.get("steps"):
        drawn = done["steps"] * job.params["settings"]["batch_size"]
        each = tokens_a_second * done["seconds"] / drawn
    return Pace(1 / tokens_a_second, seconds_beside(settings, "train", base), each)


def seconds_beside(settings: Settings, kind: str, student: str) -> float:
    """The seconds that the newest job of this kind and student took beside its work: loading."""
    store = connect(settings.database)
    job = jobs.latest_succeeded(store, kind, student)
    if job is None or job.started_at is None or job.finished_at is None:
        return 0.0
    worked = (job.result or {}).get("seconds", 0.0)
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
