"""The log of decisions: its fold, undo, and whose decision can be undone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.decisions import (
    ACTIONS,
    CORRECT,
    WRONG,
    Decision,
    State,
    check_decision,
    fold,
    last_undoable,
)
from fair_app.errors import BadInput

SUBJECTS = [("rationale", 1), ("rationale", 2), ("answer", 1)]
VALUES = {"edit": ["better", "best"], "grade": [CORRECT, WRONG]}


@st.composite
def valid_logs(draw: Any, subjects: Any = SUBJECTS, most: int = 14) -> list[Decision]:
    """Logs as they can come about: undos only of entries in force, of their own subject."""
    log: list[Decision] = []
    for number in range(1, draw(st.integers(0, most)) + 1):
        actor = draw(st.sampled_from(["ann", "bob"]))
        undoable = [entry for entry in log if not is_undone(log, entry)]
        if undoable and draw(st.booleans()):
            target = draw(st.sampled_from(undoable))
            log.append(
                replace(target, id=number, action="undo", value=None, undoes=target.id, actor=actor)
            )
        else:
            subject, subject_id = draw(st.sampled_from(subjects))
            action = draw(st.sampled_from(ACTIONS[subject]))
            value = draw(st.sampled_from(VALUES.get(action, [None])))
            log.append(Decision(number, subject, subject_id, action, value, actor, float(number)))
    return log


def is_undone(log: list[Decision], entry: Decision) -> bool:
    """Stated the other way round than in the module: recursively, from the target's side."""
    return any(
        later.undoes == entry.id and not is_undone(log, later)
        for later in log
        if later.action == "undo"
    )


def entry(number: int, action: str, value: str | None = None, **changes: Any) -> Decision:
    return replace(Decision(number, "rationale", 1, action, value, "ann"), **changes)


def state_of(*log: Decision) -> tuple[bool | None, str | None]:
    state = fold(log).get(("rationale", 1), State())
    return state.accepted, state.text


def test_the_last_word_counts() -> None:
    assert state_of() == (None, None)
    assert state_of(entry(1, "accept")) == (True, None)
    assert state_of(entry(1, "accept"), entry(2, "reject")) == (False, None)


def test_an_edited_rationale_is_accepted_and_keeps_its_text_until_a_reset() -> None:
    log = [entry(1, "reject"), entry(2, "edit", "new")]
    assert state_of(*log) == (True, "new")
    log.append(entry(3, "reject"))
    assert state_of(*log) == (False, "new")
    log.append(entry(4, "accept"))
    assert state_of(*log) == (True, "new")
    log.append(entry(5, "reset"))
    assert fold(log) == {}


def test_undo_goes_back_and_undoing_it_brings_it_again() -> None:
    log = [entry(1, "accept"), entry(2, "edit", "new")]
    undone = [*log, entry(3, "undo", undoes=2)]
    assert fold(undone) == fold(log[:1])
    redone = [*undone, entry(4, "undo", undoes=3)]
    assert fold(redone) == fold(log)
    assert fold([*redone, entry(5, "undo", undoes=4)]) == fold(undone)


def test_a_reset_can_be_undone() -> None:
    log = [entry(1, "edit", "new"), entry(2, "reset"), entry(3, "undo", undoes=2)]
    assert state_of(*log) == (True, "new")


def test_a_grade_says_whether_the_answer_is_right() -> None:
    grades = [Decision(1, "answer", 7, "grade", CORRECT), Decision(2, "answer", 7, "grade", WRONG)]
    assert fold(grades[:1])["answer", 7].correct is True
    assert fold(grades)["answer", 7].correct is False
    assert fold([*grades, Decision(3, "answer", 7, "reset")]) == {}


def test_the_state_tells_who_decided_last_and_when() -> None:
    log = [entry(1, "accept"), entry(2, "reject", actor="bob", at=9.5)]
    state = fold(log)["rationale", 1]
    assert (state.decision, state.actor, state.at) == (2, "bob", 9.5)
    back = fold([*log, entry(3, "undo", undoes=2, at=11.0)])["rationale", 1]
    assert (back.decision, back.actor) == (1, "ann")


def test_an_unknown_action_in_the_log_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="unknown action"):
        fold([entry(1, "bless")])


@given(valid_logs())
def test_undo_returns_to_the_state_before(log: list[Decision]) -> None:
    for done in log:
        if done.action == "undo" or is_undone(log, done):
            continue
        number = len(log) + 1
        undo = replace(done, id=number, action="undo", value=None, undoes=done.id)
        never = [other for other in log if done.id not in (other.id, other.undoes)]
        assert fold([*log, undo]) == fold(never)
        assert fold([*log, undo, replace(undo, id=number + 1, undoes=number)]) == fold(log)


@given(valid_logs(), st.data())
def test_undoing_a_new_decision_restores_the_state(log: list[Decision], data: Any) -> None:
    number = len(log) + 1
    subject, subject_id = data.draw(st.sampled_from(SUBJECTS))
    action = data.draw(st.sampled_from(ACTIONS[subject]))
    value = data.draw(st.sampled_from(VALUES.get(action, [None])))
    new = Decision(number, subject, subject_id, action, value, "cleo")
    assert fold([*log, new, replace(new, id=number + 1, action="undo", undoes=number)]) == fold(log)


@given(valid_logs([("rationale", 1), ("answer", 1)]), valid_logs([("rationale", 2)]), st.data())
def test_the_order_of_unrelated_subjects_is_irrelevant(
    first: list[Decision], second: list[Decision], data: Any
) -> None:
    turns = data.draw(st.permutations([0] * len(first) + [1] * len(second)))
    queues = [list(first), list(second)]
    merged = [(turn, queues[turn].pop(0)) for turn in turns]
    new_id = {(turn, one.id): number for number, (turn, one) in enumerate(merged, 1)}
    renumbered = [
        replace(
            one,
            id=new_id[turn, one.id],
            undoes=None if one.undoes is None else new_id[turn, one.undoes],
        )
        for turn, one in merged
    ]

    def told(log: list[Decision]) -> dict[tuple[str, int], State]:
        return {key: replace(state, decision=0) for key, state in fold(log).items()}

    assert told(renumbered) == told(first) | told(second)
    assert fold(data.draw(st.permutations(renumbered))) == fold(renumbered)


@given(valid_logs())
def test_only_subjects_with_a_decision_in_force_are_in_the_fold(log: list[Decision]) -> None:
    for key, state in fold(log).items():
        assert (state.accepted, state.text, state.correct) != (None, None, None)
        assert any((one.subject, one.subject_id) == key for one in log)


@given(valid_logs(), st.sampled_from([None, "ann", "bob"]))
def test_undoing_again_and_again_comes_to_an_end(log: list[Decision], actor: str | None) -> None:
    for _ in range(len(log) + 1):
        last = last_undoable(log, actor)
        if last is None:
            break
        assert last.action != "undo"
        assert not is_undone(log, last)
        assert actor in (None, last.actor)
        log = [*log, replace(last, id=len(log) + 1, action="undo", value=None, undoes=last.id)]
    assert last_undoable(log, actor) is None
    if actor is None:
        assert fold(log) == {}


def test_undo_goes_from_the_latest_decision_back() -> None:
    log = [entry(1, "accept"), entry(2, "reject"), entry(3, "accept", subject_id=2)]
    assert last_undoable(log) == log[2]
    log.append(entry(4, "undo", subject_id=2, undoes=3))
    assert last_undoable(log) == log[1]


def test_what_another_person_decided_on_top_is_not_pulled_away() -> None:
    elsewhere = entry(1, "reject", subject_id=5)
    edit, bobs = entry(2, "edit", "new"), entry(3, "accept", actor="bob")
    assert last_undoable([elsewhere, edit, bobs], "ann") == elsewhere
    assert last_undoable([elsewhere, edit, bobs], "bob") == bobs
    after = [elsewhere, edit, bobs, entry(4, "undo", undoes=3, actor="bob")]
    assert last_undoable(after, "ann") == edit


def test_there_is_nothing_to_undo_in_an_empty_log() -> None:
    assert last_undoable([]) is None
    assert last_undoable([entry(1, "accept")], "bob") is None


@pytest.mark.parametrize(
    ("subject", "action", "value"),
    [
        ("rationale", "accept", None),
        ("rationale", "edit", "a text"),
        ("answer", "grade", CORRECT),
        ("answer", "reset", None),
    ],
)
def test_a_decision_that_may_be_appended(subject: str, action: str, value: str | None) -> None:
    check_decision(subject, action, value)


@pytest.mark.parametrize(
    ("subject", "action", "value"),
    [
        ("rationale", "edit", None),
        ("rationale", "edit", " \n"),
        ("rationale", "grade", CORRECT),
        ("rationale", "undo", None),
        ("answer", "grade", None),
        ("answer", "grade", "true"),
        ("answer", "accept", None),
        ("essay", "accept", None),
    ],
)
def test_a_decision_that_may_not_be_appended(subject: str, action: str, value: str | None) -> None:
    with pytest.raises(BadInput):
        check_decision(subject, action, value)
