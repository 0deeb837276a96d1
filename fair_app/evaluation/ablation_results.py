"""What an ablation shows: every run against the student before training and against the base arm.

Pure: outcomes say of each test question whether it was answered right.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fair_app.errors import BadInput
from fair_app.evaluation.statistics import (
    Estimate,
    bootstrap_difference,
    clustered,
    holm,
    paired,
)

Outcomes = Mapping[int, bool]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Difference:
    """One test against another on the same questions: `change` is the accuracy after less before.

    `p_value` is that of McNemar's exact test, `p_holm` the same corrected for being one of several,
    `ci95` the paired bootstrap's interval of the change.
    """

    fixed: int
    broken: int
    change: float
    ci95: tuple[float, float]
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class Change:
    """The mean accuracy over seeds less what it is held against, with its 95 % interval."""

    change: float
    ci95: tuple[float, float]


def differences(
    before: Mapping[Key, Outcomes], after: Mapping[Key, Outcomes]
) -> dict[Key, Difference]:
    """Each test in `after` against the one in `before` with the same key, where there is one.

    Their p-values are corrected together. Raises BadInput when two are not of the same questions.
    """
    keys = [key for key in after if key in before]
    compared = [paired(before[key], after[key]) for key in keys]
    corrected = holm([one.p_value for one in compared])
    found = {}
    for key, one, p_holm in zip(keys, compared, corrected, strict=True):
        items = list(after[key])
        found[key] = Difference(
            fixed=one.fixed,
            broken=one.broken,
            change=(one.fixed - one.broken) / len(items),
            ci95=bootstrap_difference(
                [before[key][item] for item in items], [after[key][item] for item in items]
            ),
            p_value=one.p_value,
            p_holm=p_holm,
        )
    return found


def mean_over_seeds(runs: Sequence[Outcomes]) -> Estimate:
    """The accuracy over the runs of one arm. Raises BadInput when they are of other questions."""
    if any(run.keys() != runs[0].keys() for run in runs):
        raise BadInput("The seeds are not of the same items: evaluate each on the same rows.")
    return clustered([[run[item] for item in sorted(run)] for run in runs])


def change_of_means(before: Sequence[Outcomes], after: Sequence[Outcomes]) -> Change:
    """The mean accuracy of one arm's runs less that of another's, on the same questions."""
    items = sorted(after[0])
    first, second = (
        [sum(run[item] for run in runs) / len(runs) for item in items] for runs in (before, after)
    )
    change = (sum(second) - sum(first)) / len(items)
    return Change(change, bootstrap_difference(first, second))
