"""Logs of decisions for tests, also drawn at random."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from fair_app.curation.decisions import (
    ACTIONS,
    CORRECT,
    WRONG,
    Decision,
    State,
    fold,
    redoable,
    undoable,
)

Log = list[Decision]
SUBJECTS = [("rationale", 1), ("rationale", 2), ("answer", 1), ("question", 1)]
VALUES = {
    "edit": ["better", "best"],
    "grade": [CORRECT, WRONG],
    "comment": ["why?"],
    "favourite": ["1", "2"],
}


@st.composite
def valid_logs(draw: Any, subjects: Any = SUBJECTS, most: int = 10) -> Log:
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
def played_logs(draw: Any, most: int = 10) -> Log:
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
