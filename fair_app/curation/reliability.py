"""How far the reviewers of a committee can be relied on: pure functions on plain scores.

Each rationale is scored by all teachers but its author, so each two reviewers overlap only on the
work of third parties: with three teachers, on that of one. Intervals are of 95 % and take the
rationales as independent.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fair_app.curation.acceptance import (
    DEFAULT_THRESHOLD,
    HIGHEST_SCORE,
    LOWEST_SCORE,
    Score,
    check_threshold,
    counted,
)
from fair_app.curation.agreement import Agreement, pairwise_agreement
from fair_app.curation.leniency import leniencies
from fair_app.evaluation.statistics import wilson

Z = 1.959963984540054  # the 97.5 % point of the standard normal distribution
FEWEST = 10
"""Below so many rationales no sentence is ventured, and no interval by resampling."""

RESAMPLES, SEED = 1000, 0
HALVES = 2 * (HIGHEST_SCORE - LOWEST_SCORE) + 1  # 1, 1.5, …, 5


@dataclass(frozen=True)
class Scored:
    """A rationale with its reviewers' scores. Scores that do not count are left out.

    `right`: its final answer is the gold one, None when not graded. `accepted`: a person's
    decision, None without one.
    """

    author: str
    scores: Mapping[str, Score]
    right: bool | None
    accepted: bool | None


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval, None where too little is known for one.

    `n` is the number of rationales that it is taken from.
    """

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Cell:
    """What one reviewer gave one author: the mean of its `n` scores."""

    mean: float
    n: int


@dataclass(frozen=True)
class Reviewer:
    """One reviewer. What nothing is known of is None.

    - `mean` and `spread` (standard deviation, over n - 1) of its `n` scores; `leniency` in points,
      see `fair_app.curation.leniency`.
    - `auc`: how likely it scores a rationale that ends in the right answer above one that ends in a
      wrong one, see `auc`.
    - `human`: the share of its scores that, held alone against the threshold, give what a person
      decided (interval: Wilson's). `human_accepted` of them were accepted by the person: a reviewer
      that passes everything would reach that share.
    - `top_wrong`, `top_right`: the share of rationales with a wrong and with a right final answer
      that it gives the highest score; `passed_wrong`: the share of those with a wrong one that it
      scores above the threshold (intervals: Wilson's).
    - `sentence`: the most telling of it in words.
    """

    name: str
    n: int
    mean: float | None
    spread: float | None
    leniency: float | None
    auc: Estimate | None
    human: Estimate | None
    human_accepted: int
    top_wrong: Estimate | None
    top_right: Estimate | None
    passed_wrong: Estimate | None
    sentence: str


@dataclass(frozen=True)
class Reliability:
    """All that the scores say about those who gave them.

    `reviewers` has every teacher, `authors` also those who only write; `matrix` a cell for each
    reviewer and author with a score, `alpha` the agreement of all (see `ordinal_alpha`), `pairs`
    that of each two by their names in alphabetical order.
    """

    threshold: float
    reviewers: tuple[Reviewer, ...]
    authors: tuple[str, ...]
    matrix: Mapping[tuple[str, str], Cell]
    alpha: Estimate | None
    pairs: Mapping[tuple[str, str], Agreement]


Tally = Counter[tuple[str, bool | None, bool | None, float]]
"""One reviewer's scores: how often for each author, answer check, decision and score."""


def reliability(
    rationales: Iterable[Scored],
    threshold: float = DEFAULT_THRESHOLD,
    teachers: Sequence[str] = (),
    unheard: Sequence[str] = (),
) -> Reliability:
    """Judge the reviewers by their scores; whatever is missing, nothing is raised for it.

    `teachers` gives the order; others follow by name. `unheard` are authors who are no reviewers: a
    mentor. A score that an author gave itself does not
    count. Raises BadInput for a threshold outside 0..5.
    """
    check_threshold(threshold)
    tallies: defaultdict[str, Tally] = defaultdict(Counter)
    known: set[str] = set()
    kept: list[dict[str, float]] = []
    for one in rationales:
        known.update((one.author, *one.scores))
        scores: dict[str, float] = {}
        for name, score in one.scores.items():
            if name != one.author and counted(score):
                scores[name] = score
                tallies[name][one.author, one.right, one.accepted, score] += 1
        kept.append(scores)

    pairs = pairwise_agreement(kept)
    compared = {name for pair in pairs for name in pair}
    lenient = leniencies(kept)
    names = [*dict.fromkeys(teachers), *sorted(known.difference(teachers, unheard))]
    return Reliability(
        threshold=threshold,
        reviewers=tuple(
            _reviewer(name, tallies[name], threshold, lenient[name] if name in compared else None)
            for name in names
        ),
        authors=(*names, *unheard),
        matrix={
            (name, author): cell for name in names for author, cell in _cells(tallies[name]).items()
        },
        alpha=ordinal_alpha(Counter(tuple(scores.values()) for scores in kept)),
        pairs=pairs,
    )


def auc(wrong: Mapping[float, int], right: Mapping[float, int]) -> Estimate | None:
    """The area under the ROC curve of scores against the answer check; None without both kinds.

    `wrong` and `right` say how many rationales of either kind got each score. Equal scores count
    one half (it is the Mann-Whitney statistic over the number of pairs).

    Interval: the variance of E. R. DeLong et al., Biometrics 44 (1988), with midranks, on the logit
    scale so that it stays within 0..1 (M. S. Pepe, 2003, 5.2). When every right one is above every
    wrong one, or below, that variance is 0: then Wilson's interval for as many trials as the rarer
    kind has, since no AUC varies more than that (D. Bamber, J. Math. Psychol. 12, 1975). None when
    one score alone was given, or with fewer than 2 of either kind.
    """
    m, n = sum(wrong.values()), sum(right.values())
    if not m or not n:
        return None
    values = sorted({*wrong, *right})
    below, above = (np.array([kind.get(value, 0) for value in values]) for kind in (wrong, right))
    # For each score: the share of the wrong ones below it, and of the right ones above it.
    over = (np.cumsum(below) - below / 2) / m
    under = 1 - (np.cumsum(above) - above / 2) / n
    area = float(above @ over) / n
    if area in (0.0, 1.0):
        fewer = min(m, n)
        return Estimate(area, *wilson(round(area) * fewer, fewer), m + n)
    low = high = None
    if m > 1 and n > 1:
        variance = float(
            above @ (over - area) ** 2 / (n - 1) / n + below @ (under - area) ** 2 / (m - 1) / m
        )
        if variance > 0:
            reach = Z * math.sqrt(variance) / (area * (1 - area))
            logit = math.log(area / (1 - area))
            low, high = (_logistic(logit + side * reach) for side in (-1, 1))
    return Estimate(area, low, high, m + n)


def ordinal_alpha(units: Mapping[tuple[float, ...], int]) -> Estimate | None:
    """Krippendorff's alpha for ordinal scores, 1 full agreement, 0 what chance gives.

    `units` says how many rationales got each tuple of scores; one score alone says nothing about
    agreement. Scores between the halves count as the nearest half. None when no rationale has two
    scores or all scores are the same. (K. Krippendorff, Content Analysis, 4th ed. 2019, chapter 12;
    computed by the library krippendorff.)

    Interval: percentiles of 1,000 resamples of the rationales (seeded), from 10 rationales on.
    """
    import krippendorff

    patterns: Counter[tuple[int, ...]] = Counter()
    for scores, times in units.items():
        if len(scores) > 1:
            patterns[tuple(sorted(round(2 * (score - LOWEST_SCORE)) for score in scores))] += times
    if len({score for pattern in patterns for score in pattern}) < 2:
        return None
    # In a fixed order, so that the same scores give the same resamples.
    counts = np.array([np.bincount(pattern, minlength=HALVES) for pattern in sorted(patterns)])
    often = np.array([patterns[pattern] for pattern in sorted(patterns)])
    value = krippendorff.alpha(
        value_counts=np.repeat(counts, often, axis=0), level_of_measurement="ordinal"
    )
    n = patterns.total()
    low, high = _resampled(counts, often) if n >= FEWEST else (None, None)
    return Estimate(float(value), low, high, n)


def _resampled(
    counts: NDArray[np.int_], often: NDArray[np.int_]
) -> tuple[float | None, float | None]:
    """The 2.5 % and 97.5 % points of alpha over resamples of the rationales.

    `counts` has a row for each pattern of scores, how often it has each score; `often` says how
    many rationales have that pattern. The library takes no weights, and a row a rationale would
    cost it seconds; alpha is a short formula once the coincidences are added up by pattern.
    """
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(HALVES)
    pairs = (pairs / (counts.sum(axis=1) - 1)[:, None, None]).reshape(len(counts), -1)
    random, size = np.random.default_rng(SEED), often.sum()
    drawn = [random.multinomial(size, often / size) @ pairs for _ in range(RESAMPLES)]
    seen = np.array(drawn).reshape(-1, HALVES, HALVES)
    each = seen.sum(axis=2)
    # Ordinal distance: the scores that lie between two, each end counting half.
    middle = np.cumsum(each, axis=1) - each / 2
    distance = (middle[:, :, None] - middle[:, None, :]) ** 2
    chance = (each[:, :, None] * each[:, None, :] * distance).sum(axis=(1, 2))
    differ = chance > 0
    if not differ.any():
        return None, None
    observed = (seen * distance).sum(axis=(1, 2))[differ]
    alphas = 1 - (each.sum(axis=1)[differ] - 1) * observed / chance[differ]
    low, high = np.quantile(alphas, [0.025, 0.975])
    return float(low), float(high)


def _reviewer(name: str, tally: Tally, threshold: float, leniency: float | None) -> Reviewer:
    n = tally.total()
    mean = math.fsum(score * times for (*_, score), times in tally.items()) / n if n else None
    spread = None
    if mean is not None and n > 1:
        squares = math.fsum(times * (score - mean) ** 2 for (*_, score), times in tally.items())
        spread = math.sqrt(squares / (n - 1))

    graded: dict[bool, Counter[float]] = {False: Counter(), True: Counter()}
    alike = decided = accepted = 0
    for (_, correct, decision, score), times in tally.items():
        if correct is not None:
            graded[correct][score] += times
        if decision is not None:
            decided += times
            accepted += times * decision
            alike += times * ((score > threshold) == decision)
    wrong, right = graded[False], graded[True]
    top_wrong = _share(wrong[HIGHEST_SCORE], wrong.total())
    top_right = _share(right[HIGHEST_SCORE], right.total())
    passed = sum(times for score, times in wrong.items() if score > threshold)
    return Reviewer(
        name=name,
        n=n,
        mean=mean,
        spread=spread,
        leniency=leniency,
        auc=auc(wrong, right),
        human=_share(alike, decided),
        human_accepted=accepted,
        top_wrong=top_wrong,
        top_right=top_right,
        passed_wrong=_share(passed, wrong.total()),
        sentence=_sentence(name, n, top_wrong, top_right),
    )


def _cells(tally: Tally) -> dict[str, Cell]:
    """The mean of what this reviewer gave each author, and how often it scored it."""
    sums: defaultdict[str, float] = defaultdict(float)
    numbers: Counter[str] = Counter()
    for (author, _, _, score), times in tally.items():
        sums[author] += score * times
        numbers[author] += times
    return {author: Cell(sums[author] / n, n) for author, n in numbers.items()}


def _sentence(name: str, n: int, wrong: Estimate | None, right: Estimate | None) -> str:
    if not n:
        return f"{name} has given no score yet: too few to say anything."
    if wrong is None or wrong.n < FEWEST:
        have = wrong.n if wrong else "none"
        return (
            f"{name} has scored too few wrong rationales to say how it treats them: {have} so far."
        )
    more = ""
    if wrong.low is not None and wrong.high is not None:
        more = f" ({_percent(wrong.low)}–{_percent(wrong.high)} %)"
    if right is not None and right.n >= FEWEST:
        more = f"{more} and to {_percent(right.value)} % of right ones"
    share = _percent(wrong.value)
    return f"{name} gives {HIGHEST_SCORE} to {share} % of wrong rationales{more}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _share(part: int, whole: int) -> Estimate | None:
    """A share with Wilson's interval; None of nothing."""
    return Estimate(part / whole, *wilson(part, whole), whole) if whole else None


def _logistic(value: float) -> float:
    return 0.5 * (1 + math.tanh(value / 2))
