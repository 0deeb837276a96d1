"""What the scores say about those who gave them, against oracles."""

import itertools
import json
import os
import random
from collections import Counter
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from fair_app.curation.agreement import pairwise_agreement
from fair_app.curation.leniency import leniencies
from fair_app.curation.reliability import (
    RESAMPLES,
    SEED,
    Cell,
    Scored,
    _resampled,
    auc,
    ordinal_alpha,
    reliability,
)
from fair_app.errors import BadInput
from fair_app.evaluation.statistics import wilson

SHARED_DATA = Path(
    os.environ.get("FAIR_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
SCORES = st.lists(st.integers(1, 5), min_size=2, max_size=30)
NAMES = st.sampled_from(["ada", "bert", "carl"])
SCORED = st.builds(
    Scored,
    author=NAMES,
    scores=st.dictionaries(NAMES, st.none() | st.integers(0, 6) | st.floats(1, 5), max_size=3),
    right=st.none() | st.booleans(),
    accepted=st.none() | st.booleans(),
)


def one(author="ada", right=None, accepted=None, **scores):
    return Scored(author, scores, right, accepted)


def by_name(found):
    return {reviewer.name: reviewer for reviewer in found.reviewers}


@given(SCORES, SCORES)
def test_the_auc_is_the_mann_whitney_statistic(wrong, right):
    found = auc(Counter(wrong), Counter(right))
    expected = mannwhitneyu(right, wrong).statistic / (len(wrong) * len(right))
    assert found.value == pytest.approx(expected)
    assert found.n == len(wrong) + len(right)
    if found.low is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1


@given(SCORES, SCORES)
def test_its_interval_is_delongs_on_the_logit_scale(wrong, right):
    kernel = np.array([[(r > w) + (r == w) / 2 for w in wrong] for r in right])
    variance = kernel.mean(1).var(ddof=1) / len(right) + kernel.mean(0).var(ddof=1) / len(wrong)
    found, area = auc(Counter(wrong), Counter(right)), kernel.mean()
    if 0 < area < 1 and variance > 1e-12:
        reach = 1.959964 * np.sqrt(variance) / (area * (1 - area))
        odds = area / (1 - area) * np.exp([-reach, reach])
        assert [found.low, found.high] == pytest.approx(odds / (1 + odds), rel=1e-5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    values = np.arange(1, 6)
    of_wrong, of_right = [0.2, 0.1, 0.1, 0.1, 0.5], [0.05, 0.05, 0.05, 0.1, 0.75]
    truth = sum(
        p * q * ((r > w) + (r == w) / 2)
        for (w, p), (r, q) in itertools.product(
            zip(values, of_wrong, strict=True), zip(values, of_right, strict=True)
        )
    )
    inside = 0
    for _ in range(500):
        wrong, right = rng.multinomial(40, of_wrong), rng.multinomial(80, of_right)
        found = auc(dict(zip(values, wrong, strict=True)), dict(zip(values, right, strict=True)))
        inside += found.low <= truth <= found.high
    assert 0.925 <= inside / 500 <= 0.975


def test_a_perfect_reviewer_still_has_an_interval():
    found = auc({1: 20, 2: 5}, {4: 3, 5: 40})
    assert (found.value, found.low, found.high) == (1.0, *wilson(25, 25))
    found = auc({5: 30}, {1: 4})
    assert (found.value, found.low, found.high) == (0.0, *wilson(0, 4))


def test_one_score_throughout_tells_nothing_apart():
    found = auc({5: 30}, {5: 80})
    assert (found.value, found.low, found.high) == (0.5, None, None)
    assert auc({}, {5: 3}) is None
    assert auc({1: 3}, {}) is None
    assert auc({3: 1}, {2: 4, 5: 4}).low is None


def test_alpha_of_the_published_example():
    # K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), example C: 0.815.
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = Counter(tuple(score for score in unit if score) for unit in zip(*table, strict=True))
    found = ordinal_alpha(units)
    assert round(found.value, 3) == 0.815
    assert found.n == 11
    assert found.low < found.value < found.high <= 1


def test_alpha_without_two_different_scores_is_not_said():
    assert ordinal_alpha({}) is None
    assert ordinal_alpha({(5,): 20, (1,): 3}) is None
    assert ordinal_alpha({(5, 5): 20, (1,): 3}) is None
    few = ordinal_alpha({(5, 5): 6, (1, 2): 3})
    assert (few.low, few.high, few.n) == (None, None, 9)


def test_the_resampled_alphas_are_the_librarys():
    """Each resample written out, a row a rationale, gives the same alpha."""
    patterns = [0, 8], [8, 8], [4, 6, 6], [0, 0]
    counts = np.array([np.bincount(pattern, minlength=9) for pattern in patterns])
    often = np.array([30, 50, 12, 8])
    draws = np.random.default_rng(SEED)
    alphas = [
        krippendorff.alpha(
            value_counts=np.repeat(counts, draws.multinomial(100, often / 100), axis=0),
            level_of_measurement="ordinal",
        )
        for _ in range(RESAMPLES)
    ]
    found = _resampled(counts, often)
    assert found == pytest.approx(tuple(np.quantile(alphas, [0.025, 0.975])))


def test_the_matrix_has_no_cell_for_ones_own_work():
    found = reliability(
        [
            one("ada", bert=4, carl=5, ada=5),
            one("ada", bert=2, carl=83),
            one("bert", ada=None, carl=1),
        ],
        teachers=["carl", "ada"],
    )
    assert [reviewer.name for reviewer in found.reviewers] == ["carl", "ada", "bert"]
    assert found.matrix == {
        ("carl", "ada"): Cell(5, 1),
        ("carl", "bert"): Cell(1, 1),
        ("bert", "ada"): Cell(3, 2),
    }
    carl = by_name(found)["carl"]
    assert (carl.n, carl.mean, carl.spread) == (2, 3, pytest.approx(8**0.5))
    assert carl.leniency == pytest.approx(0.5)


def test_what_a_reviewer_gives_wrong_and_right_rationales():
    rationales = (
        [one(right=False, bert=5)] * 9
        + [one(right=False, bert=4), one(right=False, bert=1), one(right=False, bert=83)]
        + [one(right=True, bert=5)] * 19
        + [one(right=True, bert=2)]
        + [one(bert=3)] * 7
    )
    bert = by_name(reliability(rationales))["bert"]
    assert (bert.n, bert.auc.n) == (38, 31)
    assert bert.top_wrong.value == 9 / 11
    assert (bert.top_wrong.low, bert.top_wrong.high) == wilson(9, 11)
    assert bert.passed_wrong.value == 10 / 11
    assert by_name(reliability(rationales, 4))["bert"].passed_wrong.value == 9 / 11
    assert bert.top_right.value == 19 / 20
    low, high = (f"{100 * end:.0f}" for end in wilson(9, 11))
    assert bert.sentence == (
        f"bert gives 5 to 82 % of wrong rationales ({low}–{high} %) and to 95 % of right ones."
    )


def test_agreement_with_persons_is_about_the_side_of_the_threshold():
    rationales = [
        one(accepted=True, bert=4),
        one(accepted=True, bert=3),
        one(accepted=False, bert=3),
        one(accepted=False, bert=1),
        one(bert=5),
    ]
    bert = by_name(reliability(rationales, 3))["bert"]
    assert (bert.human.value, bert.human.n, bert.human_accepted) == (0.75, 4, 2)
    assert (bert.human.low, bert.human.high) == wilson(3, 4)
    assert by_name(reliability(rationales, 2))["bert"].human.value == 0.75
    assert by_name(reliability(rationales, 0))["bert"].human.value == 0.5
    assert by_name(reliability([one(bert=5)]))["bert"].human is None


@pytest.mark.parametrize(
    ("rationales", "sentence"),
    [
        ([one("bert")], "bert has given no score yet: too few to say anything."),
        (
            [one(right=True, bert=5)] * 50,
            "bert has scored too few wrong rationales to say how it treats them: none so far.",
        ),
        (
            [one(right=False, bert=5)] * 9,
            "bert has scored too few wrong rationales to say how it treats them: 9 so far.",
        ),
    ],
)
def test_the_sentence_says_when_there_are_too_few(rationales, sentence):
    assert by_name(reliability(rationales))["bert"].sentence == sentence


def test_nothing_at_all():
    assert reliability([]).reviewers == ()
    alone = reliability([one(right=False, ada=5)] * 20)
    ada = alone.reviewers[0]
    assert (ada.n, ada.mean, ada.spread, ada.leniency, ada.auc) == (0, None, None, None, None)
    assert (alone.alpha, alone.matrix, alone.pairs) == (None, {}, {})
    with pytest.raises(BadInput):
        reliability([], threshold=6)


def test_a_single_reviewer_has_no_leniency_and_nobody_to_agree_with():
    found = reliability([one("ada", right=bool(n % 2), bert=1 + n % 5) for n in range(40)])
    bert = by_name(found)["bert"]
    assert bert.leniency is None
    assert found.alpha is None
    assert bert.auc is not None


@settings(deadline=None)
@given(st.lists(SCORED, max_size=25), st.floats(0, 5))
def test_any_scores_are_judged_alike(rationales, threshold):
    found = reliability(rationales, threshold)
    counting = [
        {n: s for n, s in r.scores.items() if n != r.author and s is not None and 1 <= s <= 5}
        for r in rationales
    ]
    assert sum(reviewer.n for reviewer in found.reviewers) == sum(map(len, counting))
    assert sum(cell.n for cell in found.matrix.values()) == sum(map(len, counting))
    assert found.pairs == pairwise_agreement(counting)
    expected = leniencies(counting)
    for reviewer in found.reviewers:
        assert reviewer.sentence.startswith(reviewer.name)
        if reviewer.leniency is not None:
            assert reviewer.leniency == pytest.approx(expected[reviewer.name])
        for estimate in (reviewer.auc, reviewer.human, reviewer.top_wrong, reviewer.passed_wrong):
            assert estimate is None or 0 <= estimate.value <= 1
    assert found.alpha is None or found.alpha.value <= 1 + 1e-9


def test_the_order_of_the_rationales_changes_nothing():
    chance = random.Random(3)
    rationales = [
        one("ada", bool(n % 3), None, bert=chance.randint(1, 5), carl=chance.randint(1, 5))
        for n in range(60)
    ]
    shuffled = chance.sample(rationales, 60)
    assert reliability(rationales) == reliability(shuffled)


def test_the_published_run():
    """Krippendorff's alpha from the whole table of scores, by the library; what gemini is like."""
    path = SHARED_DATA / "fair-svamp" / "Llama-2-7b-chat-hf_svamp_rationale_round0.json"
    if not path.exists():
        pytest.skip("the published run is not here: set FAIR_SHARED_DATA")
    names = ["gpt", "gemini", "mistral"]
    rationales, table = [], []
    for entry in json.loads(path.read_text("utf-8")):
        for author in names:
            peers = [name for name in names if name != author]
            scores = dict(zip(peers, entry[f"{author}_rationale"][1:], strict=True))
            rationales.append(Scored(author, scores, None, None))
            table.append([scores.get(name) for name in names])
    found = reliability(rationales, teachers=names)
    data = np.array(table, dtype=float)
    data[~((data >= 1) & (data <= 5))] = np.nan  # one score is 83, one is 0
    whole = krippendorff.alpha(reliability_data=data.T, level_of_measurement="ordinal")
    assert found.alpha.value == pytest.approx(whole)
    assert (found.alpha.n, round(found.alpha.value, 3)) == (1159, 0.495)
    assert found.alpha.low == pytest.approx(0.44, abs=0.01)
    assert found.alpha.high == pytest.approx(0.55, abs=0.01)
    assert [reviewer.n for reviewer in found.reviewers] == [773, 774, 773]
    assert [round(reviewer.leniency, 2) for reviewer in found.reviewers] == [-0.06, 0.38, -0.32]
    assert max(found.matrix, key=lambda pair: found.matrix[pair].mean) == ("gemini", "gpt")
