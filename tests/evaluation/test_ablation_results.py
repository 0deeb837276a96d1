"""Runs against the student and the base arm, means over seeds: by the statistics' own rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.evaluation.ablation_results import (
    change_of_means,
    differences,
    mean_over_seeds,
)
from fair_app.evaluation.statistics import holm, mcnemar_exact, wilson

ITEMS = 12
outcomes = st.lists(st.booleans(), min_size=ITEMS, max_size=ITEMS).map(
    lambda found: dict(enumerate(found))
)


@settings(deadline=None, max_examples=30)  # the first call loads scipy
@given(outcomes, st.lists(outcomes, min_size=1, max_size=4))
def test_differences_are_paired_and_corrected_together(before, runs) -> None:
    found = differences(dict.fromkeys(range(len(runs)), before), dict(enumerate(runs)))
    plain = []
    for number, run in enumerate(runs):
        one = found[number]
        assert one.change == pytest.approx((sum(run.values()) - sum(before.values())) / ITEMS)
        assert one.fixed == sum(run[item] and not before[item] for item in run)
        assert one.ci95[0] <= one.change + 1e-9
        assert one.change - 1e-9 <= one.ci95[1]
        plain.append(one.p_value)
        assert one.p_value == mcnemar_exact(one.fixed, one.broken)
    assert [found[number].p_holm for number in range(len(runs))] == holm(plain)


@settings(deadline=None, max_examples=30)
@given(st.lists(outcomes, min_size=1, max_size=3), st.lists(outcomes, min_size=1, max_size=3))
def test_means_over_seeds(before, after) -> None:
    mean = mean_over_seeds(after)
    assert mean.mean == pytest.approx(sum(mean.each) / len(after))
    assert mean.low <= mean.mean <= mean.high
    if len(after) == 1:
        assert (mean.low, mean.high) == pytest.approx(wilson(sum(after[0].values()), ITEMS))
    change = change_of_means(before, after)
    assert change.change == pytest.approx(mean.mean - mean_over_seeds(before).mean)
    assert change_of_means(after, after).ci95 == (0.0, 0.0)


def test_other_questions_are_refused() -> None:
    with pytest.raises(BadInput, match="not of the same items"):
        differences({1: {1: True}}, {1: {2: True}})
    with pytest.raises(BadInput, match="same items"):
        mean_over_seeds([{1: True}, {2: True}])
