"""The review room: cards, verdicts, the threshold and the log of decisions.

The rules are pure and stand in `fair_app.curation`; here they meet the store.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from db import committee, decisions, exams, projects
from db.committee import RationaleRow as StoredRationale
from db.committee import ReviewRow
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect, writing
from fair_app.curation.acceptance import (
    RationaleRow,
    Verdict,
    check_threshold,
    counted,
    verdict,
)
from fair_app.curation.decisions import Decision, State, check_decision, fold, last_undoable
from fair_app.curation.what_if import Summary, summarise
from fair_app.errors import BadInput
from fair_app.settings import Settings

COMPLETE = "complete"


class Outdated(BadInput):
    """Another person decided on this item since it was shown."""


@dataclass(frozen=True)
class Score:
    """One peer's review of a rationale. `counts`: the score lies in 1..5."""

    reviewer: str
    score: Any
    counts: bool
    text: str


@dataclass(frozen=True)
class TeacherColumn:
    """What one teacher wrote about one mistake, and what became of it."""

    teacher: str
    simulated: bool
    feedback: str | None
    rationale_id: int | None
    rationale: str | None
    finish: str | None
    prediction: str | None
    correct: bool | None
    scores: list[Score]
    verdict: Verdict | None
    revision: int


@dataclass(frozen=True)
class Card:
    """One mistake with all that the committee wrote about it. `position` counts from 0."""

    position: int
    total: int
    answer: AnswerRow
    columns: list[TeacherColumn]


@dataclass(frozen=True)
class Curated:
    """A project's rationales with the decisions in force."""

    rows: list[RationaleRow]
    states: dict[tuple[str, int], State]

    def verdicts(self, threshold: float) -> dict[int, Verdict]:
        """The verdict of every rationale, by its id."""
        return {
            row.id: verdict(row, threshold, self.states.get(("rationale", row.id)))
            for row in self.rows
        }


def curated(settings: Settings, project: Project) -> Curated:
    """All complete rationales on the present mistakes, and the decisions about them."""
    store = connect(settings.database)
    ids = mistakes(settings, project)
    scores: dict[int, list[Any]] = defaultdict(list)
    for review in committee.reviews(store, project.id, ids):
        scores[review.rationale_id].append(review.score)
    rows = [
        _plain(one, scores[one.id])
        for one in committee.rationales(store, project.id, ids)
        if one.finish == COMPLETE
    ]
    return Curated(rows, _states(settings, project))


def mistakes(settings: Settings, project: Project) -> list[int]:
    """The questions of the present exam that were answered wrong, in its order."""
    if project.exam_id is None:
        return []
    return exams.question_ids(connect(settings.database), project.exam_id, "wrong")


def card(settings: Settings, project: Project, position: int) -> Card | None:
    """The card at a position among the mistakes (clamped to them), or None when there is none."""
    if project.exam_id is None:
        return None
    store = connect(settings.database)
    total = exams.count_answers(store, project.exam_id, "wrong")
    position = max(0, min(position, total - 1))
    page = exams.answers(store, project.exam_id, "wrong", 1, position)
    if not page:
        return None
    answer = page[0]
    only = [answer.question_id]
    reviews: dict[int, list[ReviewRow]] = defaultdict(list)
    for review in committee.reviews(store, project.id, only):
        reviews[review.rationale_id].append(review)
    rationales = {row.teacher_id: row for row in committee.rationales(store, project.id, only)}
    feedback = {
        row.teacher_id: row.text
        for row in committee.feedback(store, project.exam_id, only)
        if row.finish == COMPLETE
    }
    log = decision_log(settings, project)
    states = fold(log)
    columns = []
    for teacher in committee.teachers(store, project.id):
        rationale = rationales.get(teacher.id)
        peers = reviews[rationale.id] if rationale else []
        state = states.get(("rationale", rationale.id)) if rationale else None
        judged = (
            verdict(_plain(rationale, [peer.score for peer in peers]), project.threshold, state)
            if rationale and rationale.finish == COMPLETE
            else None
        )
        columns.append(
            TeacherColumn(
                teacher=teacher.name,
                simulated=teacher.simulated,
                feedback=feedback.get(teacher.id),
                rationale_id=rationale.id if rationale else None,
                rationale=rationale.text if rationale else None,
                finish=rationale.finish if rationale else None,
                prediction=rationale.prediction if rationale else None,
                correct=rationale.correct if rationale else None,
                scores=[
                    Score(peer.reviewer, peer.score, counted(peer.score), peer.text or "")
                    for peer in peers
                ],
                verdict=judged,
                revision=_revision(log, rationale.id) if rationale else 0,
            )
        )
    return Card(position, total, answer, columns)


def position_of(settings: Settings, project: Project, question_id: int) -> int | None:
    """Where a question stands among the mistakes, or None when it is not one."""
    ids = mistakes(settings, project)
    return ids.index(question_id) if question_id in ids else None


def decide(
    settings: Settings,
    project: Project,
    rationale_id: int,
    action: str,
    *,
    actor: str,
    revision: int,
    value: str | None = None,
) -> int:
    """Append a person's decision about a rationale; return the new revision of that rationale.

    `revision` is that of the column on the screen. Raises Outdated when somebody decided since,
    BadInput for an unknown action or a rationale of another project.
    """
    check_decision("rationale", action, value)
    store = connect(settings.database)
    with writing(store):
        rationale = committee.rationale(store, rationale_id)
        if rationale is None or rationale.question_id not in set(mistakes(settings, project)):
            raise BadInput("This rationale is not among the project's: reload the page.")
        if _revision(decision_log(settings, project), rationale_id) != revision:
            raise Outdated(
                "Somebody else decided on this rationale in the meantime: look at it again."
            )
        return decisions.append(
            store,
            project.id,
            subject="rationale",
            subject_id=rationale_id,
            action=action,
            actor=actor,
            value=value,
        )


def undo(settings: Settings, project: Project, *, actor: str) -> int | None:
    """Undo this person's latest decision in force; return its rationale's id, None if none is."""
    store = connect(settings.database)
    with writing(store):
        log = [one for one in decision_log(settings, project) if one.subject == "rationale"]
        return undo_latest(store, project, log, actor)


def undo_latest(
    store: Database, project: Project, log: Sequence[Decision], actor: str
) -> int | None:
    """Append the undoing of a person's latest decision in `log`; return its subject's id."""
    last = last_undoable(log, actor)
    if last is None:
        return None
    decisions.append(
        store,
        project.id,
        subject=last.subject,
        subject_id=last.subject_id,
        action="undo",
        actor=actor,
        undoes=last.id,
    )
    return last.subject_id


def set_threshold(settings: Settings, project: Project, threshold: float) -> None:
    """Save the acceptance threshold. Raises BadInput outside 0..5."""
    check_threshold(threshold)
    projects.set_threshold(connect(settings.database), project.id, threshold)


def summary(settings: Settings, project: Project, threshold: float | None = None) -> Summary:
    """What a threshold (by default the saved one) accepts. Raises BadInput outside 0..5."""
    used = project.threshold if threshold is None else threshold
    check_threshold(used)
    found = curated(settings, project)
    return summarise(found.rows, used, found.states)


def _plain(rationale: StoredRationale, scores: list[Any]) -> RationaleRow:
    return RationaleRow(
        id=rationale.id,
        question_id=rationale.question_id,
        teacher=rationale.teacher,
        text=rationale.text or "",
        final_correct=rationale.correct,
        scores=tuple(scores),
    )


def decision_log(settings: Settings, project: Project) -> list[Decision]:
    """All decisions of persons about a project, the oldest first."""
    return [
        Decision(
            id=row.id,
            subject=row.subject,
            subject_id=row.subject_id,
            action=row.action,
            value=row.value,
            actor=row.actor,
            at=row.at,
            undoes=row.undoes,
            reason=row.reason,
        )
        for row in decisions.log(connect(settings.database), project.id)
    ]


def _states(settings: Settings, project: Project) -> dict[tuple[str, int], State]:
    return fold(decision_log(settings, project))


def _revision(log: list[Decision], rationale_id: int) -> int:
    return max(
        (one.id for one in log if (one.subject, one.subject_id) == ("rationale", rationale_id)),
        default=0,
    )


def question_of(settings: Settings, rationale_id: int) -> int | None:
    """The question that a rationale answers, or None when there is no such rationale."""
    rationale = committee.rationale(connect(settings.database), rationale_id)
    return rationale.question_id if rationale else None
