"""Which arms an ablation has, and how its runs are called."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.evaluation.ablation import (
    COMBINED,
    LONGEST_NAME,
    THE_SETTING,
    Arm,
    Design,
    Factors,
    alpha_of,
    changed,
    design,
    factor,
    names,
    title,
)
from fair_app.studio.training import NAME

BASE = Arm(threshold=3.0, alpha=0.5)
TEACHERS = ["ada", "Ada", "a da", "<b>", "é", "mixed"]
numbers = st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0, 4.5]), max_size=4).map(tuple)
bases = st.builds(
    Arm,
    threshold=st.sampled_from([None, 0.0, 3.0]),
    alpha=st.sampled_from([0.0, 0.5, 1.0]),
    answer_check=st.booleans(),
)
factor_lists = st.builds(
    Factors,
    thresholds=numbers,
    alphas=numbers.map(lambda found: tuple(one for one in found if one <= 1)),
    teachers=st.lists(st.sampled_from(TEACHERS), max_size=3).map(tuple),
    without_feedback=st.booleans(),
    random_rationales=st.booleans(),
    answer_check=st.booleans(),
    without_decisions=st.booleans(),
)


def designed(base: Arm, factors: Factors, **how: Any) -> Design | None:
    """A design, None where nothing is changed or there is too much of it."""
    try:
        return design(base, factors, **{"seeds": [731], **how})
    except BadInput as fault:
        assert "Nothing is changed" in str(fault) or "change fewer" in str(fault)
        return None


@given(bases, factor_lists, st.booleans())
def test_one_thing_is_changed_at_a_time_and_equal_arms_stand_once(
    base: Arm, factors: Factors, keep_rule: bool
) -> None:
    found = designed(base, factors, keep_rule=keep_rule)
    if found is None:
        return
    assert found.base == base
    assert len(set(found.arms)) == len(found.arms)
    for arm in found.arms[1:]:
        assert len(changed(arm, base)) == 1, arm
        assert factor(arm, base) in changed(arm, base)
    assert changed(base, base) == {}
    assert factor(base, base) == THE_SETTING


@given(bases, factor_lists, st.booleans())
def test_a_grid_has_every_arm_of_the_plain_design(
    base: Arm, factors: Factors, keep_rule: bool
) -> None:
    plain = designed(base, factors, keep_rule=keep_rule)
    grid = designed(base, factors, keep_rule=keep_rule, grid=True)
    if plain is None or grid is None:
        return
    assert grid.base == base
    assert set(plain.arms) <= set(grid.arms)
    if not keep_rule:
        # whatever a single teacher wrote is learned from: no rule is an arm of its own there
        alone = [arm for arm in grid.arms if arm.teacher != "mixed"]
        assert all(arm.threshold == base.threshold and arm.peer_review for arm in alone)
    assert all(alpha_of(arm) == 0 for arm in grid.arms if not arm.feedback)


@given(bases, factor_lists, st.booleans(), st.integers(1, 3))
def test_every_run_has_a_checkpoints_name_of_its_own(
    base: Arm, factors: Factors, grid: bool, seeds: int
) -> None:
    found = designed(base, factors, grid=grid, seeds=list(range(seeds)))
    if found is None:
        return
    try:
        called = names("abl", found)
    except BadInput as fault:
        assert "too long" in str(fault)
        return
    assert len(set(called.values())) == len(found.arms) * seeds
    for name in called.values():
        assert NAME.fullmatch(name), name
        assert len(name) <= LONGEST_NAME


def test_the_names_say_what_is_changed() -> None:
    factors = Factors((0, 3), (0, 0.5), ("ada",), True, True, True, True)
    found = design(BASE, factors, seeds=[1])
    assert list(names("x", found).values()) == [
        "x-base",
        "x-threshold-0",
        "x-alpha-0",
        "x-only-ada",
        "x-rationales-only",
        "x-random-rationales",
        "x-with-the-answer-check",
        "x-without-human-decisions",
    ]
    assert title(found.arms[-1], BASE) == "without human decisions"
    assert names("x", replace(found, seeds=(7, 8)))[BASE, 8] == "x-base-s8"


def test_teachers_whose_names_become_alike_have_checkpoints_of_their_own() -> None:
    found = design(BASE, Factors(teachers=("ada", "Ada", "ada 2", "a/d/a")), seeds=[1])
    assert list(names("x", found).values())[1:] == [
        "x-only-ada",
        "x-only-ada-2",
        "x-only-ada-2-2",
        "x-only-a-d-a",
    ]


def test_without_feedback_alpha_is_no_choice() -> None:
    found = design(BASE, Factors(alphas=(0, 1), without_feedback=True), seeds=[1], grid=True)
    assert [title(arm, BASE) for arm in found.arms] == [
        "the project's setting",
        "rationales only",
        "alpha 0",
        "alpha 1",
    ]
    both = design(BASE, Factors(thresholds=(0,), alphas=(0,)), seeds=[1], grid=True)
    assert factor(both.arms[-1], BASE) == COMBINED


def test_a_threshold_is_every_teachers_where_some_have_their_own() -> None:
    own = replace(BASE, threshold=None)
    found = design(own, Factors(thresholds=(3,)), seeds=[1])
    assert [arm.threshold for arm in found.arms] == [None, 3.0]


@pytest.mark.parametrize(
    ("factors", "seeds", "complaint"),
    [
        (Factors(), [1], "Nothing is changed"),
        (Factors(thresholds=(3.0,), alphas=(0.5,)), [1], "Nothing is changed"),
        (Factors(thresholds=(5.5,)), [1], "threshold 5.5"),
        (Factors(alphas=(1.5,)), [1], "alpha is 1.5"),
        (Factors(alphas=(float("nan"),)), [1], "alpha is nan"),
        (Factors(alphas=(0,)), [], "at least one seed"),
        (Factors(alphas=(0,)), [1, 1], "only once"),
        (Factors(alphas=(0,)), list(range(101)), "202 runs"),
    ],
)
def test_what_makes_no_ablation_is_said(factors: Factors, seeds: list[int], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        design(BASE, factors, seeds=seeds)


def test_a_name_that_is_too_long_is_said() -> None:
    found = design(BASE, Factors(random_rationales=True), seeds=[1])
    with pytest.raises(BadInput, match="take at least 4 characters away"):
        names("n" * 50, found)
