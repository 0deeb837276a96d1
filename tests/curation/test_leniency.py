"""Who scores high because of what it reviewed, and who throughout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import counted, mean_score
from fair_app.curation.leniency import adjusted_mean, leniencies

NAMES = "abcd"
SCORES = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5), max_size=4)
ANYTHING = st.dictionaries(
    st.sampled_from(NAMES), st.none() | st.booleans() | st.integers() | st.floats(), max_size=4
)


def by_full_design(rationales):
    """The oracle: a row a score, a column a rationale and a column a reviewer.

    Then the mean of each connected group of reviewers is taken off.
    """
    given_ = [
        (row, name, score)
        for row, scores in enumerate(rationales)
        for name, score in scores.items()
        if counted(score)
    ]
    names = sorted({name for _, name, _ in given_})
    design = np.zeros((len(given_), len(rationales) + len(names)))
    for line, (row, name, _) in enumerate(given_):
        design[line, row] = design[line, len(rationales) + names.index(name)] = 1
    solution = np.linalg.lstsq(design, np.array([score for *_, score in given_], float))[0]
    found = dict(zip(names, solution[len(rationales) :], strict=True))
    group = {name: {name} for name in names}
    for scores in rationales:
        for one in scores:
            for other in scores:
                joint = group[one] | group[other]
                for name in joint:
                    group[name] = joint
    return {name: found[name] - np.mean([found[one] for one in group[name]]) for name in names}


def test_a_reviewer_of_better_work_is_not_lenient():
    # a and b always say the same; a has reviewed the good ones with c, b the bad ones.
    found = leniencies([{"a": 5, "c": 4}, {"a": 4, "c": 3}, {"b": 2, "c": 1}, {"b": 3, "c": 2}])
    assert found == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": -2 / 3})


def test_scores_that_do_not_count_say_nothing():
    rationales = [{"a": 5, "b": 3}, {"a": 4, "b": 3}]
    noise = [{"a": 83, "b": 1}, {"a": None, "b": 5}, {"a": True, "b": 2}, {"c": 0}]
    assert leniencies([*rationales, *noise]) == pytest.approx({"a": 0.75, "b": -0.75})


def test_unconnected_groups_each_sum_to_nothing_and_the_lonely_have_none():
    found = leniencies([{"a": 5, "b": 1}, {"c": 4, "d": 3}, {"e": 5}] + [{"c": 4, "d": 3}] * 9000)
    assert found == pytest.approx({"a": 2, "b": -2, "c": 0.5, "d": -0.5, "e": 0}, abs=1e-9)
    assert leniencies([]) == {}


@given(st.lists(SCORES, max_size=12))
def test_it_is_the_least_squares_fit_of_the_full_design(rationales):
    assert leniencies(rationales) == pytest.approx(by_full_design(rationales), abs=1e-8)


@given(st.lists(ANYTHING, max_size=12))
def test_any_scores_give_leniencies_and_means(rationales):
    found = leniencies(rationales)
    assert sum(found.values()) == pytest.approx(0, abs=1e-9)
    for scores in rationales:
        mean = adjusted_mean(scores, found)
        assert (mean is None) == (mean_score(scores.values()) is None)
        assert mean is None or 1 <= mean <= 5


@given(ANYTHING)
def test_without_leniency_the_adjusted_mean_is_the_mean(scores):
    mean = mean_score(scores.values())
    assert adjusted_mean(scores, {}) == (None if mean is None else pytest.approx(mean))


def test_the_adjusted_mean_takes_the_leniency_off_and_stays_on_the_scale():
    leniency = {"a": 0.5, "b": -0.5, "c": 0.25}
    assert adjusted_mean({"a": 4, "c": 4}, leniency) == 3.625
    assert adjusted_mean({"a": 4, "c": 83}, leniency) == 3.5
    assert adjusted_mean({"b": 5}, leniency) == 5
    assert adjusted_mean({"a": 1}, leniency) == 1
    assert adjusted_mean({"a": None}, leniency) is None


def test_rounding_noise_moves_no_mean_across_a_threshold():
    assert adjusted_mean({"a": 3, "b": 3}, {"a": -1e-14, "b": 1e-15}) == 3
