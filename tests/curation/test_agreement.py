"""How far two reviewers agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.agreement import pairwise_agreement, weighted_kappa

PAIRS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=40)


def test_only_rationales_that_both_scored_count() -> None:
    found = pairwise_agreement(
        [
            {"b": 5, "a": 4, "c": None},
            {"b": 2, "a": 2},
            {"a": 1, "c": 83},
            {"b": 0, "a": 5},
            {"c": 3},
        ]
    )
    assert list(found) == [("a", "b")]
    assert (found["a", "b"].count, found["a", "b"].same, found["a", "b"].near) == (2, 0.5, 1.0)


def test_kappa_of_a_worked_example() -> None:
    # Squared differences seen: 0, 1, 0, 4; by chance the mean over all 16 pairs is 3.
    scored = [(1.0, 1.0), (2.0, 3.0), (5.0, 5.0), (3.0, 5.0)]
    chance = sum((a - b) ** 2 for a, _ in scored for _, b in scored) / 16
    assert weighted_kappa(scored) == pytest.approx(1 - 1.25 / chance)


def test_without_spread_there_is_no_kappa() -> None:
    assert weighted_kappa([(5, 5), (5, 5)]) is None


@given(PAIRS)
def test_kappa_is_at_most_one_and_one_for_the_same_scores(scored: list[tuple[int, int]]) -> None:
    kappa = weighted_kappa([(float(a), float(b)) for a, b in scored])
    assert kappa is None or kappa <= 1 + 1e-9
    same = weighted_kappa([(float(a), float(a)) for a, _ in scored])
    assert same is None or same == pytest.approx(1)


@given(PAIRS)
def test_kappa_does_not_depend_on_who_comes_first(scored: list[tuple[int, int]]) -> None:
    there = weighted_kappa([(float(a), float(b)) for a, b in scored])
    back = weighted_kappa([(float(b), float(a)) for a, b in scored])
    assert there == (None if back is None else pytest.approx(back))
