"""The acceptance rule: which rationales the peers' scores let through, unless a person decided.

arXiv 2410.03663, section 3.2: a rationale is kept when its reviewers' mean score is above the
threshold. A score that is missing, unreadable or outside 1..5 says nothing and does not count.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeGuard

from fair_app.curation.decisions import State
from fair_app.errors import BadInput

Score = int | float | None

LOWEST_SCORE, HIGHEST_SCORE = 1, 5
DEFAULT_THRESHOLD = 3.0

# Levels of rationales that no threshold moves. They lie outside 0..5 and, unlike infinities,
# can be sent to a browser as JSON.
ALWAYS_ACCEPTED = 6.0
NEVER_ACCEPTED = -1.0


@dataclass(frozen=True)
class RationaleRow:
    """A teacher's rationale with what its peers gave it.

    `scores` are as read, in committee order without the author. `final_correct` says whether its
    final answer is the gold answer, None when that was not graded.
    """

    id: int
    question_id: int
    teacher: str
    text: str
    final_correct: bool | None
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether a rationale is accepted and who says so; `text` is what may be learnt from."""

    accepted: bool
    by: Literal["rule", "person"]
    mean: float | None
    text: str
    edited: bool


def counted(score: object) -> TypeGuard[int | float]:
    """Whether a score counts: a number (not a boolean, not NaN) in 1..5."""
    return (
        isinstance(score, int | float)
        and not isinstance(score, bool)
        and LOWEST_SCORE <= score <= HIGHEST_SCORE
    )


def mean_score(scores: Iterable[object]) -> float | None:
    """The mean of the scores that count, None when none does."""
    counting = [score for score in scores if counted(score)]
    return math.fsum(counting) / len(counting) if counting else None


def accepted_by_rule(scores: Iterable[object], threshold: float) -> bool:
    """Whether the mean of the counted scores is strictly greater than the threshold.

    With no counted score a rationale is rejected, whatever the threshold.
    """
    mean = mean_score(scores)
    return mean is not None and mean > threshold


def check_threshold(threshold: object) -> float:
    """Return the threshold as a float. Raises BadInput when it is not a number from 0 to 5."""
    if (
        not isinstance(threshold, int | float)
        or isinstance(threshold, bool)
        or not 0 <= threshold <= HIGHEST_SCORE
    ):
        raise BadInput(
            f"The acceptance threshold {threshold!r} cannot be used: give a number from 0 to 5."
        )
    return float(threshold)


def level(row: RationaleRow, state: State | None = None) -> float:
    """The number that a threshold is compared with: a rationale is accepted when it is greater.

    It is the mean of the counted scores; `NEVER_ACCEPTED` without one or when a person rejected
    the rationale, `ALWAYS_ACCEPTED` when a person accepted it.
    """
    if state is not None and state.accepted is not None:
        return ALWAYS_ACCEPTED if state.accepted else NEVER_ACCEPTED
    mean = mean_score(row.scores)
    return NEVER_ACCEPTED if mean is None else mean


def verdict(row: RationaleRow, threshold: float, state: State | None = None) -> Verdict:
    """Judge a rationale: by a person's decision where one is in force, else by the rule."""
    by_person = state is not None and state.accepted is not None
    text = (state.text if state else None) or row.text
    return Verdict(
        accepted=level(row, state) > threshold,
        by="person" if by_person else "rule",
        mean=mean_score(row.scores),
        text=text,
        edited=text != row.text,
    )
