"""What becomes of a mentor's answers, and what the rule and training sets make of them."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.acceptance import (
    MENTOR,
    RationaleRow,
    Rule,
    accepted_by_rule,
    level,
    verdict,
)
from fair_app.curation.augmentation import normalised, outcomes
from fair_app.curation.decisions import Key, State
from fair_app.curation.training_set import (
    MIXED,
    RIGHT,
    WITH_MENTOR,
    FeedbackRow,
    Selection,
    random_set,
    training_set,
)
from fair_app.errors import BadInput
from tests.curation.boards import rules, scores


@dataclass(frozen=True)
class Said:
    text: str | None
    finish: str | None
    correct: bool


said = st.builds(
    Said,
    st.sampled_from([None, "", " \n", "one", "One", " one\t", "two  words", "Two words"]),
    st.sampled_from(["complete", "truncated", "empty"]),
    st.booleans(),
)


@given(st.lists(said, max_size=8), st.lists(st.sampled_from(["ONE", "else"]), max_size=2))
def test_every_right_new_text_is_kept_once(samples: list[Said], known: list[str]) -> None:
    found = outcomes(samples, known)
    assert len(found) == len(samples)
    kept = [
        normalised(one.text or "") for one, how in zip(samples, found, strict=True) if how == "kept"
    ]
    good = [one for one in samples if one.correct and one.finish == "complete"]
    wanted = (
        {normalised(one.text or "") for one in good} - {""} - {normalised(one) for one in known}
    )
    assert len(kept) == len(set(kept))
    assert set(kept) == wanted
    # More of the same changes nothing about those before.
    assert outcomes([*samples, *samples], known)[: len(samples)] == found
    assert "kept" not in outcomes([*samples, *samples], known)[len(samples) :]


@given(st.sampled_from([True, False, None]), st.lists(scores, max_size=3), rules())
def test_a_mentors_answer_decides_until_a_score_counts(
    right: bool | None, given_scores: list[Any], rule: Rule
) -> None:
    own = RationaleRow(1, 1, MENTOR, right, tuple(given_scores), by_mentor=True)
    other = RationaleRow(1, 1, MENTOR, right, tuple(given_scores))
    if own.counted:
        assert accepted_by_rule(own, rule) == accepted_by_rule(other, rule)
        assert level(own, rule) == level(other, rule)
    else:
        assert accepted_by_rule(own, rule) is (right is True)
        assert not accepted_by_rule(other, rule)
    assert (level(own, rule) > rule.threshold) == accepted_by_rule(own, rule)
    for word in (True, False):
        assert verdict(own, rule, State(accepted=word)).accepted is word


ROWS = [
    RationaleRow(1, 1, "gpt", True, (5, 5)),
    RationaleRow(2, 1, "ada", False, (5, 4)),
    RationaleRow(3, 1, MENTOR, True, (), by_mentor=True),
    RationaleRow(4, 1, MENTOR, True, (1,), by_mentor=True),
    RationaleRow(5, 2, "gpt", True, (1, 1)),
    RationaleRow(6, 2, MENTOR, True, (), by_mentor=True),
]
TEXTS = {row.id: f"text {row.id}" for row in ROWS}
FEEDBACK = [FeedbackRow(1, "gpt", "no"), FeedbackRow(1, "ada", "not so")]


def learned(
    teacher: str, states: dict[Key, State] | None = None, **more: Any
) -> dict[int, tuple[list[str], int]]:
    """Of each question the rationales by their ids, and how many feedback texts."""
    found = training_set(ROWS, TEXTS, Rule(), FEEDBACK, states, Selection(teacher, **more))
    return {
        row.question_id: (
            [text.removeprefix("text ") for _, text in row.rationales],
            len(row.feedback),
        )
        for row in found
    }


def test_the_mentor_teaches_where_it_is_asked_for() -> None:
    assert learned(MIXED) == {1: (["1", "2"], 2)}
    assert learned(WITH_MENTOR) == {1: (["1", "2", "3"], 2)}
    assert learned(MENTOR) == {1: (["3"], 2)}  # the committee's feedback: it gives none
    assert learned("gpt") == {1: (["1"], 1)}


def test_right_answers_are_taken_whatever_their_scores() -> None:
    assert learned(MIXED, rationales=RIGHT) == {1: (["1"], 2)}
    assert learned(MIXED, rationales=RIGHT, with_feedback=False) == {1: (["1"], 0), 2: (["5"], 0)}
    assert learned(WITH_MENTOR, rationales=RIGHT, with_feedback=False) == {
        1: (["1", "3", "4"], 0),
        2: (["5", "6"], 0),
    }
    states: dict[Key, State] = {
        ("rationale", 1): State(accepted=False, decision=1),
        ("rationale", 2): State(accepted=True, decision=2),
    }
    assert learned(MIXED, states, rationales=RIGHT) == {1: (["2"], 2)}


def test_without_a_mentor_nothing_changes_and_it_is_said() -> None:
    committee = [row for row in ROWS if not row.by_mentor]
    for teacher in (MIXED, "gpt", "ada"):
        assert training_set(
            committee, TEXTS, Rule(), FEEDBACK, selection=Selection(teacher)
        ) == training_set(ROWS, TEXTS, Rule(), FEEDBACK, selection=Selection(teacher))
    for teacher in (WITH_MENTOR, MENTOR):
        with pytest.raises(BadInput, match="no rationale by a mentor here"):
            training_set(committee, TEXTS, Rule(), FEEDBACK, selection=Selection(teacher))
    with pytest.raises(BadInput, match="choose mixed or mixed\\+mentor or one of gpt, ada, mentor"):
        training_set(ROWS, TEXTS, Rule(), FEEDBACK, selection=Selection("nobody"))
    with pytest.raises(BadInput, match="choose mixed or one of gpt, ada\\."):
        training_set(committee, TEXTS, Rule(), FEEDBACK, selection=Selection("nobody"))
    with pytest.raises(BadInput, match="ends in the right answer"):
        training_set([ROWS[1]], TEXTS, Rule(), FEEDBACK, selection=Selection(rationales=RIGHT))


@given(st.integers(0, 5))
def test_random_rationales_are_drawn_from_those_asked_for(seed: int) -> None:
    for teacher, most in ((MIXED, {"text 1", "text 2"}), (MENTOR, {"text 3", "text 4"})):
        found = random_set(ROWS, TEXTS, Rule(), FEEDBACK, selection=Selection(teacher), seed=seed)
        assert {text for row in found for _, text in row.rationales} <= most
