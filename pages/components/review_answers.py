"""What the review room answers to a request: a card with those beside it, as plain values.

A decision that may not have arrived is asked again with `again`, and is made once all the same.
Nothing here is kept between two requests.
"""

import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from fair_app.curation.board import Board
from fair_app.curation.decisions import Decision, in_force, revision_of
from fair_app.curation.queues import QUEUES
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.board import decisions_on
from fair_app.studio.grades import last_decision
from fair_app.studio.projects import Project, open_project
from fair_app.studio.review import Card
from fair_app.studio.teachers import teachers
from fair_app.tasks.registry import task_of
from pages.components.review_acts import (
    DECIDING,
    LOOKING,
    Reply,
    Room,
    is_done,
    numbered,
    open_queue,
    standing,
)
from pages.components.review_card import card_value, label
from pages.components.review_requests import Asked, address, place_of, since_of
from pages.languages import _, said_of

WIDE = ("undo", "redo", "decide-all")
"""What may be about other cards than the one on the screen."""

AHEAD = 4
"""How many cards of a queue come along when the page is opened."""

_deciding: WeakValueDictionary[tuple[Path, str], threading.Lock] = WeakValueDictionary()
"""By store and person, held while they decide: what is asked again waits for what was asked first,
and nobody waits for another person, who may be waiting for the store."""
_turns = threading.Lock()


def opened(
    settings: Settings, project: Project, actor: str, item: str, last: str
) -> tuple[dict[str, Any], str]:
    """Open what the address names, else what was shown last; return the value and its address."""
    room = Room(settings, project, actor)
    wanted, queue, search = place_of(item or last)
    notice = ""
    if queue not in QUEUES:
        notice = _("There is no queue '{queue}': these are all mistakes.", queue=queue)
        queue, search = "all", ""
    question = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 16 else 0
    if item and wanted and question not in room.board.positions:
        notice = _(
            "'{item}' is not a question of this project: this is the next to decide on.",
            item=wanted,
        )
    asked = Asked("queue", queue=queue, search=search, question=question, stay=True)
    try:
        reply = open_queue(room, asked)
    except BadInput as fault:
        asked = Asked("queue", question=question, stay=True)
        reply, notice = open_queue(room, asked), said_of(fault)
    if notice:
        reply.notice, reply.kind = notice, "warning"
    if reply.found:
        # Those beside it come along: whoever opens the page goes on at once.
        ids = [item.question_id for item in reply.found.items]
        at = ids.index(reply.question) if reply.question in ids else 0
        asked = replace(asked, near=(*ids[at + 1 : at + 1 + AHEAD], *ids[max(0, at - 1) : at]))
    value, now = _value(room, asked, reply)
    return {**value, "serial": None}, now


def answered(
    settings: Settings, project: Project, actor: str, asked: Asked, person: str = ""
) -> tuple[dict[str, Any], str]:
    """Do what is asked; return the value, and the address of what is then on the screen.

    `actor` is the name for the log, which several may share; `person` (else the actor) is who asks,
    and decides one thing after the other. What they cannot have is said in the value, beside the
    card as it is now.
    """
    room = Room(settings, project, actor)
    try:
        if asked.action in DECIDING:
            with _turn_of(settings, person or actor):
                reply = _decided(room, asked)
        elif asked.action in LOOKING:
            reply = LOOKING[asked.action](room, asked)
        else:
            raise BadInput(f"There is nothing like '{asked.action}' to do here: reload the page.")
    except BadInput as fault:
        about = numbered(room, asked.question) if asked.action in DECIDING else ""
        reply = Reply(asked.question, f"{about}{said_of(fault)}", "warning")
        if asked.action == "queue":
            # The browser stays in the queue that it has.
            asked = replace(asked, queue="all", search="")
    # A grade or the rule may have changed the project's row.
    room = Room(settings, open_project(settings, project.name), actor)
    if reply.question and reply.question not in room.board.positions:
        reply.notice = reply.notice or _("That question is no mistake any more.")
        reply.question = standing(room, asked)
        reply.jump = reply.queue = reply.board = True
    return _value(room, asked, reply)


def _turn_of(settings: Settings, person: str) -> threading.Lock:
    with _turns:
        return _deciding.setdefault((settings.database, person), threading.Lock())


def _decided(room: Room, asked: Asked) -> Reply:
    if not (asked.again and is_done(room, asked)):
        return DECIDING[asked.action](room, asked)
    log = _log(room, asked.rationale)
    wide = asked.action in WIDE
    return Reply(asked.question, jump=wide, queue=wide, board=wide, revision=revision_of(log))


class Gone(BadInput):
    """The project that a request is about was deleted."""


def project_of(settings: Settings, name: str, asked: Asked) -> Project:
    """The project that a request is about.

    Raises Gone also where another one has its name by now: its ids stand for other things.
    """
    gone = Gone(f"The project {name} is no more, so nothing was done: reload the page.")
    try:
        found = open_project(settings, name)
    except BadInput:
        raise gone from None
    if since_of(found) != asked.since:
        raise gone
    return found


def refused(project: str, serial: int, sentence: str) -> dict[str, Any]:
    """An answer to a request that came to nothing, about no project that is there."""
    notice = {"text": sentence, "kind": "warning", "undo": False}
    return {"project": project, "serial": serial, "notice": notice}


def failed(project: str, serial: int, sentence: str) -> dict[str, Any]:
    """An answer to a request of which nobody knows what came: it can be asked again."""
    return {**refused(project, serial, sentence), "failed": True}


def _value(room: Room, asked: Asked, reply: Reply) -> tuple[dict[str, Any], str]:
    settings, project, found = room.settings, room.project, room.board
    shown, more = reply.question, dict(reply.more)
    if reply.queue:
        queue = reply.found or room.queue(asked.queue, asked.search)
        more["queue"] = {**_queue_value(queue, found), "search": asked.search}
    task = task_of(project)
    labels = {teacher.name: label(teacher) for teacher in teachers(settings, project)}
    cards = {
        card.answer.question_id: card_value(card, task, labels, _edits(room, card))
        for card in review.cards(settings, project, [shown, *asked.near])
    }
    value = {
        "project": project.name,
        "since": since_of(project),
        "serial": asked.serial,
        "me": room.actor,
        "rule": asdict(review.rule_of(project)),
        "reasons": review.reasons(project),
        "latest": last_decision(settings, project),
        "notice": {"text": reply.notice, "kind": reply.kind, "undo": reply.undo}
        if reply.notice
        else None,
        "card": cards.pop(shown, None),
        "neighbours": list(cards.values()),
        "jump": reply.jump,
        "board": reply.board,
        "revision": reply.revision,
        **more,
    }
    shown = value["card"]["question_id"] if value["card"] else 0
    return value, address(asked.queue, asked.search, shown)


def _edits(room: Room, card: Card) -> dict[int, Decision]:
    """The edits that a card's texts come from, by the ids of their rationales."""
    edited = [one.rationale_id for one in card.columns if one.state.text is not None]
    return {
        one: next(entry for entry in reversed(in_force(_log(room, one))) if entry.action == "edit")
        for one in edited
        if one is not None
    }


def _log(room: Room, rationale_id: int) -> list[Decision]:
    return decisions_on(room.settings, room.project, ("rationale", rationale_id))


def _queue_value(found: review.Queue, facts: Board) -> dict[str, Any]:
    """A queue, small enough to send once.

    - `ids`: its questions, comma-separated in its order; `decided`: a character each, 1 for done.
    - `columns`: of each question which rationales put it there, a bit a column of its card.
    """
    bits = {one: 1 << column for one, column in facts.column_of.items()}
    return {
        "name": found.name,
        "ids": ",".join(str(item.question_id) for item in found.items),
        "columns": ",".join(str(sum(bits[one] for one in item.rationales)) for item in found.items),
        "decided": "".join("1" if one else "0" for one in found.decided),
    }
