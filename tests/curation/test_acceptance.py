"""The acceptance rule, the threshold, and what a person's decision makes of them."""

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import (
    ALWAYS_ACCEPTED,
    NEVER_ACCEPTED,
    RationaleRow,
    accepted_by_rule,
    check_threshold,
    counted,
    level,
    mean_score,
    verdict,
)
from fair_app.curation.decisions import State
from fair_app.errors import BadInput

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


def row(*scores: Any, text: str = "4 + 3 = 7") -> RationaleRow:
    return RationaleRow(1, 10, "gpt", text, True, scores)


@pytest.mark.parametrize("score", [1, 2, 3, 4, 5, 1.0, 4.5, 5.0])
def test_a_number_from_one_to_five_counts(score: float) -> None:
    assert counted(score)


@pytest.mark.parametrize(
    "score", [None, 0, 6, 83, -1, 0.99, 5.01, True, False, "5", [5], math.nan, math.inf, -math.inf]
)
def test_a_score_that_is_missing_unreadable_or_outside_does_not_count(score: Any) -> None:
    assert not counted(score)


@pytest.mark.parametrize(
    ("scores", "threshold", "accepted"),
    [
        ((5, 5), 3, True),
        ((3, 3), 3, False),  # strictly greater
        ((3, 4), 3, True),
        ((1, 5), 3, False),
        ((83, 5), 3, True),  # both published: 83 does not count, nor does 0
        ((5, 0), 3, True),
        ((83, 0), 0, False),  # no counted score, whatever the threshold
        ((), 0, False),
        ((None, None), 0, False),
        ((None, 4), 3, True),
        ((True, True), 0, False),
        ((1,), 0, True),
        ((5, 5, 5), 5, False),
        ((2, 3, 4), 2.99, True),
    ],
)
def test_the_rule(scores: tuple[Any, ...], threshold: float, accepted: bool) -> None:
    assert accepted_by_rule(scores, threshold) is accepted
    assert verdict(row(*scores), threshold).accepted is accepted


@given(st.lists(anything), st.floats(0, 5))
def test_scores_that_do_not_count_change_nothing(scores: list[Any], threshold: float) -> None:
    counting = [score for score in scores if counted(score)]
    assert mean_score(scores) == mean_score(counting)
    assert accepted_by_rule(scores, threshold) is accepted_by_rule(counting, threshold)


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(0, 500))
def test_the_mean_is_compared_exactly(scores: list[int], hundredths: int) -> None:
    threshold = hundredths / 100
    exact = Fraction(sum(scores), len(scores)) > Fraction(hundredths, 100)
    assert accepted_by_rule(scores, threshold) is exact


@given(st.lists(st.one_of(st.integers(1, 5), st.floats(1, 5)), min_size=1), st.randoms())
def test_the_order_of_the_scores_does_not_matter(scores: list[float], random: Any) -> None:
    shuffled = random.sample(scores, len(scores))
    assert mean_score(shuffled) == mean_score(scores)


@pytest.mark.parametrize("threshold", [0, 0.0, 3, 2.5, 5])
def test_a_threshold_from_zero_to_five_is_taken(threshold: float) -> None:
    assert check_threshold(threshold) == threshold


@pytest.mark.parametrize("threshold", [-0.01, 5.01, math.nan, math.inf, True, "3", None, [3]])
def test_another_threshold_is_refused_with_a_sentence(threshold: Any) -> None:
    with pytest.raises(BadInput, match="give a number from 0 to 5"):
        check_threshold(threshold)


def test_a_person_overrides_the_rule_either_way() -> None:
    accepted = verdict(row(1, 1), 3, State(accepted=True))
    rejected = verdict(row(5, 5), 3, State(accepted=False))
    assert (accepted.accepted, accepted.by, accepted.mean) == (True, "person", 1)
    assert (rejected.accepted, rejected.by, rejected.mean) == (False, "person", 5)
    assert verdict(row(5, 5), 3, State()).by == "rule"


def test_an_edited_text_replaces_the_original() -> None:
    edited = verdict(row(1, text="4 + 3 = 8"), 3, State(accepted=True, text="4 + 3 = 7"))
    assert (edited.text, edited.edited, edited.accepted) == ("4 + 3 = 7", True, True)
    same = verdict(row(5, text="4 + 3 = 7"), 3, State(accepted=True, text="4 + 3 = 7"))
    assert not same.edited
    assert verdict(row(5, text="as written"), 3).text == "as written"


@given(
    st.lists(anything, max_size=4),
    st.floats(0, 5),
    st.sampled_from([None, State(), State(accepted=True), State(accepted=False)]),
)
def test_a_verdict_is_the_level_against_the_threshold(
    scores: list[Any], threshold: float, state: State | None
) -> None:
    one = row(*scores)
    found = level(one, state)
    assert verdict(one, threshold, state).accepted is (found > threshold)
    assert NEVER_ACCEPTED <= found <= ALWAYS_ACCEPTED
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@given(st.floats(0, 5))
def test_no_threshold_moves_a_persons_decision(threshold: float) -> None:
    assert verdict(row(1), threshold, State(accepted=True)).accepted
    assert not verdict(row(5), threshold, State(accepted=False)).accepted
