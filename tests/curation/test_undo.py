"""Undo and redo in the log of decisions."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.decisions import (
    ACTIONS,
    Decision,
    State,
    fold,
    redoable,
    undoable,
)
from tests.curation.logs import (
    SUBJECTS,
    VALUES,
    Log,
    cancelled_by,
    entry,
    is_undone,
    played_logs,
    redone,
    state_of,
    undone,
    valid_logs,
)

# ---- undo and redo


@given(st.one_of(valid_logs(), played_logs()), st.sampled_from([None, "ann", "bob"]))
def test_undoing_again_and_again_comes_to_an_end(log: Log, actor: str | None) -> None:
    for _ in range(len(log) + 1):
        last = undoable(log, actor)
        if not last:
            break
        for one in last:
            assert one.action != "undo"
            assert not is_undone(log, one)
            assert actor in (None, one.actor)
        log = cancelled_by(log, last, last[0].actor)
    assert undoable(log, actor) == []
    if actor is None:
        assert fold(log) == {}


def test_undo_goes_from_the_latest_decision_back() -> None:
    log = [entry(1, "accept"), entry(2, "reject"), entry(3, "accept", subject_id=2)]
    assert undoable(log) == [log[2]]
    log.append(entry(4, "undo", subject_id=2, undoes=3))
    assert undoable(log) == [log[1]]


def test_what_another_person_decided_on_top_is_not_pulled_away() -> None:
    elsewhere = entry(1, "reject", subject_id=5)
    edit, bobs = entry(2, "edit", "new"), entry(3, "accept", actor="bob")
    assert undoable([elsewhere, edit, bobs], "ann") == [elsewhere]
    assert undoable([elsewhere, edit, bobs], "bob") == [bobs]
    after = [elsewhere, edit, bobs, entry(4, "undo", undoes=3, actor="bob")]
    assert undoable(after, "ann") == [edit]


def test_there_is_nothing_to_undo_in_an_empty_log() -> None:
    assert undoable([]) == []
    assert undoable([entry(1, "accept")], "bob") == []
    assert redoable([], "ann") == []
    assert redoable([entry(1, "accept")], "ann") == []


def bulk(first: int, action: str, *ids: int, actor: str = "ann") -> Log:
    return [
        entry(first + place, action, subject_id=one, actor=actor, gesture=first)
        for place, one in enumerate(ids)
    ]


def test_the_entries_of_a_gesture_are_undone_and_redone_together() -> None:
    log = [entry(1, "edit", "new", subject_id=2), *bulk(2, "reject", 1, 2, 3)]
    before = fold(log)
    assert undoable(log, "ann") == log[1:]
    log = undone(log, "ann")
    assert fold(log) == fold(log[:1])
    assert redoable(log, "ann") == log[4:]
    log = redone(log, "ann")
    assert fold(log) == before
    log = undone(undone(log, "ann"), "ann")
    assert fold(log) == {}
    log = redone(redone(log, "ann"), "ann")
    assert fold(log) == before


def test_of_a_gesture_that_stays_which_somebody_else_decided_on() -> None:
    log = [*bulk(1, "reject", 1, 2, 3), entry(4, "accept", subject_id=2, actor="bob")]
    assert undoable(log, "ann") == [log[0], log[2]]
    log = undone(log, "ann")
    assert [(key[1], state.accepted) for key, state in fold(log).items()] == [(2, True)]
    # Bob takes his word back: what Ann had said there is in force again, and can be undone.
    log = undone(log, "bob")
    assert undoable(log, "ann") == [log[1]]


@given(played_logs(), st.sampled_from(["ann", "bob"]))
def test_redo_brings_back_what_undo_took(log: Log, actor: str) -> None:
    states = [fold(log)]
    while undoable(log, actor):
        log = undone(log, actor)
        states.append(fold(log))
    for state in reversed(states[:-1]):
        log = redone(log, actor)
        assert fold(log) == state


def test_redo_is_without_limit_and_goes_the_way_back() -> None:
    log: Log = []
    states = [fold(log)]
    for number, action in enumerate(["accept", "reject", "accept", "reset", "reject"], 1):
        log.append(entry(number, action))
        states.append(fold(log))
    for _ in range(2):
        for state in reversed(states[:-1]):
            log = undone(log, "ann")
            assert fold(log) == state
        assert undoable(log, "ann") == []
        for state in states[1:]:
            log = redone(log, "ann")
            assert fold(log) == state
        assert redoable(log, "ann") == []


@given(played_logs(), st.sampled_from(SUBJECTS))
def test_a_new_decision_clears_ones_own_redo_and_nobody_elses(log: Log, key: Any) -> None:
    log = undone(log, "ann")
    action = "accept" if key[0] == "rationale" else "reset"
    new = Decision(len(log) + 1, *key, action, actor="ann")
    assert redoable([*log, new], "ann") == []
    elsewhere = replace(new, subject="rationale", subject_id=99, action="accept")
    bobs = redoable(log, "bob")
    assert redoable([*log, elsewhere], "bob") == bobs


def test_a_redo_does_not_go_over_somebody_elses_later_word() -> None:
    log = [entry(1, "accept"), entry(2, "undo", undoes=1), entry(3, "reject", actor="bob")]
    assert redoable(log, "ann") == []
    # Taken back, it is in nobody's way; brought back, it is again.
    log = undone(log, "bob")
    assert redoable(log, "ann") == [log[1]]
    log = redone(log, "bob")
    assert redoable(log, "ann") == []
    assert state_of(*log) == (False, None)


def test_a_word_brought_back_after_the_undo_is_a_later_word() -> None:
    log = undone([entry(1, "reject", actor="bob")], "bob")
    log = undone([*log, entry(3, "accept")], "ann")
    assert redoable(log, "bob") == [log[1]]
    assert redoable(log, "ann") == [log[3]]
    log = redone(log, "bob")
    assert redoable(log, "ann") == []
    assert state_of(*log) == (False, None)


def test_somebody_elses_comment_does_not_stand_in_the_way_of_a_redo() -> None:
    log = undone([entry(1, "accept")], "ann")
    log.append(entry(3, "comment", "sure?", actor="bob"))
    assert redoable(log, "ann") == [log[1]]
    # Nor one of one's own that was there before; a new one is a new decision.
    assert redoable([*log, entry(4, "comment", "no")], "ann") == []


@given(played_logs())
def test_nobody_can_undo_or_redo_what_is_somebody_elses(log: Log) -> None:
    by_id = {one.id: one for one in log}
    for actor in ("ann", "bob", "cleo"):
        for one in undoable(log, actor):
            assert one.actor == actor
        for one in redoable(log, actor):
            assert (one.actor, by_id[one.undoes or 0].actor) == (actor, actor)


@given(played_logs(), st.sampled_from(SUBJECTS), st.data())
def test_nobodys_undo_or_redo_touches_a_later_word_of_another(
    log: Log, key: Any, data: st.DataObject
) -> None:
    action = data.draw(st.sampled_from([one for one in ACTIONS[key[0]] if one != "comment"]))
    value = data.draw(st.sampled_from(VALUES.get(action, [None])))
    log = [*log, Decision(len(log) + 1, *key, action, value, "cleo")]

    def state() -> State:
        return replace(fold(log).get(key, State()), comments=())

    said = state()
    for step, actor in data.draw(
        st.lists(st.tuples(st.sampled_from([undone, redone]), st.sampled_from(["ann", "bob"])))
    ):
        log = step(log, actor)
        assert state() == said
