"""Two sides of several seeds: the exact permutation test, and what is fixed and broken."""

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from fair_app.errors import BadInput
from fair_app.evaluation.statistics import (
    Comparison,
    mcnemar_exact,
    paired,
    paired_over_seeds,
    sign_flips,
)


def enumerated(changes: list[int]) -> float:
    """The share of all assignments of signs whose sum is as far from 0 as the observed one."""
    observed = abs(sum(changes))
    sums = [
        abs(sum(sign * change for sign, change in zip(signs, changes, strict=True)))
        for signs in product((1, -1), repeat=len(changes))
    ]
    return sum(one >= observed for one in sums) / len(sums)


@with_settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(-6, 6), max_size=11))
def test_the_permutation_test_is_the_count_of_all_signs(changes: list[int]) -> None:
    assert sign_flips(changes) == pytest.approx(enumerated(changes), rel=1e-12)
    assert sign_flips([-one for one in changes]) == pytest.approx(sign_flips(changes), rel=1e-12)
    assert sign_flips([7 * one for one in changes]) == pytest.approx(sign_flips(changes), rel=1e-12)


def test_the_permutation_test_against_scipy() -> None:
    chance = random.Random(3)
    before = [chance.randint(0, 3) for _ in range(12)]
    after = [min(3, one + chance.choice([0, 1, 1, 2])) for one in before]
    theirs = permutation_test(
        (np.array(after), np.array(before)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    changes = [new - old for old, new in zip(before, after, strict=True)]
    assert sign_flips(changes) == pytest.approx(float(theirs.pvalue), rel=1e-9)


def test_changes_of_one_size_are_mcnemars() -> None:
    assert sign_flips([3] * 7 + [-3] * 2 + [0] * 40) == mcnemar_exact(7, 2)
    assert (sign_flips([]), sign_flips([0, 0])) == (1.0, 1.0)


def test_a_benchmark_s_length_is_exact_and_quick() -> None:
    """1,319 questions, five seeds against three: sums of up to 20,000 units."""
    chance = random.Random(0)
    changes = [chance.choice([-3, -1, 0, 0, 2, 4, 15]) for _ in range(1319)]
    assert 0 < sign_flips(changes) < 1e-30
    level = [chance.choice([-4, -1, 1, 4]) for _ in range(1319)]
    assert sign_flips(level) == pytest.approx(_normal(level), abs=0.005)


def _normal(changes: list[int]) -> float:
    from scipy.stats import norm

    spread = float(np.sqrt(np.sum(np.square(changes))))
    return float(2 * norm.sf((abs(sum(changes)) - 0.5) / spread))


def test_an_item_counts_with_the_share_of_its_seeds() -> None:
    before = [{1: True, 2: False, 3: False, 4: True}, {1: True, 2: False, 3: True, 4: False}]
    after = [
        {1: True, 2: True, 3: False, 4: True},
        {1: True, 2: False, 3: False, 4: False},
        {1: True, 2: False, 3: True, 4: False},
    ]
    # 1: always right; 2: 0 to 1/3; 3: 1/2 to 1/3; 4: 1/2 to 1/3. In sixths: 0, 2, -1, -1.
    assert paired_over_seeds(before, after) == Comparison(1, 2, 1, 0, enumerated([2, -1, -1]))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_one_seed_each_is_the_plain_comparison(pairs: list[tuple[bool, bool]]) -> None:
    a, b = ({item: pair[side] for item, pair in enumerate(pairs)} for side in (0, 1))
    found = paired(a, b)
    assert found == paired_over_seeds([a], [b])
    assert (found.fixed, found.broken) == (pairs.count((False, True)), pairs.count((True, False)))
    assert found.p_value == mcnemar_exact(found.fixed, found.broken)
    # The same seed twice says nothing new: all changes are of one size again.
    assert paired_over_seeds([a, a], [b, b]) == found


def test_seeds_of_other_items_are_refused() -> None:
    with pytest.raises(BadInput, match="not of the same items"):
        paired_over_seeds([{1: True}, {2: True}], [{1: True}])
    with pytest.raises(BadInput, match="no graded answer"):
        paired_over_seeds([{}], [{}])
