"""How far reviewers agree with one another: pure functions on plain scores."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from fair_app.curation.acceptance import counted


@dataclass(frozen=True)
class Agreement:
    """Two reviewers on the rationales that both have scored.

    `kappa` is Cohen's kappa with quadratic weights (1 is full agreement, 0 what chance gives); None
    when one score alone was given throughout. `same` and `near` are shares: equal scores, and
    scores at most 1 apart.
    """

    count: int
    same: float
    near: float
    kappa: float | None


def pairwise_agreement(
    rationales: Iterable[Mapping[str, Any]],
) -> dict[tuple[str, str], Agreement]:
    """The agreement of each two reviewers, by their names in alphabetical order.

    `rationales` has the scores of each rationale by reviewer; others than 1 to 5 do not count.
    """
    pairs: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for scores in rationales:
        scored = {name: score for name, score in sorted(scores.items()) if counted(score)}
        for one, other in combinations(scored, 2):
            pairs[one, other].append((scored[one], scored[other]))
    return {names: _agreement(scored) for names, scored in sorted(pairs.items())}


def _agreement(scored: list[tuple[float, float]]) -> Agreement:
    count = len(scored)
    return Agreement(
        count,
        same=sum(one == other for one, other in scored) / count,
        near=sum(abs(one - other) <= 1 for one, other in scored) / count,
        kappa=weighted_kappa(scored),
    )


def weighted_kappa(scored: list[tuple[float, float]]) -> float | None:
    """Cohen's kappa with quadratic weights (J. Cohen, 1968) of scores; None without spread.

    One minus the squared differences that were seen, over those that the two reviewers' own habits
    would give by chance.
    """
    count = len(scored)
    seen = sum((one - other) ** 2 for one, other in scored) / count
    means = [sum(scores) / count for scores in zip(*scored, strict=True)]
    squares = sum(one**2 + other**2 for one, other in scored) / count
    chance = squares - 2 * means[0] * means[1]
    return 1 - seen / chance if chance > 0 else None
