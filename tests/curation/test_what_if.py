"""What a rule would give, against a plain count of verdicts."""

import json
from dataclasses import asdict, replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import RationaleRow, Rule, verdict
from fair_app.curation.decisions import Key, State
from fair_app.curation.what_if import (
    STEPS,
    Agreement,
    curve,
    flips,
    levels,
    suggest,
    summarise,
)
from fair_app.errors import BadInput
from tests.curation.boards import row_lists, rules, states_of, thresholds

Rows = list[RationaleRow]
States = dict[Key, State]
states = states_of(st.integers(0, 11))


def kept_by(rows: Rows, rule: Rule, decided: States) -> Rows:
    return [row for row in rows if verdict(row, rule, decided.get(("rationale", row.id))).accepted]


def agreement(rows: Rows) -> Agreement:
    return Agreement(
        right=sum(row.final_correct is True for row in rows),
        graded=sum(row.final_correct is not None for row in rows),
    )


@given(row_lists(), rules(), states)
def test_a_summary_counts_verdicts(rows: Rows, rule: Rule, decided: States) -> None:
    kept = kept_by(rows, rule, decided)
    rejected = [row for row in rows if row not in kept]
    summary = summarise(rows, rule, decided)
    assert summary.threshold == rule.threshold
    assert summary.questions == len({row.question_id for row in rows})
    assert summary.rationales == len(rows)
    assert summary.accepted == len(kept)
    assert summary.questions_accepted == len({row.question_id for row in kept})
    assert summary.kept == agreement(kept)
    assert summary.rejected == agreement(rejected)
    assert set(summary.per_teacher) == {row.teacher for row in rows}
    for name, own in summary.per_teacher.items():
        assert own.rationales == sum(row.teacher == name for row in rows)
        assert own.accepted == sum(row.teacher == name for row in kept)
    json.dumps(asdict(summary), allow_nan=False)


@given(row_lists(), rules(), st.lists(thresholds, max_size=6), states)
def test_a_curve_is_many_summaries(
    rows: Rows, rule: Rule, many: list[float], decided: States
) -> None:
    points = curve(rows, rule, many, decided)
    assert [point.threshold for point in points] == many
    for point in points:
        summary = summarise(rows, replace(rule, threshold=point.threshold), decided)
        assert asdict(point).items() <= asdict(summary).items()


@given(row_lists(), rules(), rules(), states)
def test_flips_are_the_verdicts_that_change(
    rows: Rows, old: Rule, new: Rule, decided: States
) -> None:
    before, after = kept_by(rows, old, decided), kept_by(rows, new, decided)
    found = flips(rows, old, new, decided)
    assert list(found.accepted) == [row for row in after if row not in before]
    assert list(found.rejected) == [row for row in before if row not in after]
    by_person = {key[1] for key, state in decided.items() if state.accepted is not None}
    assert not by_person & {row.id for row in (*found.accepted, *found.rejected)}


@given(row_lists(), rules(), st.integers(1, 100), states)
def test_a_suggestion_is_the_best_of_all_steps(
    rows: Rows, rule: Rule, percent: int, decided: States
) -> None:
    tried = []
    for step in STEPS:
        kept = kept_by(rows, replace(rule, threshold=step), decided)
        found = agreement(kept)
        if found.graded:
            tried.append((len(kept), step, Fraction(found.right, found.graded)))
    if not tried:
        with pytest.raises(BadInput, match="nothing to go by"):
            suggest(rows, rule, percent / 100, decided)
        return
    good = [one for one in tried if one[2] >= Fraction(percent, 100)]
    suggested = suggest(rows, rule, percent / 100, decided)
    assert suggested.reached is bool(good)
    best = max(good) if good else max(tried, key=lambda one: (one[2], one[0], one[1]))
    assert (suggested.point.accepted, suggested.threshold) == best[:2]
    assert suggested.point == curve(rows, rule, [suggested.threshold], decided)[0]


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_share_that_is_just_reached_is_reached(percent: int) -> None:
    rows = [RationaleRow(n, n, "gpt", n < percent, (5,)) for n in range(100)]
    assert suggest(rows, Rule(), percent / 100).reached
    if percent < 100:
        assert not suggest(rows, Rule(), percent / 100 + 1e-9).reached


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_no_other_share_can_be_aimed_at(share: float) -> None:
    with pytest.raises(BadInput, match="at most 100 %"):
        suggest([RationaleRow(1, 1, "gpt", True, (5,))], Rule(), share)


def test_a_teachers_mean_is_over_all_its_counted_scores() -> None:
    rows = [
        RationaleRow(1, 1, "gpt", True, (5, 83)),
        RationaleRow(2, 2, "gpt", None, (1, 3)),
        RationaleRow(3, 1, "gemini", False, (None, 0)),
    ]
    summary = summarise(rows, Rule())
    assert summary.per_teacher["gpt"].mean == 3
    assert summary.per_teacher["gemini"].mean is None
    assert summary.kept == Agreement(right=1, graded=1)
    assert summary.rejected == Agreement(right=0, graded=1)
    assert levels(rows, Rule()) == [5, 2, -1]
    assert levels(rows, Rule(per_teacher={"gpt": 4})) == [6, -1, -1]


def test_nothing_collected_gives_zeros() -> None:
    summary = summarise([], Rule())
    assert (summary.questions, summary.rationales, summary.accepted) == (0, 0, 0)
    assert summary.per_teacher == {}


@pytest.mark.parametrize("threshold", [-1, 5.5, float("nan")])
def test_a_threshold_outside_is_refused(threshold: float) -> None:
    for bad in (Rule(threshold), Rule(3, {"gpt": threshold})):
        for attempt in (
            lambda rule: summarise([], rule),
            lambda rule: curve([], rule, [3]) if rule.per_teacher else curve([], rule, [threshold]),
            lambda rule: flips([], Rule(), rule),
            lambda rule: flips([], rule, Rule()),
        ):
            with pytest.raises(BadInput, match="from 0 to 5"):
                attempt(bad)
