"""Intervals and paired tests, against sums of binomial terms in exact arithmetic."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.evaluation.statistics import Comparison, mcnemar_exact, paired, wilson

Z = 1.959963984540054  # the normal distribution's 97.5 % point


def exact_p_value(fixed: int, broken: int) -> Fraction:
    """Twice the lower tail of a fair coin, at most 1."""
    n = fixed + broken
    tail = sum(math.comb(n, k) for k in range(min(fixed, broken) + 1))
    return min(Fraction(1), Fraction(2 * tail, 2**n))


def test_mcnemar_on_every_small_table() -> None:
    for fixed in range(26):
        for broken in range(26):
            found = mcnemar_exact(fixed, broken)
            assert found == pytest.approx(float(exact_p_value(fixed, broken)), rel=1e-12)
            assert found == pytest.approx(mcnemar_exact(broken, fixed), rel=1e-12)


@pytest.mark.parametrize(("fixed", "broken"), [(70, 6), (400, 310), (1000, 0), (0, 0)])
def test_mcnemar_on_larger_tables(fixed: int, broken: int) -> None:
    exact = float(exact_p_value(fixed, broken))
    assert mcnemar_exact(fixed, broken) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 50), (7, 50), (50, 50), (83, 300)])
def test_wilsons_ends_solve_wilsons_equation(correct: int, n: int) -> None:
    """The ends are the proportions p from which correct / n is exactly z standard errors away."""
    low, high = wilson(correct, n)
    assert 0 <= low <= correct / n <= high <= 1
    for end in (low, high):
        if end not in (0, 1):
            assert abs(correct / n - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / n))


def test_wilson_on_a_published_example() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0000, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (correct, n), ends in published.items():
        assert [round(end, 4) for end in wilson(correct, n)] == list(ends)


@given(st.integers(1, 2000), st.data())
def test_wilson_mirrors_and_holds_the_proportion(n: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, n))
    low, high = wilson(correct, n)
    mirrored_low, mirrored_high = wilson(n - correct, n)
    assert low <= correct / n <= high
    assert (low, high) == pytest.approx((1 - mirrored_high, 1 - mirrored_low))


def test_a_higher_confidence_is_wider() -> None:
    low, high = wilson(30, 100)
    wider = wilson(30, 100, confidence=0.99)
    assert wider[0] < low < high < wider[1]


def test_no_answers_give_no_interval() -> None:
    with pytest.raises(BadInput, match="at least one"):
        wilson(0, 0)


def test_impossible_counts_are_refused() -> None:
    for correct in (-1, 6):
        with pytest.raises(ValueError, match="of 5 answers"):
            wilson(correct, 5)
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_fixed_is_wrong_before_and_right_after() -> None:
    before = {"a": False, "b": False, "c": False, "d": True, "e": True, "f": False}
    after = {"f": False, "a": True, "b": True, "c": True, "d": False, "e": True}
    assert paired(before, after) == Comparison(
        fixed=3, broken=1, both_right=1, both_wrong=1, p_value=0.625
    )


@given(st.dictionaries(st.integers(), st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_a_comparison_adds_up_and_turns_round(items: dict[int, tuple[bool, bool]]) -> None:
    before = {item: pair[0] for item, pair in items.items()}
    after = {item: pair[1] for item, pair in items.items()}
    found, turned = paired(before, after), paired(after, before)
    total = found.fixed + found.broken + found.both_right + found.both_wrong
    assert total == len(items)
    assert found.fixed - found.broken == sum(after.values()) - sum(before.values())
    assert (found.fixed, found.broken) == (turned.broken, turned.fixed)
    assert 0 < found.p_value <= 1
    assert found.p_value == pytest.approx(turned.p_value)


def test_different_items_are_not_compared() -> None:
    with pytest.raises(BadInput, match=r"2 only in the first, 1 only in the second"):
        paired({1: True, 2: True, 3: False}, {3: True, 4: False})
    with pytest.raises(BadInput, match="no graded answer"):
        paired({}, {})
