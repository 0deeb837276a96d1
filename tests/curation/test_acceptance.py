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
    MOST_SCORES,
    NEVER_ACCEPTED,
    RationaleRow,
    Rule,
    accepted_by_rule,
    check_rule,
    check_threshold,
    counted,
    is_above,
    level,
    mean_score,
    verdict,
)
from fair_app.curation.decisions import State
from fair_app.errors import BadInput
from tests.curation.boards import row_lists, rules

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
)


def row(*scores: Any, right: bool | None = True, adjusted: float | None = None) -> RationaleRow:
    return RationaleRow(1, 10, "gpt", right, scores, adjusted=adjusted)


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
    assert is_above(scores, threshold) is accepted
    assert accepted_by_rule(row(*scores), Rule(threshold)) is accepted
    assert verdict(row(*scores), Rule(threshold)).accepted is accepted


@given(st.lists(anything), st.floats(0, 5))
def test_scores_that_do_not_count_change_nothing(scores: list[Any], threshold: float) -> None:
    counting = [score for score in scores if counted(score)]
    assert mean_score(scores) == mean_score(counting)
    assert is_above(scores, threshold) is is_above(counting, threshold)
    assert row(*scores).counted == tuple(counting)


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(0, 500))
def test_the_mean_is_compared_exactly(scores: list[int], hundredths: int) -> None:
    threshold = hundredths / 100
    exact = Fraction(sum(scores), len(scores)) > Fraction(hundredths, 100)
    assert is_above(scores, threshold) is exact


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


def test_the_rule_is_the_papers_unless_asked_otherwise() -> None:
    assert Rule() == Rule(3.0, {}, 1, answer_check=False, adjusted=False)
    for scores in ((5, 5), (3, 3), (None, 4), (83, 0), ()):
        for right in (True, False, None):
            one = row(*scores, right=right, adjusted=1.0)
            assert accepted_by_rule(one, Rule()) is is_above(scores, 3)


def test_a_teachers_own_threshold_takes_the_place_of_the_common_one() -> None:
    rule = Rule(3, {"gpt": 4.5, "gemini": 0})
    assert (rule.threshold_of("gpt"), rule.threshold_of("mistral")) == (4.5, 3)
    assert not accepted_by_rule(row(4, 4), rule)
    assert accepted_by_rule(row(5, 5), rule)


def test_so_many_scores_must_count() -> None:
    assert accepted_by_rule(row(None, 5), Rule())
    assert not accepted_by_rule(row(None, 5), Rule(min_scores=2))
    assert not accepted_by_rule(row(83, 5), Rule(min_scores=2))
    assert accepted_by_rule(row(4, 5), Rule(min_scores=2))


def test_the_answer_check_asks_for_the_right_final_answer() -> None:
    rule = Rule(answer_check=True)
    assert [accepted_by_rule(row(5, 5, right=right), rule) for right in (True, False, None)] == [
        True,
        False,
        False,
    ]
    assert not accepted_by_rule(row(1, 1), rule)


def test_the_adjusted_mean_takes_the_place_of_the_plain_one() -> None:
    assert accepted_by_rule(row(5, 5, adjusted=3.0), Rule())
    assert not accepted_by_rule(row(5, 5, adjusted=3.0), Rule(adjusted=True))
    assert accepted_by_rule(row(3, 3, adjusted=3.1), Rule(adjusted=True))
    assert not accepted_by_rule(row(83, adjusted=None), Rule(0, adjusted=True))


@given(rules())
def test_a_rule_is_checked_and_stays_what_it_is(rule: Rule) -> None:
    checked = check_rule(rule)
    assert checked == rule
    values = [checked.threshold, *checked.per_teacher.values()]
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule(5.5), "from 0 to 5"),
        (Rule(3, {"gpt": -1}), "from 0 to 5"),
        (Rule(3, {"gpt": math.nan}), "from 0 to 5"),
        (Rule(min_scores=0), "whole number from 1"),
        (Rule(min_scores=MOST_SCORES + 1), "whole number from 1"),
        (Rule(min_scores=1.5), "whole number from 1"),  # type: ignore[arg-type]
        (Rule(min_scores=True), "whole number from 1"),
    ],
)
def test_a_rule_out_of_range_is_refused_with_a_sentence(rule: Rule, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check_rule(rule)


def test_a_person_overrides_the_rule_either_way() -> None:
    strict = Rule(3, answer_check=True, min_scores=2)
    accepted = verdict(row(1, right=False), strict, State(accepted=True))
    rejected = verdict(row(5, 5), Rule(), State(accepted=False))
    assert (accepted.accepted, accepted.by) == (True, "person")
    assert (rejected.accepted, rejected.by) == (False, "person")
    assert verdict(row(5, 5), Rule(), State()).by == "rule"
    assert verdict(row(5, 5), Rule(), State(favourite=1)).by == "rule"


@given(
    row_lists(),
    rules(),
    st.sampled_from([None, State(), State(accepted=True), State(accepted=False)]),
)
def test_level_rule_and_verdict_agree(
    rows: list[RationaleRow], rule: Rule, state: State | None
) -> None:
    for one in rows:
        found = level(one, rule, state)
        judged = verdict(one, rule, state)
        assert judged.accepted is (found > rule.threshold)
        by_person = state is not None and state.accepted is not None
        assert judged.by == ("person" if by_person else "rule")
        if not by_person:
            assert judged.accepted is accepted_by_rule(one, rule)
        assert NEVER_ACCEPTED <= found <= ALWAYS_ACCEPTED
        assert json.loads(json.dumps(found, allow_nan=False)) == found


@given(row_lists(), rules())
def test_the_whole_rule_is_its_conditions_one_by_one(rows: list[RationaleRow], rule: Rule) -> None:
    for one in rows:
        counting = [score for score in one.scores if counted(score)]
        mean = one.adjusted if rule.adjusted else mean_score(one.scores)
        conditions = [
            bool(counting),
            len(counting) >= rule.min_scores,
            one.final_correct is True or not rule.answer_check,
            mean is not None and mean > rule.per_teacher.get(one.teacher, rule.threshold),
        ]
        assert accepted_by_rule(one, rule) is all(conditions)


@given(rules())
def test_no_rule_moves_a_persons_decision(rule: Rule) -> None:
    assert verdict(row(1), rule, State(accepted=True)).accepted
    assert not verdict(row(5), rule, State(accepted=False)).accepted
