"""The mentor as a factor of an ablation: which arms there are, and whose texts they learn from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import MENTOR
from fair_app.curation.training_set import MIXED, WITH_MENTOR
from fair_app.errors import BadInput
from fair_app.evaluation.ablation import (
    ALL,
    MENTORS,
    NONE,
    RATIONALES,
    SOFT,
    Arm,
    Factors,
    changed,
    design,
    factor,
    names,
    title,
)

BASE = Arm(threshold=3.0, alpha=0.5)
EACH = MENTORS[1:]


def test_the_arms_are_fair_alone_rationales_soft_labels_and_both() -> None:
    found = design(BASE, Factors(mentor=EACH), seeds=[1])
    assert [arm.mentor for arm in found.arms] == [NONE, RATIONALES, SOFT, ALL]
    assert [(arm.author, arm.soft) for arm in found.arms] == [
        (MIXED, False),
        (WITH_MENTOR, False),
        (MIXED, True),
        (WITH_MENTOR, True),
    ]
    assert {factor(arm, BASE) for arm in found.arms[1:]} == {"mentor"}
    assert [title(arm, BASE) for arm in found.arms[1:]] == [
        "mentor's rationales",
        "mentor's soft labels",
        "mentor's rationales and soft labels",
    ]
    assert list(names("try", found).values()) == [
        "try-base",
        "try-mentors-rationales",
        "try-mentors-soft-labels",
        "try-mentors-rationales-and-soft-labels",
    ]


def test_one_teacher_alone_learns_nothing_of_the_mentors_rationales() -> None:
    found = design(BASE, Factors(teachers=("ada",), mentor=EACH), seeds=[1], grid=True)
    ada = [arm for arm in found.arms if arm.teacher == "ada"]
    assert [arm.mentor for arm in ada] == [NONE, SOFT]
    assert {arm.author for arm in ada} == {"ada"}
    assert Arm(teacher=MENTOR, mentor=RATIONALES).author == MENTOR


def test_soft_labels_without_rationales_are_nothing() -> None:
    found = design(BASE, Factors(alphas=(1.0,), mentor=EACH), seeds=[1], grid=True)
    feedback = [arm.mentor for arm in found.arms if arm.alpha == 1]
    assert feedback == [NONE, RATIONALES]
    base = replace(BASE, mentor=SOFT)
    (_, alone) = design(base, Factors(alphas=(1.0,)), seeds=[1]).arms
    assert changed(alone, base) == {"alpha": 1.0}


@given(
    st.sampled_from([NONE, SOFT]),
    st.lists(st.sampled_from(MENTORS), max_size=4).map(tuple),
    st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=3).map(tuple),
    st.lists(st.sampled_from(["ada", "bob"]), max_size=2).map(tuple),
    st.booleans(),
)
def test_one_thing_is_changed_at_a_time(
    own: str,
    mentors: tuple[str, ...],
    alphas: tuple[float, ...],
    teachers: tuple[str, ...],
    without_feedback: bool,
) -> None:
    base = replace(BASE, mentor=own)
    factors = Factors(
        mentor=mentors, alphas=alphas, teachers=teachers, without_feedback=without_feedback
    )
    try:
        found = design(base, factors, seeds=[1, 2])
    except BadInput as fault:
        assert "Nothing is changed" in str(fault)
        return
    assert found.base == base
    assert len(set(found.arms)) == len(found.arms)
    assert all(len(changed(arm, base)) == 1 for arm in found.arms[1:])
    called = list(names("try", found).values())
    assert len(set(called)) == len(called)


def test_what_a_mentor_does_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match="There is no 'logits' of a mentor"):
        design(BASE, Factors(mentor=("logits",)), seeds=[1])
