"""Random rationales in the place of peer review, and rationales without feedback."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import RationaleRow, Rule
from fair_app.curation.decisions import Key, State
from fair_app.curation.training_set import (
    FeedbackRow,
    Selection,
    TrainingRow,
    author_of,
    random_set,
    training_set,
)
from fair_app.errors import BadInput
from tests.curation.boards import TEACHERS, row_lists, rules, states_of

feedback_lists = st.lists(
    st.builds(
        FeedbackRow,
        st.integers(0, 3),
        st.sampled_from(TEACHERS),
        st.sampled_from(["Look again.", " ", None]),
    ),
    max_size=8,
)


def chosen(make: Any, *given_: Any, **more: Any) -> list[TrainingRow]:
    """What a function chooses; nothing where it says that there is nothing."""
    try:
        found: list[TrainingRow] = make(*given_, **more)
    except BadInput:
        return []
    return found


@given(
    row_lists(),
    rules(),
    feedback_lists,
    states_of(st.integers(0, 11)),
    st.booleans(),
    st.integers(0, 3),
)
def test_as_many_are_drawn_from_what_could_be_learned_from(
    rows: list[RationaleRow],
    rule: Rule,
    feedback: list[FeedbackRow],
    states: dict[Key, State],
    with_feedback: bool,
    seed: int,
) -> None:
    texts = {row.id: f"text {row.id}" if row.id % 4 else "" for row in rows}
    given_ = (rows, texts, rule, feedback, states)
    selection = Selection(with_feedback=with_feedback)
    kept = chosen(training_set, *given_, selection)
    drawn = chosen(random_set, *given_, selection, seed=seed)
    assert sum(len(row.rationales) for row in drawn) == sum(len(row.rationales) for row in kept)
    assert drawn == chosen(random_set, *given_, selection, seed=seed)
    possible = {
        (row.question_id, author_of(row, state), (state.text if state else None) or texts[row.id])
        for row in rows
        if (state := states.get(("rationale", row.id))) is None or state.accepted is not False
    }
    for one in drawn:
        assert {(one.question_id, *pair) for pair in one.rationales} <= possible
        assert bool(one.feedback) == with_feedback


@given(row_lists(), rules(), feedback_lists)
def test_without_feedback_no_question_needs_any(
    rows: list[RationaleRow], rule: Rule, feedback: list[FeedbackRow]
) -> None:
    texts = {row.id: f"text {row.id}" for row in rows}
    both = chosen(training_set, rows, texts, rule, feedback)
    alone = chosen(
        training_set, rows, texts, rule, feedback, selection=Selection(with_feedback=False)
    )
    assert not any(row.feedback for row in alone)
    rationales = {row.question_id: row.rationales for row in alone}
    assert all(rationales[row.question_id] == row.rationales for row in both)
    assert alone == chosen(
        training_set, rows, texts, rule, [], selection=Selection(with_feedback=False)
    )
