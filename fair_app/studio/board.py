"""The board of a project, read once and kept while nothing of it changes.

A page asks for it at every gesture. What teachers wrote changes the project's revision, and is then
read again; decisions only ever come behind the ones that are known, and are read from there.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from db import committee, curation, decisions, exams
from db.decisions import DecisionRow
from db.projects import Project
from db.store import connect, reading
from fair_app.curation.board import COMPLETE, Board, Incomplete, rationale_rows
from fair_app.curation.decisions import Decision, Key, State, fold
from fair_app.settings import Settings

KEPT = 4
"""Boards that are kept at most: those used last."""


@dataclass(frozen=True)
class _Read:
    """A board as it was read, and the log that its states are the fold of. Never changed."""

    about: tuple[int, int | None]
    board: Board
    log: list[Decision]
    by_subject: Mapping[Key, list[Decision]]


@dataclass
class _Slot:
    """Where a project's newest reading is kept."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    read: _Read | None = None


_slots: OrderedDict[tuple[Path, int, float], _Slot] = OrderedDict()
_lock = threading.Lock()


def board(settings: Settings, project: Project) -> Board:
    """The mistakes of the present exam, what the committee wrote on them, and what was decided."""
    return _read(settings, project).board


def decision_log(settings: Settings, project: Project) -> list[Decision]:
    """All decisions of persons about a project, the oldest first."""
    return _read(settings, project).log


def decisions_on(settings: Settings, project: Project, key: Key) -> list[Decision]:
    """The decisions about one subject, the oldest first."""
    return _read(settings, project).by_subject.get(key, [])


def _read(settings: Settings, project: Project) -> _Read:
    store = connect(settings.database)
    slot = _slot((settings.database.resolve(), project.id, project.created_at))
    # What is written and not yet committed may never be: it is not kept.
    keeps = not store.conn.in_transaction
    with slot.lock, reading(store):
        last = slot.read
        about = (curation.revision(store, project.id), project.exam_id)
        if last is None:
            last = _Read(about, _facts(store, project, {}), [], {})
        elif last.about != about:
            facts = _facts(store, project, last.board.states)
            last = _Read(about, facts, last.log, last.by_subject)
        new = decisions.log(store, project.id, last.log[-1].id if last.log else 0)
        if new:
            last = _with(last, [_plain(row) for row in new])
        if keeps:
            slot.read = last
        return last


def _slot(key: tuple[Path, int, float]) -> _Slot:
    with _lock:
        slot = _slots.setdefault(key, _Slot())
        _slots.move_to_end(key)
        while len(_slots) > KEPT:
            _slots.popitem(last=False)
        return slot


def _with(last: _Read, new: list[Decision]) -> _Read:
    """What was read, and new decisions behind it."""
    own: dict[Key, list[Decision]] = {}
    for entry in new:
        key = (entry.subject, entry.subject_id)
        own.setdefault(key, list(last.by_subject.get(key, []))).append(entry)
    states = dict(last.board.states)
    for key, log in own.items():
        # An undo has the subject of what it cancels: a subject's log is folded by itself.
        state = fold(log).get(key)
        if state is None:
            states.pop(key, None)
        else:
            states[key] = state
    facts = last.board.deciding(states)
    return _Read(last.about, facts, last.log + new, {**last.by_subject, **own})


def _facts(store: Database, project: Project, states: Mapping[Key, State]) -> Board:
    exam_id = project.exam_id
    teachers = [teacher.name for teacher in committee.teachers(store, project.id)]
    if exam_id is None:
        return Board([], teachers, [], [], states, {}, {})
    written = curation.written(store, project.id, exam_id)
    return Board(
        questions=exams.question_ids(store, exam_id, "wrong"),
        teachers=teachers,
        rows=rationale_rows(written, curation.scores(store, project.id)),
        incomplete=[
            Incomplete(one.id, one.question_id, one.teacher, one.finish)
            for one in written
            if one.finish != COMPLETE
        ],
        states=states,
        feedback_tokens=curation.feedback_tokens(store, exam_id),
        prompt_tokens=curation.prompt_tokens(store, exam_id),
    )


def _plain(row: DecisionRow) -> Decision:
    return Decision(
        id=row.id,
        subject=row.subject,
        subject_id=row.subject_id,
        action=row.action,
        value=row.value,
        actor=row.actor,
        at=row.at,
        undoes=row.undoes,
        reason=row.reason,
        gesture=row.gesture,
    )
