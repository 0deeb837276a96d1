"""Held-out questions: which they are, and when a run has learned enough. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from fair_app.training.examples import TrainingQuestion
from fair_app.training.settings import TrainingSettings

TIMES_A_RUN = 10


@dataclass(frozen=True)
class Validation:
    """The losses on the held-out questions after a step (0: before the first).

    `soft` is the divergence from the mentor, where there is one.
    """

    step: int
    total: float
    feedback: float | None
    rationale: float | None
    soft: float | None = None


def split(
    questions: Sequence[TrainingQuestion], share: float, seed: int
) -> tuple[list[TrainingQuestion], list[TrainingQuestion]]:
    """Hold out a share of the questions, one at least where it is not 0 and two are there.

    Returns those to learn from and those held out, in their order. Which are held out depends on
    the seed and the questions' ids alone.
    """
    count = round(share * len(questions))
    if share > 0 and len(questions) > 1:
        count = min(max(count, 1), len(questions) - 1)
    ids = sorted(question.question_id for question in questions)
    held = set(sorted(ids, key=lambda number: Random(f"held out {seed} {number}").random())[:count])
    return (
        [question for question in questions if question.question_id not in held],
        [question for question in questions if question.question_id in held],
    )


def every(total_steps: int, settings: TrainingSettings) -> int:
    """After how many steps the held-out losses are taken again."""
    return settings.validate_every or max(1, total_steps // TIMES_A_RUN)


def best(validations: Sequence[Validation]) -> Validation | None:
    """The one with the lowest loss, the earliest among equals."""
    return min(validations, key=lambda one: one.total, default=None)


def is_enough(validations: Sequence[Validation], patience: int | None) -> bool:
    """Whether the last `patience` validations brought nothing better than what was before them."""
    if patience is None or len(validations) <= patience:
        return False
    before, after = validations[:-patience], validations[-patience:]
    return min(one.total for one in after) >= min(one.total for one in before)
