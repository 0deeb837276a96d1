"""Intervals, corrections and bootstraps against scipy, statsmodels and simulation."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from fair_app.errors import BadInput
from fair_app.evaluation.statistics import (
    Estimate,
    bootstrap_difference,
    clustered,
    holm,
    mcnemar_exact,
    over_seeds,
    wilson,
)

Z = 1.959963984540054


@with_settings(deadline=None, max_examples=60)
@given(st.integers(1, 2000), st.data(), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson(n: int, data: st.DataObject, confidence: float) -> None:
    correct = data.draw(st.integers(0, n))
    found = wilson(correct, n, confidence)
    theirs = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    assert found == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    others = proportion_confint(correct, n, alpha=1 - confidence, method="wilson")
    assert found == pytest.approx(others, abs=1e-12)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (1, 0), (7, 2), (31, 30), (120, 44)])
def test_mcnemar(fixed: int, broken: int) -> None:
    theirs = mcnemar([[50, broken], [fixed, 40]], exact=True)
    assert mcnemar_exact(fixed, broken) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize(
    "p_values", [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9], [1e-9, 0.049, 0.049, 1.0, 0.02]]
)
def test_holm(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    found = holm(p_values)
    ranked = sorted(zip(p_values, found, strict=True))
    assert [after for _, after in ranked] == sorted(found)
    for before, after in ranked:
        assert before <= after <= min(1.0, len(found) * before)
    assert min(found) == min(1.0, len(found) * min(p_values))


def test_holm_of_nothing_and_of_one() -> None:
    assert (holm([]), holm([0.03])) == ([], [0.03])


@pytest.mark.parametrize(("n", "share"), [(40, 0.5), (300, 0.6)])
def test_the_bootstrap_of_a_difference(n: int, share: float) -> None:
    chance = random.Random(n)
    before = [chance.random() < 0.4 for _ in range(n)]
    after = [chance.random() < share if chance.random() < 0.5 else one for one in before]
    low, high = bootstrap_difference(before, after)
    changes = np.subtract(np.array(after, float), np.array(before, float))
    theirs = bootstrap(
        (changes,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1)
    ).confidence_interval
    # Both are drawn, and an end is a whole number of items: it may be the next one.
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1.01 / n)
    assert bootstrap_difference(before, after) == (low, high), "the same draw each time"
    turned = bootstrap_difference(after, before)
    assert turned == pytest.approx((-high, -low), abs=1.01 / n)


def test_the_bootstrap_of_shares_over_seeds() -> None:
    chance = random.Random(7)
    before = [chance.choice([0, 1 / 3, 2 / 3, 1]) for _ in range(200)]
    after = [min(1.0, one + chance.choice([0, 0, 1 / 3])) for one in before]
    changes = np.subtract(after, before)
    theirs = bootstrap(
        (changes,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert bootstrap_difference(before, after) == pytest.approx(tuple(theirs), abs=0.003)


def test_the_bootstraps_edges() -> None:
    assert bootstrap_difference([True, False], [True, False]) == (0.0, 0.0)
    assert bootstrap_difference([False] * 9, [True] * 9) == (1.0, 1.0)
    with pytest.raises(BadInput, match="no graded answer"):
        bootstrap_difference([], [])
    with pytest.raises(ValueError, match="no pairs"):
        bootstrap_difference([True], [True, False])


def runs_of(items: int, seeds: int, seed: int, spread: float = 0.3) -> list[list[bool]]:
    """Answers of items that are not equally hard: a seed's own sequence each."""
    chance = np.random.default_rng(seed)
    hardness = np.clip(chance.normal(0.4, spread, items), 0, 1)
    return [list(chance.random(items) < hardness) for _ in range(seeds)]


@pytest.mark.parametrize(("items", "seeds"), [(400, 2), (1319, 5)])
def test_the_estimate_over_seeds_has_the_clustered_standard_error(items: int, seeds: int) -> None:
    """For many items the half width is z times statsmodels' standard error, clustered by item."""
    runs = runs_of(items, seeds, 3)
    found = clustered(runs)
    flat = np.array(runs, float).ravel()
    by_item = np.tile(np.arange(items), seeds)
    fit = OLS(flat, np.ones(len(flat))).fit(
        cov_type="cluster", cov_kwds={"groups": by_item, "use_correction": False}
    )
    assert found.mean == pytest.approx(float(fit.params[0]))
    assert found.each == pytest.approx([np.mean(run) for run in runs])
    assert (found.high - found.low) / 2 == pytest.approx(Z * float(fit.bse[0]), rel=0.01)
    alone = [wilson(sum(run), items) for run in runs]
    assert found.high - found.low < min(high - low for low, high in alone)
    naive = wilson(int(np.sum(runs)), items * seeds)
    assert found.high - found.low > naive[1] - naive[0], "an item's answers are not independent"


def test_the_interval_over_seeds_holds_the_truth() -> None:
    """In 400 draws of 60 items with known chances, the truth lies in 95 % of the intervals."""
    truth = np.clip(np.random.default_rng(0).normal(0.3, 0.4, 1_000_000), 0, 1).mean()
    chance = np.random.default_rng(11)
    inside = 0
    for _ in range(400):
        hardness = np.clip(chance.normal(0.3, 0.4, 60), 0, 1)
        found = clustered([list(run) for run in chance.random((3, 60)) < hardness])
        inside += found.low <= truth <= found.high
    assert 0.92 <= inside / 400 <= 0.98


@given(st.integers(1, 40), st.integers(1, 5), st.data())
def test_the_interval_lies_between_both_extremes(n: int, seeds: int, data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(0, seeds), min_size=n, max_size=n))
    runs = [[number < one for one in times] for number in range(seeds)]
    found = clustered(runs)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.low == 0 or found.mean > 0
    right = sum(times)
    assert (found.low, found.high) == over_seeds(n, seeds, right, sum(one**2 for one in times))
    if right % seeds == 0:
        widest = wilson(right // seeds, n)
        assert found.low >= widest[0] - 1e-12
        assert found.high <= widest[1] + 1e-12
    narrowest = wilson(right, n * seeds)
    if 0 < right < n * seeds:
        assert found.high - found.low >= narrowest[1] - narrowest[0] - 1e-12


def test_one_seed_is_wilson_and_equal_seeds_add_nothing() -> None:
    run = [True] * 30 + [False] * 50
    assert clustered([run]) == Estimate(0.375, *wilson(30, 80), (0.375,))
    same = clustered([run, run, run])
    assert (same.low, same.high) == pytest.approx(wilson(30, 80), rel=0.01)
    sure = clustered([[True] * 20] * 3)
    assert (sure.low, sure.high) == wilson(20, 20)


def test_seeds_of_different_items_are_refused() -> None:
    with pytest.raises(BadInput, match="not of the same items"):
        clustered([[True, False], [True]])
    for nothing in ([], [[]]):
        with pytest.raises(BadInput, match="at least one"):
            clustered(nothing)
