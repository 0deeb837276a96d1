"""How sure an accuracy is, and whether one student is better than another on the same items."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

from fair_app.errors import BadInput

Item = TypeVar("Item", bound=Hashable)

UNLIKELY = 0.05
"""Below this, a p-value calls a difference unlikely to be chance."""


@dataclass(frozen=True)
class Comparison:
    """Two students on the same items: fixed = wrong before and right after, broken = the reverse.

    Over several seeds an item is fixed that is right in more of them after than before, and broken
    in fewer; of the others those are right that are so in half of their seeds or more. `p_value`
    is that of McNemar's exact test, over several seeds that of `sign_flips`.
    """

    fixed: int
    broken: int
    both_right: int
    both_wrong: int
    p_value: float


@dataclass(frozen=True)
class Estimate:
    """The mean accuracy over several seeds, the ends of its interval, and the accuracy of each."""

    mean: float
    low: float
    high: float
    each: tuple[float, ...]


def wilson(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of an accuracy, both ends in 0..1 (Wilson 1927).

    Unlike the normal approximation it holds for small n and near 0 and 1. Raises BadInput when
    there is no answer, ValueError when `correct` is not in 0..n.
    """
    if n < 1:
        raise BadInput("No answer is graded yet: an interval needs at least one.")
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} answers cannot be correct")
    return _wilson(correct / n, n, confidence)


def over_seeds(
    items: int, seeds: int, right: int, squares: int, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of the mean accuracy over several seeds on the same items, both ends in 0..1.

    `right` is the sum over the items of how often each was answered right, `squares` that of the
    number's square. An item's answers are no independent ones: the variance of the mean is that of
    the items' own means (Miller 2024, arXiv 2411.00640, section 2.2), and Wilson's interval is
    taken at the number of independent answers that have this variance (Franco, Little, Louis and
    Slud 2019, doi 10.1093/jssam/smy019), between `items` and `items * seeds`. With one seed it is
    `wilson`. Raises BadInput when there is no answer.
    """
    if items < 1 or seeds < 1:
        raise BadInput("No answer is graded yet: an interval needs at least one.")
    mean = right / (items * seeds)
    most = items * seeds
    # n times the variance of the items' means; 0 when all of them are alike
    spread = (squares / seeds**2 - items * mean**2) / max(items - 1, 1)
    binomial = mean * (1 - mean)
    independent: float = items if binomial == 0 else most
    if binomial > 0 and spread > 0:
        independent = max(items, min(most, items * binomial / spread))
    return _wilson(mean, independent, confidence)


def clustered(runs: Sequence[Sequence[bool]], confidence: float = 0.95) -> Estimate:
    """The accuracy over several seeds, one sequence each, of the same items in the same order.

    The interval is that of `over_seeds`. Raises BadInput when the sequences are of different
    lengths, or of none.
    """
    if not runs or not runs[0]:
        raise BadInput("No answer is graded yet: an interval needs at least one.")
    if any(len(run) != len(runs[0]) for run in runs):
        raise BadInput("The seeds are not of the same items: evaluate each on the same rows.")
    times = [sum(map(bool, item)) for item in zip(*runs, strict=True)]
    right = sum(times)
    ends = over_seeds(len(times), len(runs), right, sum(one**2 for one in times), confidence)
    each = tuple(sum(map(bool, run)) / len(run) for run in runs)
    return Estimate(right / (len(times) * len(runs)), *ends, each)


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


def sign_flips(changes: Sequence[int]) -> float:
    """The two-sided p-value of the exact paired permutation test (Fisher 1935, section 21).

    How likely a sum at least this far from 0 is, were each item's change as likely to be of the
    other sign. Changes of one size make it McNemar's exact test. 1.0 when nothing changed.
    """
    sizes = [abs(change) for change in changes if change]
    if not sizes:
        return 1.0
    unit = math.gcd(*sizes)
    numbers = Counter(size // unit for size in sizes)
    if set(numbers) == {1}:
        up = sum(change > 0 for change in changes)
        return mcnemar_exact(up, len(sizes) - up)
    import numpy as np

    chances = np.ones(1)  # that the changes upwards sum to 0, 1, 2 and so on
    for size, number in sorted(numbers.items()):
        grown = np.zeros(len(chances) + size * number)
        for up in range(number + 1):
            share = math.comb(number, up) / 2**number
            grown[up * size : up * size + len(chances)] += share * chances
        chances = grown
    most = len(chances) - 1
    sums = np.abs(2 * np.arange(most + 1) - most)
    return min(1.0, float(chances[sums >= abs(sum(changes)) // unit].sum()))


def paired(a: Mapping[Item, bool], b: Mapping[Item, bool]) -> Comparison:
    """Compare what was right in `a` (before) and `b` (after), item by item.

    Raises BadInput when the two are not of the same items, or of none.
    """
    return paired_over_seeds([a], [b])


def paired_over_seeds(
    a: Sequence[Mapping[Item, bool]], b: Sequence[Mapping[Item, bool]]
) -> Comparison:
    """Compare several seeds before and after, of the same items; each side has one or more.

    Raises BadInput when they are not of the same items, or of none.
    """
    for one in (*a[1:], *b):
        if one.keys() != a[0].keys():
            raise BadInput(
                "The two evaluations are not of the same items "
                f"({len(a[0].keys() - one.keys())} only in the first, "
                f"{len(one.keys() - a[0].keys())} only in the second): "
                "evaluate both students on the same rows."
            )
    if not a[0]:
        raise BadInput("The two evaluations hold no graded answer: let them finish first.")
    times = [
        (sum(bool(run[item]) for run in a), sum(bool(run[item]) for run in b)) for item in a[0]
    ]
    # In units of one answer of each side's, so that seeds of unequal number stay whole numbers.
    changes = [after * len(a) - before * len(b) for before, after in times]
    same = [
        2 * before >= len(a)
        for (before, _), change in zip(times, changes, strict=True)
        if not change
    ]
    return Comparison(
        fixed=sum(change > 0 for change in changes),
        broken=sum(change < 0 for change in changes),
        both_right=sum(same),
        both_wrong=len(same) - sum(same),
        p_value=sign_flips(changes),
    )


def bootstrap_difference(
    before: Sequence[float],
    after: Sequence[float],
    *,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The interval of the difference of two accuracies on the same items, after less before.

    Each has a value an item, in the same order: whether it was right, or over several seeds the
    share of them in which it was. Items are drawn anew, each with both of its values: the
    percentiles of the paired bootstrap (Efron and Tibshirani 1993, chapter 13; for language tasks
    Koehn 2004). Where no item changed, both ends are 0. Raises BadInput when there is no item,
    ValueError when the two are of different lengths.
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} items before and {len(after)} after are no pairs")
    if not before:
        raise BadInput("The two evaluations hold no graded answer: let them finish first.")
    import numpy as np

    changes = np.asarray(after, float) - np.asarray(before, float)
    # Items with the same change are alike: how many of each kind a resample holds is multinomial.
    values, counts = np.unique(changes, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(changes.size, counts / changes.size, resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn @ values / changes.size, [tail, 1 - tail])
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for being several (Holm 1979), in the order in which they are given.

    Calling those below 0.05 differences is wrong of any of them at most one time in twenty.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At 0 and 1 the ends are exact, which the sum of rounded terms is not.
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return low, high
