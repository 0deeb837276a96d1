"""Persons' decisions: an append-only log, and the state that is its fold.

Nothing in the log is ever changed. Undoing an entry is another entry that cancels it; undoing that
one (a redo) brings the first back. Entries of one gesture are undone and redone together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fair_app.errors import BadInput

Subject = Literal["rationale", "question", "answer"]
Action = Literal[
    "accept", "reject", "edit", "restore", "comment", "favourite", "grade", "reset", "undo"
]

ACTIONS: dict[str, tuple[str, ...]] = {
    "rationale": ("accept", "reject", "edit", "restore", "comment", "reset"),
    "question": ("favourite", "reset"),
    "answer": ("grade", "reset"),
}
"""What a person may decide about each subject. `undo` is not about a subject but about an entry."""

CORRECT, WRONG = "correct", "wrong"
"""The values of a `grade`."""

LONGEST = 100_000
"""Characters that an edited rationale or a comment may have."""


@dataclass(frozen=True)
class Decision:
    """One entry of the log. Ids grow with time.

    `value` is the new text of an `edit`, the words of a `comment`, the rationale's id of a
    `favourite`, and `correct` or `wrong` for a `grade`. `undoes` is the id of the entry of the same
    subject that an `undo` cancels. `gesture` is the id of the first entry that was made with it,
    None for one made alone. `at` is in seconds since 1970.
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
    gesture: int | None = None


@dataclass(frozen=True)
class Comment:
    """What a person said about a rationale; `decision` is the id of its entry."""

    decision: int
    actor: str
    at: float
    reason: str
    text: str


@dataclass(frozen=True)
class State:
    """What persons decided about one subject; None leaves it to the rule.

    `accepted`, `text` and `comments` are about rationales, `favourite` (a rationale's id) about
    questions, `correct` about answers. `decision`, `actor` and `at` name the latest entry in force
    that is not a comment; `decision` is 0 where there are only comments. `unedited` is what
    `accepted` was before the text was edited.
    """

    accepted: bool | None = None
    text: str | None = None
    correct: bool | None = None
    favourite: int | None = None
    decision: int = 0
    actor: str = ""
    at: float = 0.0
    comments: tuple[Comment, ...] = ()
    unedited: bool | None = None


Key = tuple[str, int]
"""A subject and its id."""


def check_decision(subject: str, action: str, value: str | None = None, reason: str = "") -> None:
    """Raise BadInput unless this may be appended to the log: a known action with its value."""
    if action not in ACTIONS.get(subject, ()):
        known = ", ".join(ACTIONS.get(subject, ())) or "nothing"
        raise BadInput(f"There is no decision '{action}' about a {subject}: choose {known}.")
    if action == "edit" and not (value and value.strip()):
        raise BadInput("An edited rationale needs a text: write one, or reject the rationale.")
    if action == "comment" and not (value and value.strip()) and not reason:
        raise BadInput("A comment needs words or a reason: write some, or choose one.")
    if len(value or "") > LONGEST:
        raise BadInput(f"A text can have at most {LONGEST:,} characters: shorten it.")
    if action == "grade" and value not in (CORRECT, WRONG):
        raise BadInput(f"An answer is graded '{CORRECT}' or '{WRONG}', not {value!r}.")
    if action == "favourite" and not (value and value.isascii() and value.isdigit()):
        raise BadInput("A favourite is one of the question's rationales: name it by its number.")


def fold(decisions: Iterable[Decision]) -> dict[Key, State]:
    """The state of every subject about which a person's decision is in force.

    - accept, reject: that is the verdict, over the text as last edited.
    - edit: the text is `value`, and with it accepted; the scores were about another text.
    - restore: the original text, and the verdict from before it was edited.
    - comment: stands beside the verdict and changes nothing of it.
    - favourite: of this question, the student learns from that rationale alone.
    - grade: the answer is correct or wrong.
    - reset: the rules decide again, over the original text.

    A subject whose decisions were all undone or reset is not in the result.
    """
    states: dict[Key, State] = {}
    for entry in in_force(decisions):
        key = (entry.subject, entry.subject_id)
        state = _apply(states.get(key, State()), entry)
        if state == State():
            states.pop(key, None)
        else:
            states[key] = state
    return states


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """The entries that are neither undone nor an undo themselves, the oldest first."""
    return [entry for entry in standing(decisions) if entry.action != "undo"]


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """The entries, undos among them, that no entry in force undoes, the oldest first."""
    cancelled: set[int] = set()
    found = []
    # From the newest back: whether an undo is itself undone is known before its target is met.
    for entry in sorted(decisions, key=lambda entry: entry.id, reverse=True):
        if entry.id in cancelled:
            continue
        found.append(entry)
        if entry.action == "undo" and entry.undoes is not None:
            cancelled.add(entry.undoes)
    return found[::-1]


def undoable(decisions: Iterable[Decision], actor: str | None = None) -> list[Decision]:
    """The latest gesture in force, of this person or of any; empty when there is none.

    Only the last word on a subject can be undone: what somebody decided on top of an earlier
    decision was decided with that one in view. So of a gesture about many subjects, those on which
    somebody decided since stay. A comment is always the last word on itself.
    """
    last_words = {_said_on(entry): entry for entry in in_force(decisions)}
    own = [entry for entry in last_words.values() if actor is None or entry.actor == actor]
    return _latest_gesture(own)


def redoable(decisions: Sequence[Decision], actor: str) -> list[Decision]:
    """The entries with which this person undid something last, so that undoing them is the redo.

    Empty after the person decided anything anew. What somebody decided on since stays undone.
    """
    newest = max((e.id for e in decisions if e.actor == actor and e.action != "undo"), default=0)
    last_words = {_said_on(entry): entry for entry in in_force(decisions)}
    log = {entry.id: entry for entry in decisions}
    # When each decision came into force last: as it was made, or as its undo was undone.
    since = {_origin(entry, log).id: entry.id for entry in sorted(decisions, key=lambda e: e.id)}
    undos = []
    for entry in standing(decisions):
        if entry.action != "undo" or entry.actor != actor or entry.id < newest:
            continue
        target = log.get(entry.undoes or 0)
        if target is None or target.action == "undo":
            continue
        word = last_words.get(_said_on(target))
        if word is None or word.actor == actor or since[word.id] < entry.id:
            undos.append(entry)
    return _latest_gesture(undos)


def revision_of(decisions: Iterable[Decision]) -> int:
    """The revision of one subject's state: its latest entry that is not about a comment, or 0."""
    log = {entry.id: entry for entry in decisions}
    return max((entry.id for entry in log.values() if not _is_comment(entry, log)), default=0)


def _is_comment(entry: Decision, log: Mapping[int, Decision]) -> bool:
    return _origin(entry, log).action == "comment"


def _origin(entry: Decision, log: Mapping[int, Decision]) -> Decision:
    """The decision that an entry makes, undoes or brings back."""
    while entry.action == "undo" and (undone := log.get(entry.undoes or 0)):
        entry = undone
    return entry


def _said_on(entry: Decision) -> tuple[str, int, int]:
    """What an entry is the word on: its subject, or, of a comment, itself."""
    return (entry.subject, entry.subject_id, entry.id if entry.action == "comment" else 0)


def _latest_gesture(entries: Iterable[Decision]) -> list[Decision]:
    in_order = sorted(entries, key=lambda entry: entry.id)
    if not in_order or in_order[-1].gesture is None:
        return in_order[-1:]
    return [entry for entry in in_order if entry.gesture == in_order[-1].gesture]


def _apply(state: State, entry: Decision) -> State:
    if entry.action == "comment":
        said = Comment(entry.id, entry.actor, entry.at, entry.reason, entry.value or "")
        return replace(state, comments=(*state.comments, said))
    if entry.action == "reset":
        return State(comments=state.comments)
    noted = replace(state, decision=entry.id, actor=entry.actor, at=entry.at)
    match entry.action:
        case "accept":
            return replace(noted, accepted=True)
        case "reject":
            return replace(noted, accepted=False)
        case "edit":
            unedited = state.accepted if state.text is None else state.unedited
            return replace(noted, accepted=True, text=entry.value, unedited=unedited)
        case "restore":
            if state.text is None:
                return state
            if state.unedited is None:
                return State(comments=state.comments)
            return replace(noted, accepted=state.unedited, text=None, unedited=None)
        case "favourite":
            return replace(noted, favourite=int(entry.value or 0))
        case "grade":
            return replace(noted, correct=entry.value == CORRECT)
        case _:
            raise ValueError(f"the log holds an unknown action: {entry.action}")
