"""Self-consistency: of several sampled answers to a question, the one that most of them give.

Wang et al., arXiv 2203.11171, section 2: the majority of the final answers, each counted once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fair_app.tasks.readers.exact import normalise


@dataclass(frozen=True)
class Vote:
    """Which sample stands for the question, and the share of all samples that say the same."""

    sample: int
    agreement: float


def ballots(predictions: Sequence[str], grader: str) -> list[str]:
    """What each prediction votes for: texts that count as the same vote for the same."""
    return [normalise(text) if grader == "exact" else text for text in predictions]


def vote(predictions: Sequence[str]) -> Vote:
    """The earliest sample with the prediction that most samples have; among equals the earliest.

    Predictions are compared as they are. An empty one, which no rule could read, is no vote; when
    all are empty the first sample stands, with an agreement of 0.
    """
    if not predictions:
        raise ValueError("there is nothing to vote on")
    counted = Counter(prediction for prediction in predictions if prediction)
    if not counted:
        return Vote(0, 0.0)
    # `most_common` keeps the order in which equals came.
    ((voted, votes),) = counted.most_common(1)
    return Vote(list(predictions).index(voted), votes / len(predictions))
