"""Rounds: the distilled student sits the exam again, and its new mistakes go to the committee.

The paper's open question 2 (arXiv 2410.03663). Pure rules: what a round came to, what it learns
from, and when there is no use in another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fair_app.errors import BadInput
from fair_app.evaluation.score import Score
from fair_app.training.examples import TrainingQuestion

FROM_ADAPTER = "from-adapter"
AFRESH = "afresh"
WAYS = (FROM_ADAPTER, AFRESH)
"""Training goes on from what the last round made, with this round's mistakes; or it begins again
from the first student, with the mistakes of all rounds."""
MOST_ROUNDS = 50


@dataclass(frozen=True)
class Calls:
    """What the committee was asked in a round.

    `asked` calls were made. `cached` were answered by the ledger and `standing` had been written in
    an earlier round: neither cost anything. `left` have no answer; `cost_usd` is what was paid.
    """

    asked: int
    cached: int
    standing: int
    left: int
    cost_usd: float
    unpriced: int = 0
    stopped_by_budget: bool = False

    @property
    def needed(self) -> int:
        """All calls that this round's mistakes come to."""
        return self.asked + self.cached + self.standing + self.left


@dataclass(frozen=True)
class Round:
    """A round as far as it is; what has not happened yet is None.

    `student` sat the exam; the training on its mistakes made `checkpoint` out of `examples`
    questions, which then sat the test.
    """

    number: int
    student: str
    exam: Score | None = None
    calls: Calls | None = None
    checkpoint: str | None = None
    examples: int | None = None
    test: Score | None = None


@dataclass(frozen=True)
class StopRule:
    """How many rounds at most, and which gain on the test is too small for another round.

    `stop_below` in points of accuracy: a round that gains no more is the last; None never stops.
    Raises BadInput for a number of rounds or points that makes no sense.
    """

    rounds: int
    stop_below: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise BadInput(f"The number of rounds is 1 to {MOST_ROUNDS}.")
        if self.stop_below is not None and not (
            math.isfinite(self.stop_below) and -100 <= self.stop_below <= 100
        ):
            raise BadInput("The least gain (--stop-below) is in points of accuracy, -100 to 100.")


def checkpoint_of(name: str, number: int) -> str:
    """The name of the checkpoint that a round makes."""
    return f"{name}-{number}"


def free_calls(needed: int, asked: int, cached: int, left: int) -> tuple[int, int]:
    """(cached, standing) of the `needed` calls that nobody was asked for: see `Calls`.

    A job that was resumed says of `cached` what its last attempt took from the ledger. The reviews
    of a rationale that was cut off are never asked for, and count as if they stood.
    """
    free = max(0, needed - asked - left)
    return min(cached, free), free - min(cached, free)


def gain(before: Score, after: Score) -> float:
    """By how many points of accuracy a test went up. Raises BadInput for different numbers."""
    if before.questions != after.questions:
        raise BadInput(
            f"The tests have {before.questions} and {after.questions} questions: only tests of the "
            "same items can be compared."
        )
    return 100 * (after.correct - before.correct) / after.questions


def why_no_training(one: Round) -> str | None:
    """Why a round whose exam is over teaches nothing, in a sentence; None when it does."""
    if one.exam is not None and one.exam.mistakes == 0:
        return (
            f"Round {one.number} found no mistake: {one.student} answered all "
            f"{one.exam.questions:,} questions right."
        )
    return None


def why_nothing_to_learn(one: Round, reason: str) -> str:
    """Why a round was not trained on: `reason`, and the budget where it cut the calls off."""
    if one.calls is not None and one.calls.stopped_by_budget:
        return f"The budget was spent before round {one.number} had anything to learn from."
    return f"Round {one.number} has nothing to learn from: {reason}"


def why_last(one: Round, before: Score, rule: StopRule) -> str | None:
    """Why no round follows one whose test is done, in a sentence; None when another does.

    `before` is the test of the student that began this round.
    """
    assert one.test is not None
    if one.calls is not None and one.calls.stopped_by_budget:
        return (
            f"The budget is spent: round {one.number} learned from what was written until then, "
            "and no other follows."
        )
    gained = gain(before, one.test)
    if rule.stop_below is not None and gained <= rule.stop_below:
        return (
            f"Round {one.number} gained {gained:.1f} points on the test, which is not above the "
            f"{rule.stop_below:g} asked for."
        )
    if one.number >= rule.rounds:
        return (
            "The one round is done." if rule.rounds == 1 else f"All {rule.rounds} rounds are done."
        )
    return None


def all_rounds(rounds: Sequence[Sequence[TrainingQuestion]]) -> list[TrainingQuestion]:
    """The examples of several rounds together, the earliest questions first.

    A question that was a mistake in several rounds is learned from once: with its newest wrong
    answer, and the feedback on that.
    """
    found: dict[int, TrainingQuestion] = {}
    for one in rounds:
        found.update((question.question_id, question) for question in one)
    return list(found.values())


def calls_about(mistakes: int, teachers: int) -> int:
    """How many calls so many mistakes take in all: n + n + n(n-1) each."""
    return mistakes * teachers * (teachers + 1)


def expected_calls(mistakes: int, teachers: int) -> tuple[int, int]:
    """How many calls a further round with so many mistakes takes: at least, and at most.

    Where the mistakes are old ones with new answers, their feedback alone; where they are all new,
    everything.
    """
    return mistakes * teachers, calls_about(mistakes, teachers)
