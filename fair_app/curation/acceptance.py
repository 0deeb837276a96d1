"""The acceptance rule: which rationales the peers' scores let through, unless a person decided.

arXiv 2410.03663, section 3.2: a rationale is kept when its reviewers' mean score is above the
threshold. A score that is missing, unreadable or outside 1..5 says nothing and does not count.
What a person may ask for beyond the paper stands in `Rule`, and is off by default.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeGuard

from fair_app.curation.decisions import State
from fair_app.errors import BadInput

Score = int | float | None

LOWEST_SCORE, HIGHEST_SCORE = 1, 5
DEFAULT_THRESHOLD = 3.0
MOST_SCORES = 99

MENTOR = "mentor"
"""The name of the project's mentor as an author of rationales."""

# Levels of rationales that no threshold moves. They lie outside 0..5 and, unlike infinities,
# can be sent to a browser as JSON.
ALWAYS_ACCEPTED = 6.0
NEVER_ACCEPTED = -1.0


@dataclass(frozen=True)
class Rule:
    """The acceptance rule as a person set it.

    `per_teacher` has the thresholds of teachers who have one of their own. `min_scores` is how many
    scores must count. With `answer_check` the final answer must be the gold one too. With
    `adjusted` the mean is that of the scores less each reviewer's leniency.
    """

    threshold: float = DEFAULT_THRESHOLD
    per_teacher: Mapping[str, float] = field(default_factory=dict)
    min_scores: int = 1
    answer_check: bool = False
    adjusted: bool = False

    def threshold_of(self, teacher: str) -> float:
        """The threshold for this teacher's rationales."""
        return self.per_teacher.get(teacher, self.threshold)


@dataclass(frozen=True)
class RationaleRow:
    """A teacher's complete rationale with what its peers gave it; its text is not here.

    `scores` are as read, in committee order without the author, `reviewers` those who gave them.
    `final_correct` says whether its final answer is the gold answer, None when that was not graded.
    `adjusted` is its mean score less the reviewers' leniencies (`fair_app.curation.leniency`),
    `tokens` its length. `by_mentor`: the project's mentor wrote it (then `teacher` is `MENTOR`).
    """

    id: int
    question_id: int
    teacher: str
    final_correct: bool | None
    scores: tuple[Score, ...]
    reviewers: tuple[str, ...] = ()
    adjusted: float | None = None
    tokens: int = 0
    by_mentor: bool = False
    counted: tuple[int | float, ...] = field(init=False, compare=False)
    mean: float | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counted", tuple(one for one in self.scores if counted(one)))
        object.__setattr__(self, "mean", mean_score(self.counted))


@dataclass(frozen=True)
class Verdict:
    """Whether a rationale is accepted and who says so: the rule or a person."""

    accepted: bool
    by: Literal["rule", "person"]


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


def is_above(scores: Iterable[object], threshold: float) -> bool:
    """The paper's rule alone: the mean of the counted scores is strictly greater.

    With no counted score a rationale is rejected, whatever the threshold.
    """
    mean = mean_score(scores)
    return mean is not None and mean > threshold


def check_rule(rule: Rule) -> Rule:
    """Return the rule with its thresholds as floats. Raises BadInput for a value out of range."""
    if type(rule.min_scores) is not int or not 1 <= rule.min_scores <= MOST_SCORES:
        raise BadInput(
            f"{rule.min_scores!r} cannot be how many scores must count: give a whole number from "
            f"1 to {MOST_SCORES}."
        )
    return Rule(
        check_threshold(rule.threshold),
        {teacher: check_threshold(own) for teacher, own in rule.per_teacher.items()},
        rule.min_scores,
        bool(rule.answer_check),
        bool(rule.adjusted),
    )


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


def mean_by(row: RationaleRow, rule: Rule) -> float | None:
    """The mean that the rule looks at: plain, or less the reviewers' leniencies."""
    return row.adjusted if rule.adjusted else row.mean


def stands_by_its_answer(row: RationaleRow) -> bool:
    """Whether a rationale is the mentor's and no score of it counts: its final answer decides.

    Mentor-KD (arXiv 2410.09037, 3.2) keeps what ends in the right answer, without peers.
    """
    return row.by_mentor and not row.counted


def accepted_by_rule(row: RationaleRow, rule: Rule) -> bool:
    """Whether the mean of the counted scores is strictly greater than the author's threshold.

    With no counted score, or with fewer than the rule asks for, a rationale is rejected, whatever
    the threshold; likewise with a final answer that is not right, where the rule looks at it. The
    mentor's is accepted with a right final answer until a score counts.
    """
    if stands_by_its_answer(row):
        return row.final_correct is True
    mean = mean_by(row, rule)
    return (
        mean is not None
        and len(row.counted) >= rule.min_scores
        and (row.final_correct is True or not rule.answer_check)
        and mean > rule.threshold_of(row.teacher)
    )


def level(row: RationaleRow, rule: Rule, state: State | None = None) -> float:
    """The number that the common threshold is compared with: accepted when it is greater.

    It is the mean of the counted scores where nothing else decides. `ALWAYS_ACCEPTED` and
    `NEVER_ACCEPTED` where a person decided, where the author has a threshold of its own, and where
    the rule's other conditions are not met; likewise where the final answer alone decides.
    """
    if state is not None and state.accepted is not None:
        return ALWAYS_ACCEPTED if state.accepted else NEVER_ACCEPTED
    if stands_by_its_answer(row):
        return ALWAYS_ACCEPTED if row.final_correct is True else NEVER_ACCEPTED
    mean = mean_by(row, rule)
    if (
        mean is None
        or len(row.counted) < rule.min_scores
        or (rule.answer_check and row.final_correct is not True)
    ):
        return NEVER_ACCEPTED
    if row.teacher in rule.per_teacher:
        return ALWAYS_ACCEPTED if mean > rule.per_teacher[row.teacher] else NEVER_ACCEPTED
    return mean


def verdict(row: RationaleRow, rule: Rule, state: State | None = None) -> Verdict:
    """Judge a rationale: by a person's decision where one is in force, else by the rule."""
    if state is not None and state.accepted is not None:
        return Verdict(state.accepted, "person")
    return Verdict(accepted_by_rule(row, rule), "rule")
