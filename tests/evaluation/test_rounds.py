"""The rules of rounds: what a round learns from, what it cost, and when it is the last."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.evaluation.rounds import (
    Calls,
    Round,
    Score,
    StopRule,
    all_rounds,
    calls_about,
    expected_calls,
    free_calls,
    gain,
    why_last,
    why_no_training,
    why_nothing_to_learn,
)
from fair_app.training.examples import TrainingQuestion

counts = st.integers(0, 2000)
points = st.none() | st.sampled_from([-100.0, 0.0, 0.5, 2.0, 100.0])


def score(correct: int, questions: int = 100, name: str = "s") -> Score:
    return Score(1, name, questions, correct)


def sat_test(
    number: int, correct: int, questions: int = 100, *, stopped_by_budget: bool = False
) -> Round:
    calls = Calls(12, 0, 0, 0, 0.1, stopped_by_budget=stopped_by_budget)
    return Round(number, "s", score(3), calls, f"r-{number}", 5, score(correct, questions))


@given(
    st.integers(1, 50),
    points,
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=51, max_size=51),
)
def test_rounds_go_on_until_the_first_reason_to_stop_and_always_end(
    most: int, stop_below: float | None, tests: list[tuple[int, bool]]
) -> None:
    rule, before = StopRule(most, stop_below), score(20, 40)
    for number, (correct, spent) in enumerate(tests, 1):
        one = sat_test(number, correct, 40, stopped_by_budget=spent)
        why = why_last(one, before, rule)
        too_little = stop_below is not None and 100 * (correct - before.correct) <= stop_below * 40
        assert (why is not None) == (spent or too_little or number == most)
        if why is not None:
            assert why.endswith(".")
            assert "\n" not in why
            assert number <= most
            return
        assert one.test is not None
        before = one.test
    raise AssertionError("there were more rounds than were asked for")


@pytest.mark.parametrize(
    ("correct", "stop_below", "stops"),
    [(53, 3.0, True), (54, 3.0, False), (50, 0.0, True), (51, 0.0, False), (0, None, False)],
)
def test_a_gain_of_just_what_is_asked_for_is_not_above_it(
    correct: int, stop_below: float | None, stops: bool
) -> None:
    why = why_last(sat_test(1, correct), score(50), StopRule(3, stop_below))
    assert (why is not None) == stops


def test_the_sentences_say_what_happened() -> None:
    rule = StopRule(2, 1.0)
    assert "gained -2.0 points" in str(why_last(sat_test(1, 48), score(50), rule))
    assert why_last(sat_test(2, 60), score(50), rule) == "All 2 rounds are done."
    assert "budget" in str(why_last(sat_test(1, 60, stopped_by_budget=True), score(50), rule))
    clean = Round(2, "checkpoint:r-1", score(7, 7))
    assert why_no_training(clean) is not None
    assert "all 7 questions right" in str(why_no_training(clean))
    assert why_no_training(Round(1, "s", score(6, 7))) is None
    assert why_nothing_to_learn(Round(1, "s"), "No rationale is accepted.").endswith("accepted.")
    broke = Round(1, "s", score(1), Calls(0, 0, 0, 9, 0.0, stopped_by_budget=True))
    assert "budget" in why_nothing_to_learn(broke, "No rationale is accepted.")


@pytest.mark.parametrize("rounds", [0, -1, 51])
def test_a_number_of_rounds_that_makes_no_sense_is_bad_input(rounds: int) -> None:
    with pytest.raises(BadInput, match="number of rounds"):
        StopRule(rounds)


@pytest.mark.parametrize("stop_below", [math.nan, math.inf, 101, -101])
def test_a_gain_that_makes_no_sense_is_bad_input(stop_below: float) -> None:
    with pytest.raises(BadInput, match="--stop-below"):
        StopRule(1, stop_below)


@given(counts, counts, counts)
def test_a_gain_is_in_points_and_turns_its_sign_with_its_direction(
    before: int, after: int, more: int
) -> None:
    n = max(before, after, 1) + more
    there, back = gain(score(before, n), score(after, n)), gain(score(after, n), score(before, n))
    assert there == -back
    assert -100 <= there <= 100
    assert (there > 0) == (after > before)
    with pytest.raises(BadInput, match="same items"):
        gain(score(before, n), score(after, n + 1))


@given(counts, counts, counts, counts)
def test_calls_that_nobody_was_asked_for_were_cached_or_stood(
    needed: int, asked: int, cached: int, left: int
) -> None:
    found = free_calls(needed, asked, cached, left)
    assert min(found) >= 0
    assert found[0] <= cached
    if asked + cached + left <= needed:
        calls = Calls(asked, *found, left, 0.0)
        assert found[0] == cached
        assert calls.needed == needed


@given(counts, st.integers(1, 12))
def test_a_further_round_takes_its_feedback_at_least_and_everything_at_most(
    mistakes: int, teachers: int
) -> None:
    low, high = expected_calls(mistakes, teachers)
    assert low == mistakes * teachers
    assert high == calls_about(mistakes, teachers) == low * (teachers + 1)


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=6), max_size=5))
def test_all_rounds_have_each_question_once_with_its_newest_answer(rounds: list[list[int]]) -> None:
    made = [
        [TrainingQuestion(one, "q", f"answer of round {number}", (), ()) for one in asked]
        for number, asked in enumerate(rounds)
    ]
    found = {one.question_id: one.student_answer for one in all_rounds(made)}
    assert len(found) == len(all_rounds(made))
    newest = {one: number for number, asked in enumerate(rounds) for one in asked}
    assert found == {one: f"answer of round {number}" for one, number in newest.items()}
    order = list(dict.fromkeys(one for asked in rounds for one in asked))
    assert [one.question_id for one in all_rounds(made)] == order
