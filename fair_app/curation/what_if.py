"""What a threshold would give: the consequences of the acceptance rule, before it is saved."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fair_app.curation.acceptance import (
    RationaleRow,
    check_threshold,
    level,
    mean_score,
)
from fair_app.curation.decisions import State

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
    """The rationales that another threshold would newly accept, and newly reject."""

    accepted: tuple[RationaleRow, ...]
    rejected: tuple[RationaleRow, ...]


def summarise(
    rows: Sequence[RationaleRow], threshold: float, states: States | None = None
) -> Summary:
    """What a threshold accepts, with the decisions in force. Raises BadInput outside 0..5."""
    point = curve(rows, [threshold], states)[0]
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
                accepted=sum(value > point.threshold for value in levels(own, states)),
                mean=mean_score(score for row in own for score in row.scores),
            )
            for teacher, own in by_teacher.items()
        },
        kept=point.kept,
        rejected=point.rejected,
    )


def levels(rows: Iterable[RationaleRow], states: States | None = None) -> list[float]:
    """Each rationale's level, which a threshold must be below for it to be accepted.

    These numbers are all that a page needs to recompute a threshold's consequences by itself.
    """
    decided = states or {}
    return [level(row, decided.get(("rationale", row.id))) for row in rows]


def curve(
    rows: Sequence[RationaleRow], thresholds: Iterable[float], states: States | None = None
) -> list[CurvePoint]:
    """The consequences of many thresholds: rows are looked at once, each threshold is a search.

    Raises BadInput for a threshold outside 0..5.
    """
    found = levels(rows, states)
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

    return [point(check_threshold(threshold)) for threshold in thresholds]


def flips(
    rows: Iterable[RationaleRow], old: float, new: float, states: States | None = None
) -> Flips:
    """What moving the threshold from `old` to `new` changes; a person's decision never flips.

    Raises BadInput for a threshold outside 0..5.
    """
    old, new = check_threshold(old), check_threshold(new)
    listed = list(rows)
    pairs = list(zip(listed, levels(listed, states), strict=True))
    return Flips(
        accepted=tuple(row for row, value in pairs if new < value <= old),
        rejected=tuple(row for row, value in pairs if old < value <= new),
    )


def _above(ascending: Sequence[float], threshold: float) -> int:
    return len(ascending) - bisect_right(ascending, threshold)
