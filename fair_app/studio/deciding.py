"""What persons decide in the review room: appended to the log, checked, undone and redone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from db import committee, decisions, exams
from db.decisions import Entry
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect, writing
from fair_app.curation.board import Board
from fair_app.curation.decisions import (
    CORRECT,
    WRONG,
    Decision,
    State,
    check_decision,
    fold,
    redoable,
    revision_of,
    undoable,
)
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.board import board, decision_log, decisions_on

GONE = "This rationale is not among the project's: reload the page."

BULK = {"accept": True, "reject": False, "reset": None}
"""What can be decided about many rationales at once, and the verdict that it leaves them with."""


class Outdated(BadInput):
    """Another person decided on this item since it was shown."""


@dataclass(frozen=True)
class Done:
    """What an undo or a redo was about: the action, how many entries, the first's subject."""

    action: str
    entries: int
    subject_id: int
    question_id: int | None


Within = Callable[[Decision], bool]


def decide(
    settings: Settings,
    project: Project,
    rationale_id: int,
    action: str,
    *,
    actor: str,
    revision: int,
    value: str | None = None,
    reason: str = "",
) -> int:
    """Append a person's decision about a rationale; return the new revision of that rationale.

    `action` is accept, reject, edit (with the text as `value`), restore or reset; `revision` is
    that of the column on the screen. Rejecting a question's favourite makes it none.

    Raises Outdated when somebody decided since, saying who and what; BadInput for an unknown action
    or a rationale of another project.
    """
    check_decision("rationale", action, value, reason)
    store = connect(settings.database)
    with writing(store):
        found = board(settings, project)
        question_id = _question(found, rationale_id, complete=True)
        _check_revision(settings, project, ("rationale", rationale_id), revision)
        entries = [Entry("rationale", rationale_id, action, value, reason.strip()[:500])]
        if action == "reject" and _favourite(found, question_id) == rationale_id:
            entries.append(Entry("question", question_id, "reset"))
        decisions.append(store, project.id, actor, entries)
        return revision_of(decisions_on(settings, project, ("rationale", rationale_id)))


def pick_favourite(
    settings: Settings,
    project: Project,
    rationale_id: int,
    *,
    actor: str,
    revision: int,
) -> None:
    """Make a rationale the one that the student learns from of its question, or no longer so.

    A favourite is accepted too, by the same gesture; whoever saw the rationale before is outdated.
    `revision` is that of the question's card. Raises Outdated when somebody chose since, and
    BadInput for a rationale of another project.
    """
    store = connect(settings.database)
    with writing(store):
        found = board(settings, project)
        question_id = _question(found, rationale_id, complete=True)
        _check_revision(settings, project, ("question", question_id), revision)
        if _favourite(found, question_id) == rationale_id:
            entries = [Entry("question", question_id, "reset")]
        else:
            entries = [
                Entry("question", question_id, "favourite", str(rationale_id)),
                Entry("rationale", rationale_id, "accept"),
            ]
        decisions.append(store, project.id, actor, entries)


def comment(
    settings: Settings,
    project: Project,
    rationale_id: int,
    *,
    actor: str,
    text: str = "",
    reason: str = "",
) -> None:
    """Leave a comment on a rationale: words, a reason, or both. Raises BadInput for neither."""
    text, reason = text.strip(), reason.strip()[:500]
    check_decision("rationale", "comment", text, reason)
    store = connect(settings.database)
    with writing(store):
        _question(board(settings, project), rationale_id, complete=False)
        entry = Entry("rationale", rationale_id, "comment", text, reason)
        decisions.append(store, project.id, actor, [entry])


def decide_all(
    settings: Settings,
    project: Project,
    rationale_ids: Sequence[int],
    action: str,
    *,
    actor: str,
    only_undecided: bool = False,
) -> int:
    """Accept, reject or reset many rationales by one gesture; return how many it changed.

    See `changed_by` for those that stay as they are. Raises BadInput for another action, when a
    rationale is not among the project's (any more), and with `only_undecided` Outdated when a
    person has decided on one of them: then none is changed.
    """
    store = connect(settings.database)
    with writing(store):
        found = board(settings, project)
        states = [found.state_of(one) or State() for one in rationale_ids]
        if only_undecided and any(state.accepted is not None for state in states):
            raise Outdated(
                "Somebody decided on some of these in the meantime, so nothing was decided: look "
                "at the queue again."
            )
        changed = changed_by(found, rationale_ids, action)
        entries = []
        for rationale_id in changed:
            entries.append(Entry("rationale", rationale_id, action))
            question_id = found.row_of[rationale_id].question_id
            if action == "reject" and _favourite(found, question_id) == rationale_id:
                entries.append(Entry("question", question_id, "reset"))
        decisions.append(store, project.id, actor, entries)
    return len(changed)


def changed_by(found: Board, rationale_ids: Iterable[int], action: str) -> list[int]:
    """Those of many rationales that accepting, rejecting or resetting all of them would change.

    Not those on which the same was decided already, nor those that are not complete. Raises
    BadInput for another action, or for a rationale that is not on the board.
    """
    if action not in BULK:
        raise BadInput(
            f"Many rationales can be accepted, rejected or reset at once, not: {action}."
        )
    incomplete = {one.id for one in found.incomplete}
    wanted = list(dict.fromkeys(rationale_ids))
    if any(one not in found.row_of and one not in incomplete for one in wanted):
        raise BadInput("These rationales changed in the meantime: look at the queue again.")
    return [
        one
        for one in wanted
        if one not in incomplete and (found.state_of(one) or State()).accepted is not BULK[action]
    ]


def override_grade(
    settings: Settings,
    project: Project,
    answer_id: int,
    correct: bool | None,
    *,
    actor: str,
    reason: str = "",
) -> AnswerRow:
    """Grade an answer as a person says, with None as the rule does again; return the answer.

    Appended to the log of decisions, unless that is the grade in force already. Mistakes, counts,
    review room and training set follow. Raises BadInput for an answer that is not the project's,
    or that is still to come.
    """
    store = connect(settings.database)
    with writing(store):
        answer = _answer(store, project, answer_id)
        if correct is None:
            action, value = "reset", None
        else:
            action, value = "grade", CORRECT if correct else WRONG
        wanted = answer.rule_correct if correct is None else correct
        if wanted != answer.correct:
            entry = Entry("answer", answer_id, action, value, reason.strip()[:500])
            decisions.append(store, project.id, actor, [entry])
            _put_grade_in_force(settings, store, project, answer_id)
        return _answer(store, project, answer_id)


def undo(
    settings: Settings, project: Project, *, actor: str, within: Within | None = None
) -> Done | None:
    """Undo this person's latest gesture in force (of those entries that `within` lets through).

    Returns what it was about, None when there is none.
    """
    return _cancel(settings, project, actor, within, undoable)


def redo(
    settings: Settings, project: Project, *, actor: str, within: Within | None = None
) -> Done | None:
    """Bring back what this person undid last; None when there is nothing, or news since."""
    return _cancel(settings, project, actor, within, redoable)


def _cancel(
    settings: Settings,
    project: Project,
    actor: str,
    within: Within | None,
    choose: Callable[[list[Decision], str], list[Decision]],
) -> Done | None:
    store = connect(settings.database)
    with writing(store):
        log = decision_log(settings, project)
        chosen = choose([one for one in log if within is None or within(one)], actor)
        if not chosen:
            return None
        decisions.append(
            store,
            project.id,
            actor,
            [Entry(one.subject, one.subject_id, "undo", undoes=one.id) for one in chosen],
        )
        for one in chosen:
            if one.subject == "answer":
                _put_grade_in_force(settings, store, project, one.subject_id)
        first = chosen[0]
        about = next((one for one in log if one.id == first.undoes), first)
        return Done(about.action, len(chosen), first.subject_id, _question_of(store, first))


def _check_revision(
    settings: Settings, project: Project, key: tuple[str, int], revision: int
) -> None:
    log = decisions_on(settings, project, key)
    present = revision_of(log)
    if present == revision:
        return
    latest = next((one for one in log if one.id == present), None)
    if latest is None:
        raise Outdated("What you saw of this is not its present state: look at it again.")
    state = board(settings, project).states.get(key, State())
    raise Outdated(
        f"{latest.actor} decided on this in the meantime ({_word(key[0], state)}), so your choice "
        "was not saved: look at it again."
    )


def _word(subject: str, state: State) -> str:
    if subject == "question":
        return "no favourite" if state.favourite is None else "another favourite"
    if state.accepted is None:
        return "reset"
    if not state.accepted:
        return "rejected"
    return "accepted" if state.text is None else "edited"


def _question(found: Board, rationale_id: int, *, complete: bool) -> int:
    """The question of a rationale on the board. Raises BadInput when it is not there."""
    if rationale_id in found.row_of:
        return found.row_of[rationale_id].question_id
    rest = () if complete else found.incomplete
    question_id = next((one.question_id for one in rest if one.id == rationale_id), None)
    if question_id is None:
        raise BadInput(GONE)
    return question_id


def _favourite(found: Board, question_id: int) -> int | None:
    return found.states.get(("question", question_id), State()).favourite


def _question_of(store: Database, entry: Decision) -> int | None:
    """The question that an entry is about, None when it is gone."""
    if entry.subject == "question":
        return entry.subject_id
    if entry.subject == "answer":
        answer = exams.answer(store, entry.subject_id)
        return answer.question_id if answer else None
    rationale = committee.rationale(store, entry.subject_id)
    return rationale.question_id if rationale else None


def _answer(store: Database, project: Project, answer_id: int) -> AnswerRow:
    answer = exams.answer(store, answer_id)
    if answer is None or exams.get(store, answer.exam_id).project_id != project.id:
        raise BadInput("This answer is not among the project's: reload the page.")
    if answer.text is None:
        raise BadInput("This question has no answer yet to grade: resume the exam first.")
    return answer


def _put_grade_in_force(
    settings: Settings, store: Database, project: Project, answer_id: int
) -> None:
    """Write the grade that follows from the log into the answer's row."""
    key = ("answer", answer_id)
    state = fold(decisions_on(settings, project, key)).get(key)
    answer = _answer(store, project, answer_id)
    correct = answer.rule_correct if state is None else state.correct
    exams.set_grade(store, answer_id, bool(correct))
