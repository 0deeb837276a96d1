"""How sure an accuracy is, and whether one student is better than another on the same items."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from fair_app.errors import BadInput

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True)
class Comparison:
    """Two students on the same items: fixed = wrong before and right after, broken = the reverse.

    `p_value` is that of McNemar's exact test.
    """

    fixed: int
    broken: int
    both_right: int
    both_wrong: int
    p_value: float


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of an accuracy, both ends in 0..1 (Wilson 1927).

    Unlike the normal approximation it holds for small n and near 0 and 1. Raises BadInput when
    there is no answer, ValueError when `correct` is not in 0..n.
    """
    if n < 1:
        raise BadInput("No answer is graded yet: an interval needs at least one.")
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} answers cannot be correct")
    from scipy.stats import binomtest

    interval = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_exact(fixed: int, broken: int) -> float:
    """The two-sided p-value of McNemar's exact test (McNemar 1947, in its binomial form).

    How likely a split at least this uneven is, were every changed item as likely to be fixed as
    to be broken. 1.0 when nothing changed. Raises ValueError for a negative count.
    """
    if fixed < 0 or broken < 0:
        raise ValueError(f"counts cannot be negative: fixed {fixed}, broken {broken}")
    if fixed + broken == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(fixed, fixed + broken, 0.5).pvalue)


def paired(a: Mapping[Item, bool], b: Mapping[Item, bool]) -> Comparison:
    """Compare what was right in `a` (before) and `b` (after), item by item.

    Raises BadInput when the two are not of the same items, or of none.
    """
    if a.keys() != b.keys():
        raise BadInput(
            "The two evaluations are not of the same items "
            f"({len(a.keys() - b.keys())} only in the first, "
            f"{len(b.keys() - a.keys())} only in the second): "
            "evaluate both students on the same rows."
        )
    if not a:
        raise BadInput("The two evaluations hold no graded answer: let them finish first.")
    pairs = [(bool(a[item]), bool(b[item])) for item in a]
    fixed, broken = pairs.count((False, True)), pairs.count((True, False))
    return Comparison(
        fixed=fixed,
        broken=broken,
        both_right=pairs.count((True, True)),
        both_wrong=pairs.count((False, False)),
        p_value=mcnemar_exact(fixed, broken),
    )
