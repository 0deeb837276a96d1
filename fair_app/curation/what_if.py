"""What a threshold would give: the consequences of the acceptance rule, before it is saved."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fair_app.curation.acceptance import (
    HIGHEST_SCORE,
    RationaleRow,
    Rule,
    check_rule,
    level,
    mean_score,
    verdict,
)
from fair_app.curation.decisions import State
from fair_app.errors import BadInput

States = Mapping[tuple[str, int], State]


@dataclass(frozen=True)
class TeacherSummary:
    """One teacher's rationales, those accepted, and the mean of all their counted scores."""

    rationales: int
    accepted: int
    mean: float | None


@dataclass(frozen=True)
class Agreement:
    """How many rationales end in the right answer, out of those whose final answer was graded."""

    right: int
    graded: int


@dataclass(frozen=True)
class Summary:
    """What a threshold gives. `questions` are those with at least one rationale."""

    threshold: float
    questions: int
    rationales: int
    accepted: int
    questions_accepted: int
    per_teacher: dict[str, TeacherSummary]
    kept: Agreement
    rejected: Agreement


@dataclass(frozen=True)
class CurvePoint:
    """A summary's counts at one threshold of a curve."""

    threshold: float
    accepted: int
    questions_accepted: int
    kept: Agreement
    rejected: Agreement


@dataclass(frozen=True)
class Flips:
    """The rationales that another rule would newly accept, and newly reject."""

    accepted: tuple[RationaleRow, ...]
    rejected: tuple[RationaleRow, ...]


@dataclass(frozen=True)
class Suggestion:
    """The threshold that was found, and whether it reaches the share that was asked for."""

    threshold: float
    reached: bool
    point: CurvePoint


STEPS = tuple(step / 10 for step in range(10 * HIGHEST_SCORE + 1))
"""The thresholds that the slider can stand on."""


def summarise(rows: Sequence[RationaleRow], rule: Rule, states: States | None = None) -> Summary:
    """What a rule accepts, with the decisions in force. Raises BadInput for a bad rule."""
    rule = check_rule(rule)
    point = curve(rows, rule, [rule.threshold], states)[0]
    by_teacher: dict[str, list[RationaleRow]] = {}
    for row in rows:
        by_teacher.setdefault(row.teacher, []).append(row)
    return Summary(
        threshold=point.threshold,
        questions=len({row.question_id for row in rows}),
        rationales=len(rows),
        accepted=point.accepted,
        questions_accepted=point.questions_accepted,
        per_teacher={
            teacher: TeacherSummary(
                rationales=len(own),
                accepted=sum(value > point.threshold for value in levels(own, rule, states)),
                mean=mean_score(score for row in own for score in row.counted),
            )
            for teacher, own in by_teacher.items()
        },
        kept=point.kept,
        rejected=point.rejected,
    )


def levels(rows: Iterable[RationaleRow], rule: Rule, states: States | None = None) -> list[float]:
    """Each rationale's level, which the common threshold must be below for it to be accepted."""
    decided = states or {}
    return [level(row, rule, decided.get(("rationale", row.id))) for row in rows]


def curve(
    rows: Sequence[RationaleRow],
    rule: Rule,
    thresholds: Iterable[float],
    states: States | None = None,
) -> list[CurvePoint]:
    """The consequences of many common thresholds under a rule that is otherwise the same.

    Rows are looked at once, each threshold is a search. Raises BadInput for one outside 0..5.
    """
    found = levels(rows, rule, states)
    best: dict[int, float] = {}
    for row, value in zip(rows, found, strict=True):
        best[row.question_id] = max(value, best.get(row.question_id, value))
    every, questions = sorted(found), sorted(best.values())
    graded = sorted(
        value for row, value in zip(rows, found, strict=True) if row.final_correct is not None
    )
    right = sorted(value for row, value in zip(rows, found, strict=True) if row.final_correct)

    def point(threshold: float) -> CurvePoint:
        kept = Agreement(_above(right, threshold), _above(graded, threshold))
        return CurvePoint(
            threshold=threshold,
            accepted=_above(every, threshold),
            questions_accepted=_above(questions, threshold),
            kept=kept,
            rejected=Agreement(len(right) - kept.right, len(graded) - kept.graded),
        )

    return [
        point(check_rule(replace(rule, threshold=threshold)).threshold) for threshold in thresholds
    ]


def flips(
    rows: Iterable[RationaleRow], old: Rule, new: Rule, states: States | None = None
) -> Flips:
    """What changing the rule from `old` to `new` changes; a person's decision never flips.

    Raises BadInput for a rule with a value out of range.
    """
    old, new = check_rule(old), check_rule(new)
    decided = states or {}
    accepted, rejected = [], []
    for row in rows:
        state = decided.get(("rationale", row.id))
        before, after = (verdict(row, rule, state).accepted for rule in (old, new))
        if after and not before:
            accepted.append(row)
        if before and not after:
            rejected.append(row)
    return Flips(tuple(accepted), tuple(rejected))


def suggest(
    rows: Sequence[RationaleRow], rule: Rule, at_least: float, states: States | None = None
) -> Suggestion:
    """The common threshold that keeps most rationales with at least this share of right answers.

    Looked for among STEPS, with the rule otherwise as it is; of equal ones the highest. The share
    (0..1) is that of the kept rationales whose final answer was graded. Where none reaches it, the
    threshold with the highest share among those that keep any, and `reached` is False.

    Raises BadInput for a share outside 0..1, and when no rationale's answer was graded.
    """
    if not 0 < at_least <= 1:
        raise BadInput("The share of right answers to aim at is more than 0 and at most 100 %.")
    points = [point for point in curve(rows, rule, STEPS, states) if point.kept.graded]
    if not points:
        raise BadInput(
            "No rationale can be kept whose final answer was graded, so there is nothing to go by: "
            "choose the threshold yourself."
        )
    # Divided, not multiplied: 0.55 * 100 is a little more than 55 in binary.
    good = [point for point in points if point.kept.right / point.kept.graded >= at_least]
    if good:
        found = max(good, key=lambda point: (point.accepted, point.threshold))
        return Suggestion(found.threshold, True, found)
    found = max(points, key=lambda p: (p.kept.right / p.kept.graded, p.accepted, p.threshold))
    return Suggestion(found.threshold, False, found)


def _above(ascending: Sequence[float], threshold: float) -> int:
    return len(ascending) - bisect_right(ascending, threshold)
