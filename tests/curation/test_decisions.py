"""The log of decisions: what is in force, edits, favourites, comments, and what may be appended."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.curation.decisions import (
    ACTIONS,
    CORRECT,
    WRONG,
    Comment,
    Decision,
    State,
    fold,
    in_force,
    revision_of,
    standing,
    undoable,
)
from tests.curation.logs import (
    SUBJECTS,
    VALUES,
    Log,
    entry,
    is_undone,
    played_logs,
    state_of,
    undone,
    valid_logs,
)


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
