"""Persons' decisions: an append-only log, and the state that is its fold.

Nothing in the log is ever changed. Undoing an entry is another entry that cancels it; undoing that
one brings the first back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from fair_app.errors import BadInput

Subject = Literal["rationale", "answer"]
Action = Literal["accept", "reject", "edit", "reset", "grade", "undo"]

ACTIONS: dict[str, tuple[str, ...]] = {
    "rationale": ("accept", "reject", "edit", "reset"),
    "answer": ("grade", "reset"),
}
"""What a person may decide about each subject. `undo` is not about a subject but about an entry."""

CORRECT, WRONG = "correct", "wrong"
"""The values of a `grade`."""


@dataclass(frozen=True)
class Decision:
    """One entry of the log. Ids grow with time.

    `value` is the new text of an `edit`, and `correct` or `wrong` for a `grade`. `undoes` is the
    id of the entry of the same subject that an `undo` cancels. `at` is in seconds since 1970.
    """

    id: int
    subject: str
    subject_id: int
    action: str
    value: str | None = None
    actor: str = ""
    at: float = 0.0
    undoes: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class State:
    """What persons decided about one subject; None leaves it to the rule.

    `accepted` and `text` are about rationales, `correct` about answers. `decision`, `actor` and
    `at` name the latest entry in force.
    """

    accepted: bool | None = None
    text: str | None = None
    correct: bool | None = None
    decision: int = 0
    actor: str = ""
    at: float = 0.0


def check_decision(subject: str, action: str, value: str | None = None) -> None:
    """Raise BadInput unless this may be appended to the log: a known action with its value."""
    if action not in ACTIONS.get(subject, ()):
        known = ", ".join(ACTIONS.get(subject, ())) or "nothing"
        raise BadInput(f"There is no decision '{action}' about a {subject}: choose {known}.")
    if action == "edit" and not (value and value.strip()):
        raise BadInput("An edited rationale needs a text: write one, or reject the rationale.")
    if action == "grade" and value not in (CORRECT, WRONG):
        raise BadInput(f"An answer is graded '{CORRECT}' or '{WRONG}', not {value!r}.")


def fold(decisions: Iterable[Decision]) -> dict[tuple[str, int], State]:
    """The state of every subject about which a person's decision is in force.

    - accept, reject: that is the verdict, over the text as last edited.
    - edit: the text is `value`, and with it accepted; the scores were about another text.
    - grade: the answer is correct or wrong.
    - reset: the rules decide again, over the original text.

    A subject whose decisions were all undone or reset is not in the result.
    """
    states: dict[tuple[str, int], State] = {}
    for entry in _in_force(decisions):
        key = (entry.subject, entry.subject_id)
        if entry.action == "reset":
            states.pop(key, None)
        else:
            states[key] = _apply(states.get(key, State()), entry)
    return states


def last_undoable(decisions: Iterable[Decision], actor: str | None = None) -> Decision | None:
    """The latest decision in force, of this person or of any, None when there is none.

    Only the last word on a subject can be undone: what somebody decided on top of an earlier
    decision was decided with that one in view.
    """
    last_words = {(entry.subject, entry.subject_id): entry for entry in _in_force(decisions)}
    own = [entry for entry in last_words.values() if actor is None or entry.actor == actor]
    return max(own, key=lambda entry: entry.id, default=None)


def _in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """The entries that are neither undone nor an undo themselves, the oldest first."""
    cancelled: set[int] = set()
    standing = []
    # From the newest back: whether an undo is itself undone is known before its target is met.
    for entry in sorted(decisions, key=lambda entry: entry.id, reverse=True):
        if entry.id in cancelled:
            continue
        if entry.action != "undo":
            standing.append(entry)
        elif entry.undoes is not None:
            cancelled.add(entry.undoes)
    return standing[::-1]


def _apply(state: State, entry: Decision) -> State:
    noted = replace(state, decision=entry.id, actor=entry.actor, at=entry.at)
    match entry.action:
        case "accept":
            return replace(noted, accepted=True)
        case "reject":
            return replace(noted, accepted=False)
        case "edit":
            return replace(noted, accepted=True, text=entry.value)
        case "grade":
            return replace(noted, correct=entry.value == CORRECT)
        case _:
            raise ValueError(f"the log holds an unknown action: {entry.action}")
