"""What a threshold would give, against a plain count of verdicts."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import RationaleRow, verdict
from fair_app.curation.decisions import State
from fair_app.curation.what_if import Agreement, curve, flips, levels, summarise
from fair_app.errors import BadInput

scores = st.tuples(*[st.sampled_from([None, 0, 1, 2, 3, 4, 5, 83])] * 2)
states = st.dictionaries(
    st.tuples(st.just("rationale"), st.integers(0, 11)),
    st.sampled_from([State(), State(accepted=True), State(accepted=False)]),
)
thresholds = st.one_of(st.floats(0, 5), st.sampled_from([0, 1, 2.5, 3, 4.5, 5]))


@st.composite
def row_lists(draw: Any) -> list[RationaleRow]:
    return [
        RationaleRow(
            number,
            draw(st.integers(0, 3)),
            draw(st.sampled_from(["gpt", "gemini", "mistral"])),
            f"rationale {number}",
            draw(st.sampled_from([None, True, False])),
            draw(scores),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(row_lists(), thresholds, states)
def test_a_summary_counts_verdicts(
    rows: list[RationaleRow], threshold: float, decided: dict[tuple[str, int], State]
) -> None:
    verdicts = [verdict(row, threshold, decided.get(("rationale", row.id))) for row in rows]
    kept = [row for row, judged in zip(rows, verdicts, strict=True) if judged.accepted]
    rejected = [row for row, judged in zip(rows, verdicts, strict=True) if not judged.accepted]
    summary = summarise(rows, threshold, decided)
    assert summary.threshold == threshold
    assert summary.questions == len({row.question_id for row in rows})
    assert summary.rationales == len(rows)
    assert summary.accepted == len(kept)
    assert summary.questions_accepted == len({row.question_id for row in kept})
    for found, part in ((summary.kept, kept), (summary.rejected, rejected)):
        assert found.right == sum(row.final_correct is True for row in part)
        assert found.graded == sum(row.final_correct is not None for row in part)
    assert set(summary.per_teacher) == {row.teacher for row in rows}
    for name, own in summary.per_teacher.items():
        assert own.rationales == sum(row.teacher == name for row in rows)
        assert own.accepted == sum(row.teacher == name for row in kept)
    json.dumps(asdict(summary), allow_nan=False)


@given(row_lists(), st.lists(thresholds, max_size=6), states)
def test_a_curve_is_many_summaries(
    rows: list[RationaleRow], many: list[float], decided: dict[tuple[str, int], State]
) -> None:
    points = curve(rows, many, decided)
    assert [point.threshold for point in points] == many
    for point in points:
        summary = summarise(rows, point.threshold, decided)
        assert asdict(point).items() <= asdict(summary).items()


@given(row_lists(), thresholds, thresholds, states)
def test_flips_are_the_verdicts_that_change(
    rows: list[RationaleRow], old: float, new: float, decided: dict[tuple[str, int], State]
) -> None:
    def accepted(threshold: float) -> dict[int, bool]:
        return {
            row.id: verdict(row, threshold, decided.get(("rationale", row.id))).accepted
            for row in rows
        }

    before, after = accepted(old), accepted(new)
    found = flips(rows, old, new, decided)
    assert [row.id for row in found.accepted] == [i for i in before if after[i] and not before[i]]
    assert [row.id for row in found.rejected] == [i for i in before if before[i] and not after[i]]


def test_a_teachers_mean_is_over_all_its_counted_scores() -> None:
    rows = [
        RationaleRow(1, 1, "gpt", "a", True, (5, 83)),
        RationaleRow(2, 2, "gpt", "b", None, (1, 3)),
        RationaleRow(3, 1, "gemini", "c", False, (None, 0)),
    ]
    summary = summarise(rows, 3)
    assert summary.per_teacher["gpt"].mean == 3
    assert summary.per_teacher["gemini"].mean is None
    assert summary.kept == Agreement(right=1, graded=1)
    assert summary.rejected == Agreement(right=0, graded=1)
    assert levels(rows) == [5, 2, -1]


def test_nothing_collected_gives_zeros() -> None:
    summary = summarise([], 3)
    assert (summary.questions, summary.rationales, summary.accepted) == (0, 0, 0)
    assert summary.per_teacher == {}


@pytest.mark.parametrize("threshold", [-1, 5.5, float("nan")])
def test_a_threshold_outside_is_refused(threshold: float) -> None:
    for attempt in (
        lambda: summarise([], threshold),
        lambda: curve([], [3, threshold]),
        lambda: flips([], 3, threshold),
        lambda: flips([], threshold, 3),
    ):
        with pytest.raises(BadInput, match="from 0 to 5"):
            attempt()
