"""How lenient each reviewer is, and a mean score that does not depend on who happened to review.

A score is taken as the quality of the rationale plus the leniency of the reviewer. Who scores high
because it reviewed the better rationales is so told from who scores high throughout.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from fair_app.curation.acceptance import HIGHEST_SCORE, LOWEST_SCORE, Score, counted

DECIMALS = 9  # of an adjusted mean: rounding noise must not carry one over the threshold


def leniencies(rationales: Iterable[Mapping[str, Score]]) -> dict[str, float]:
    """By how many points each reviewer scores above the others, on the same rationales.

    `rationales` has the scores of each rationale by reviewer; those that do not count are left out.
    The least-squares fit of score = quality + leniency (two-way additive model, rows and columns
    unbalanced: H. Scheffé, The Analysis of Variance, 1959, 4.4). Only differences within a
    rationale bear on it, so the leniencies of reviewers connected by shared rationales sum to 0
    (the solution of least norm); those of unconnected groups cannot be compared. A reviewer who
    shares no rationale has 0.
    """
    import numpy as np

    given: defaultdict[tuple[str, ...], list[tuple[float, ...]]] = defaultdict(list)
    for scores in rationales:
        counting = {name: score for name, score in scores.items() if counted(score)}
        given[tuple(counting)].append(tuple(counting.values()))

    names = sorted({name for group in given for name in group})
    place = {name: index for index, name in enumerate(names)}
    # The normal equations with the qualities eliminated: a graph Laplacian of the reviewers.
    laplacian, above = np.zeros((len(names), len(names))), np.zeros(len(names))
    for group, rows in given.items():
        if len(group) > 1:
            who, size = [place[name] for name in group], len(group)
            sums = np.array(rows, dtype=float).sum(axis=0)
            laplacian[np.ix_(who, who)] += len(rows) * (np.eye(size) - 1 / size)
            above[who] += sums - sums.mean()
    # A real eigenvalue is at least about 1 in the number of rationales; what is below is noise.
    found = np.linalg.lstsq(laplacian, above, rcond=1e-9)[0] if names else above
    return dict(zip(names, found.tolist(), strict=True))


def adjusted_mean(scores: Mapping[str, Score], leniency: Mapping[str, float]) -> float | None:
    """The mean of the counted scores less their reviewers' leniency; None when no score counts.

    Held within 1..5, so that a threshold for scores is one for it too. A reviewer who is not in
    `leniency` is taken as neither lenient nor strict.
    """
    counting = {name: score for name, score in scores.items() if counted(score)}
    if not counting:
        return None
    habit = math.fsum(leniency.get(name, 0.0) for name in counting)
    mean = round((math.fsum(counting.values()) - habit) / len(counting), DECIMALS)
    return float(min(HIGHEST_SCORE, max(LOWEST_SCORE, mean)))
