"""The log of decisions: its fold, undo and redo, and whose decision can be undone."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.decisions import (
    ACTIONS,
    CORRECT,
    LONGEST,
    WRONG,
    Comment,
    Decision,
    State,
    check_decision,
    fold,
    in_force,
    redoable,
    revision_of,
    standing,
    undoable,
)
from fair_app.errors import BadInput

Log = list[Decision]
SUBJECTS = [("rationale", 1), ("rationale", 2), ("answer", 1), ("question", 1)]
VALUES = {
    "edit": ["better", "best"],
    "grade": [CORRECT, WRONG],
    "comment": ["why?"],
    "favourite": ["1", "2"],
}


@st.composite
def valid_logs(draw: Any, subjects: Any = SUBJECTS, most: int = 14) -> Log:
    """Logs as they can come about: undos only of entries in force, of their own subject."""
    log: Log = []
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


def is_undone(log: Log, entry: Decision) -> bool:
    """Stated the other way round than in the module: recursively, from the target's side."""
    return any(
        later.undoes == entry.id and not is_undone(log, later)
        for later in log
        if later.action == "undo"
    )


def cancelled_by(log: Log, chosen: Log, actor: str) -> Log:
    """The log with these entries undone by one gesture, as the studio appends it."""
    first = len(log) + 1
    gesture = first if len(chosen) > 1 else None
    return [
        *log,
        *(
            Decision(
                first + place,
                one.subject,
                one.subject_id,
                "undo",
                actor=actor,
                undoes=one.id,
                gesture=gesture,
            )
            for place, one in enumerate(chosen)
        ),
    ]


def undone(log: Log, actor: str) -> Log:
    return cancelled_by(log, undoable(log, actor), actor)


def redone(log: Log, actor: str) -> Log:
    return cancelled_by(log, redoable(log, actor), actor)


@st.composite
def played_logs(draw: Any, most: int = 14) -> Log:
    """Logs as two persons make them: decisions, gestures about several subjects, undo and redo."""
    log: Log = []
    for _ in range(draw(st.integers(0, most))):
        actor = draw(st.sampled_from(["ann", "bob"]))
        kind = draw(st.sampled_from(["one", "many", "undo", "redo"]))
        if kind == "undo":
            log = undone(log, actor)
        elif kind == "redo":
            log = redone(log, actor)
        else:
            log = [*log, *draw(gestures(len(log) + 1, actor, 1 if kind == "one" else 3))]
    return log


@st.composite
def gestures(draw: Any, first: int, actor: str, size: int) -> Log:
    subjects = draw(st.permutations(SUBJECTS))[:size]
    entries = []
    for place, (subject, subject_id) in enumerate(subjects):
        action = draw(st.sampled_from(ACTIONS[subject]))
        value = draw(st.sampled_from(VALUES.get(action, [None])))
        gesture = first if size > 1 else None
        entries.append(
            Decision(
                first + place, subject, subject_id, action, value, actor, first, gesture=gesture
            )
        )
    return entries


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
def test_undo_returns_to_the_state_before(log: Log) -> None:
    for done in log:
        if done.action == "undo" or is_undone(log, done):
            continue
        number = len(log) + 1
        undo = replace(done, id=number, action="undo", value=None, undoes=done.id)
        never = [other for other in log if done.id not in (other.id, other.undoes)]
        assert fold([*log, undo]) == fold(never)
        assert fold([*log, undo, replace(undo, id=number + 1, undoes=number)]) == fold(log)


@given(valid_logs(), st.data())
def test_undoing_a_new_decision_restores_the_state(log: Log, data: Any) -> None:
    number = len(log) + 1
    subject, subject_id = data.draw(st.sampled_from(SUBJECTS))
    action = data.draw(st.sampled_from(ACTIONS[subject]))
    value = data.draw(st.sampled_from(VALUES.get(action, [None])))
    new = Decision(number, subject, subject_id, action, value, "cleo")
    assert fold([*log, new, replace(new, id=number + 1, action="undo", undoes=number)]) == fold(log)


@given(
    valid_logs([("rationale", 1), ("answer", 1)]),
    valid_logs([("rationale", 2), ("question", 1)]),
    st.data(),
)
def test_the_order_of_unrelated_subjects_is_irrelevant(first: Log, second: Log, data: Any) -> None:
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

    def told(log: Log) -> dict[tuple[str, int], State]:
        return {
            key: replace(
                state,
                decision=0,
                comments=tuple(replace(one, decision=0) for one in state.comments),
            )
            for key, state in fold(log).items()
        }

    assert told(renumbered) == told(first) | told(second)
    assert fold(data.draw(st.permutations(renumbered))) == fold(renumbered)


@given(valid_logs())
def test_only_subjects_with_a_decision_in_force_are_in_the_fold(log: Log) -> None:
    for key, state in fold(log).items():
        said = (state.accepted, state.text, state.correct, state.favourite)
        assert said != (None,) * 4 or state.comments
        assert any((one.subject, one.subject_id) == key for one in log)


@given(st.one_of(valid_logs(), played_logs()))
def test_a_subjects_own_log_folds_to_its_part_of_the_whole(log: Log) -> None:
    whole = fold(log)
    for key in SUBJECTS:
        own = fold([one for one in log if (one.subject, one.subject_id) == key])
        assert own == ({key: whole[key]} if key in whole else {})


@given(st.one_of(valid_logs(), played_logs()))
def test_an_entry_stands_unless_a_standing_one_undoes_it(log: Log) -> None:
    stands = {one.id for one in standing(log)}
    assert stands == {one.id for one in log if not is_undone(log, one)}
    assert [one.id for one in in_force(log)] == [
        one.id for one in log if one.id in stands and one.action != "undo"
    ]


# ---- edits


def test_a_restore_brings_the_text_and_the_verdict_from_before_the_edit() -> None:
    rejected = [entry(1, "reject"), entry(2, "edit", "new"), entry(3, "edit", "newer")]
    assert state_of(*rejected) == (True, "newer")
    assert state_of(*rejected, entry(4, "restore")) == (False, None)
    assert fold([entry(1, "edit", "new"), entry(2, "restore")]) == {}
    assert state_of(entry(1, "edit", "new"), entry(2, "reject"), entry(3, "restore")) == (
        None,
        None,
    )
    # What was never edited stays as it is.
    assert state_of(entry(1, "reject"), entry(2, "restore")) == (False, None)
    # Undone, the edit is back; edited anew, the verdict from before is the restored one.
    log = [*rejected, entry(4, "restore")]
    assert state_of(*log, entry(5, "undo", undoes=4)) == (True, "newer")
    assert state_of(*log, entry(5, "edit", "last"), entry(6, "restore")) == (False, None)


@given(valid_logs(), st.sampled_from(["new", "newer"]))
def test_edit_and_restore_leave_the_verdict_as_it_was(log: Log, text: str) -> None:
    before = state_of(*log)
    if before[1] is not None:
        return
    edit = entry(len(log) + 1, "edit", text)
    assert state_of(*log, edit) == (True, text)
    assert state_of(*log, edit, entry(len(log) + 2, "restore")) == before


@given(valid_logs())
def test_a_reset_leaves_comments_alone(log: Log) -> None:
    before = fold(log).get(("rationale", 1), State())
    after = fold([*log, entry(len(log) + 1, "reset")]).get(("rationale", 1), State())
    assert after == State(comments=before.comments)


# ---- favourites and comments


def test_the_last_favourite_counts_until_a_reset() -> None:
    log = [
        Decision(1, "question", 3, "favourite", "11", "ann"),
        Decision(2, "question", 3, "favourite", "12", "bob"),
    ]
    assert fold(log)["question", 3].favourite == 12
    assert fold([*log, Decision(3, "question", 3, "reset", actor="ann")]) == {}


def test_comments_stand_beside_the_verdict_in_their_order() -> None:
    log = [
        entry(1, "comment", "why?", reason="unclear", at=1.0),
        entry(2, "accept", at=2.0),
        entry(3, "comment", "see 2", actor="bob", at=3.0),
    ]
    state = fold(log)["rationale", 1]
    assert state.comments == (
        Comment(1, "ann", 1.0, "unclear", "why?"),
        Comment(3, "bob", 3.0, "", "see 2"),
    )
    assert (state.accepted, state.decision, state.actor, state.at) == (True, 2, "ann", 2.0)
    alone = fold(log[:1])["rationale", 1]
    assert (alone.accepted, alone.decision, alone.actor) == (None, 0, "")


def test_a_comment_blocks_nobodys_undo_and_is_undone_by_itself() -> None:
    log = [
        entry(1, "accept"),
        entry(2, "comment", "really?", actor="bob"),
        entry(3, "comment", "yes"),
    ]
    assert undoable(log, "ann") == [log[2]]
    log = undone(log, "ann")
    assert undoable(log, "ann") == [log[0]]
    assert undoable(log, "bob") == [log[1]]
    log = undone(log, "ann")
    assert state_of(*log) == (None, None)
    assert [one.text for one in fold(log)["rationale", 1].comments] == ["really?"]
    log = undone(log, "bob")
    assert fold(log) == {}


def test_comments_and_their_undos_are_no_revision() -> None:
    log = [entry(1, "accept"), entry(2, "comment", "why?")]
    assert revision_of([]) == 0
    assert revision_of(log) == 1
    log.append(entry(3, "undo", undoes=2))
    log.append(entry(4, "undo", undoes=3))
    assert revision_of(log) == 1
    log.append(entry(5, "undo", undoes=1))
    assert revision_of(log) == 5


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


@pytest.mark.parametrize(
    ("subject", "action", "value"),
    [
        ("rationale", "accept", None),
        ("rationale", "edit", "a text"),
        ("rationale", "edit", "x" * LONGEST),
        ("rationale", "restore", None),
        ("rationale", "comment", "words"),
        ("question", "favourite", "12"),
        ("question", "reset", None),
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
        ("rationale", "edit", "x" * (LONGEST + 1)),
        ("rationale", "comment", ""),
        ("rationale", "comment", "x" * (LONGEST + 1)),
        ("rationale", "favourite", "1"),
        ("question", "favourite", None),
        ("question", "favourite", "-1"),
        ("question", "favourite", "²"),
        ("question", "accept", None),
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


def test_a_comment_may_be_a_reason_alone() -> None:
    check_decision("rationale", "comment", "", "unclear")
