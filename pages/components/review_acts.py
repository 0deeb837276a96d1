"""What can be done in the review room, one function an act: a request in, what came of it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from fair_app.curation.acceptance import RationaleRow, accepted_by_rule
from fair_app.curation.board import Board
from fair_app.curation.decisions import State
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.board import board, decision_log
from fair_app.studio.deciding import Done
from fair_app.studio.projects import Project
from pages.components.markup import count
from pages.components.review_requests import Asked
from pages.languages import _

VERBS = {
    "accept": "{rationales} on {questions} accepted.",
    "reject": "{rationales} on {questions} rejected.",
}
PREVIEWED = 20


@dataclass
class Reply:
    """What came of a request, before it is put into values.

    `jump`: the card is another than the browser has. `queue`: the queue's questions are sent too,
    those `found` where they are known already. `board`: other cards changed. `revision`: that of
    the rationale decided on. `more` goes along.
    """

    question: int
    notice: str = ""
    kind: str = "info"
    undo: bool = False
    jump: bool = False
    queue: bool = False
    board: bool = False
    revision: int | None = None
    found: review.Queue | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """Whose request it is, about which project."""

    settings: Settings
    project: Project
    actor: str

    @property
    def board(self) -> Board:
        """The board as it is now."""
        return board(self.settings, self.project)

    def queue(self, name: str, search: str) -> review.Queue:
        """A queue of this person's."""
        return review.queue(self.settings, self.project, name, self.actor, search)


# ---- looking


def _move(room: Room, asked: Asked) -> Reply:
    return Reply(asked.question)


def open_queue(room: Room, asked: Asked) -> Reply:
    """A queue from its first question that is not decided, or (`stay`) from the one shown."""
    queue = room.queue(asked.queue, asked.search)
    if asked.stay and asked.question in room.board.positions:
        return Reply(asked.question, jump=True, queue=True, found=queue)
    return Reply(_first(queue), jump=True, queue=True, found=queue)


def _sizes(room: Room, asked: Asked) -> Reply:
    found = review.sizes(room.settings, room.project, room.actor)
    return Reply(asked.question, more={"sizes": found})


def _preview(room: Room, asked: Asked) -> Reply:
    """What deciding on the whole queue would be about."""
    rule, rows, decided = review.rule_of(room.project), *_undecided(room, asked)
    numbers = room.board.positions
    sample = [
        {
            "number": numbers[row.question_id] + 1,
            "teacher": row.teacher,
            "mean": row.mean,
            "right": row.final_correct,
            "by_rule": accepted_by_rule(row, rule),
        }
        for row in rows[:PREVIEWED]
    ]
    preview = {
        "queue": asked.queue,
        "rationales": len(rows),
        "questions": len({row.question_id for row in rows}),
        "right": sum(row.final_correct is True for row in rows),
        "graded": sum(row.final_correct is not None for row in rows),
        "decided": decided,
        "mark": _mark(rows),
        "sample": sample,
    }
    return Reply(asked.question, more={"preview": preview})


# ---- deciding


def _decide(room: Room, asked: Asked) -> Reply:
    revision = deciding.decide(
        room.settings,
        room.project,
        asked.rationale,
        asked.action,
        actor=room.actor,
        revision=asked.revision,
        value=asked.value if asked.action == "edit" else None,
        reason=asked.reason,
    )
    return Reply(asked.question, revision=revision)


def _favourite(room: Room, asked: Asked) -> Reply:
    deciding.pick_favourite(
        room.settings,
        room.project,
        asked.rationale,
        actor=room.actor,
        revision=asked.revision,
    )
    return Reply(asked.question)


def _comment(room: Room, asked: Asked) -> Reply:
    deciding.comment(
        room.settings,
        room.project,
        asked.rationale,
        actor=room.actor,
        text=asked.value,
        reason=asked.reason,
    )
    return Reply(asked.question)


def _grade(room: Room, asked: Asked) -> Reply:
    """The answer is right after all: its question is no mistake any more, and the next is shown."""
    number = numbered(room, asked.question)
    deciding.override_grade(room.settings, room.project, asked.answer, True, actor=room.actor)
    if asked.question in room.board.positions:
        return Reply(asked.question)
    sentence = _("the answer is right by your word, so it is no mistake any more.")
    return Reply(asked.question, f"{number}{sentence}", undo=True)


def _undo(room: Room, asked: Asked) -> Reply:
    done = deciding.undo(room.settings, room.project, actor=room.actor)
    return _went_back(room, asked, done, _("Undone"), _("You have nothing to undo."))


def _redo(room: Room, asked: Asked) -> Reply:
    done = deciding.redo(room.settings, room.project, actor=room.actor)
    nothing = _("You have undone nothing that could come.")
    return _went_back(room, asked, done, _("Done again"), nothing)


def _went_back(room: Room, asked: Asked, done: Done | None, word: str, nothing: str) -> Reply:
    """Show the card that an undo or a redo was about."""
    if done is None:
        return Reply(asked.question, nothing)
    wide = done.entries > 1 or done.action == "grade"
    positions, about = room.board.positions, done.question_id
    what = _("“{action}”", action=_(WORDS.get(done.action, done.action)))
    if done.entries > 2:
        what = _("{decisions} made at once", decisions=count(done.entries, "decision"))
    elif about in positions:
        what = _("{action} on question {number}", action=what, number=positions[about] + 1)
    shown = about if about in positions else asked.question
    return Reply(shown, f"{word}: {what}.", jump=True, queue=wide, board=wide)


def _reasons(room: Room, asked: Asked) -> Reply:
    review.set_reasons(room.settings, room.project, asked.value.splitlines())
    return Reply(asked.question)


def _decide_all(room: Room, asked: Asked) -> Reply:
    """Accept or reject all rationales of a queue that nobody decided on yet."""
    if asked.verb not in VERBS:
        raise BadInput("A whole queue can be accepted or rejected, nothing else.")
    rows = _undecided(room, asked)[0]
    if _mark(rows) != asked.mark:
        raise BadInput(
            "The queue changed since you looked at it, so nothing was decided: look again."
        )
    number = deciding.decide_all(
        room.settings,
        room.project,
        [row.id for row in rows],
        asked.verb,
        actor=room.actor,
        only_undecided=True,
    )
    questions = count(len({row.question_id for row in rows}), "question")
    sentence = _(VERBS[asked.verb], rationales=count(number, "rationale"), questions=questions)
    return Reply(asked.question, sentence, undo=True, jump=True, queue=True, board=True)


def _first(queue: review.Queue) -> int:
    """The first question of a queue that is not decided, else its first, 0 when it is empty."""
    items = zip(queue.items, queue.decided, strict=True)
    left = (item.question_id for item, decided in items if not decided)
    return next(left, queue.items[0].question_id if queue.items else 0)


def standing(room: Room, asked: Asked) -> int:
    """The question on the screen, or the one beside it where it is no mistake any more."""
    for question in (asked.question, asked.beside):
        if question in room.board.positions:
            return question
    return _first(room.queue(asked.queue, asked.search))


def _undecided(room: Room, asked: Asked) -> tuple[list[RationaleRow], int]:
    """A queue's complete rationales that nobody decided on, and how many somebody did."""
    found = room.board
    ids = [one for item in room.queue(asked.queue, asked.search).items for one in item.rationales]
    rows = [found.row_of[one] for one in ids if one in found.row_of]
    left = [row for row in rows if (found.state_of(row.id) or State()).accepted is None]
    return left, len(rows) - len(left)


def _mark(rows: Sequence[RationaleRow]) -> int:
    """A number that tells one list of rationales from another."""
    return crc32(",".join(str(row.id) for row in rows).encode())


def is_done(room: Room, asked: Asked) -> bool:
    """Whether a request that is asked again was granted before, and only its answer got lost."""
    log = decision_log(room.settings, room.project)
    new = [one for one in log if one.id > asked.after and one.actor == room.actor]
    about = [one for one in new if (one.subject, one.subject_id) == ("rationale", asked.rationale)]
    match asked.action:
        case "undo" | "redo":
            # What this person did since is not to be undone by a request from before.
            return bool(new)
        case "favourite":
            key = ("question", asked.question)
            return any((one.subject, one.subject_id) == key for one in new)
        case "comment":
            said = (asked.value.strip(), asked.reason.strip())
            return any((one.value, one.reason) == said for one in about if one.action == "comment")
        case "edit":
            return any(one.value == asked.value for one in about if one.action == "edit")
        case "decide-all":
            return any(one.action == asked.verb for one in new if one.subject == "rationale")
        case _:
            return any(one.action == asked.action for one in about)


def numbered(room: Room, question: int) -> str:
    """What a sentence about a question begins with."""
    position = room.board.positions.get(question)
    return "" if position is None else _("Question {number}: ", number=position + 1)


WORDS = {"grade": "right after all"}
"""What an action is called where it has not its own name."""

Act = Callable[[Room, Asked], Reply]
LOOKING: dict[str, Act] = {
    "move": _move,
    "queue": open_queue,
    "sizes": _sizes,
    "preview": _preview,
}
DECIDING: dict[str, Act] = {
    **dict.fromkeys(("accept", "reject", "reset", "edit", "restore"), _decide),
    "favourite": _favourite,
    "comment": _comment,
    "grade": _grade,
    "undo": _undo,
    "redo": _redo,
    "reasons": _reasons,
    "decide-all": _decide_all,
}
