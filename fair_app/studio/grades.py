"""A person's word on a grade, and how grades fall by time and by kind of question."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from db import decisions, exams
from db.exams import AnswerRow, KindCounts
from db.projects import Project
from db.store import connect
from fair_app.curation.decisions import Decision
from fair_app.evaluation.comparing import MOST_PARTS, natural, ways_of_telling
from fair_app.evaluation.statistics import wilson
from fair_app.settings import Settings
from fair_app.studio import deciding
from fair_app.studio.board import board, decision_log


@dataclass(frozen=True)
class Word:
    """Who decided on a grade, when (seconds since 1970), and why ("" when they did not say)."""

    actor: str
    at: float
    reason: str


@dataclass(frozen=True)
class KindScore:
    """Accuracy on one kind of question, with its 95 % Wilson interval."""

    kind: str
    answered: int
    correct: int
    ci95: tuple[float, float]


def undo_grade(settings: Settings, project: Project, *, actor: str) -> AnswerRow | None:
    """Undo this person's latest word on the present exam's grades; None when there is none."""
    if project.exam_id is None:
        return None
    store = connect(settings.database)
    known = set(exams.answer_ids(store, project.exam_id))

    def is_on_the_exam(entry: Decision) -> bool:
        return entry.subject == "answer" and entry.subject_id in known

    done = deciding.undo(settings, project, actor=actor, within=is_on_the_exam)
    return exams.answer(store, done.subject_id) if done else None


def words(settings: Settings, project: Project) -> dict[int, Word]:
    """The persons' words on grades that are in force, by the id of the answer."""
    # The log after the states: then it has what they come from, whoever decides meanwhile.
    states = board(settings, project).states
    log = {entry.id: entry for entry in decision_log(settings, project)}
    return {
        subject_id: Word(state.actor, state.at, log[state.decision].reason)
        for (subject, subject_id), state in states.items()
        if subject == "answer"
    }


def last_decision(settings: Settings, project: Project) -> int:
    """The id of the latest decision about a project: the revision of what persons decided."""
    return decisions.revision(connect(settings.database), project.id)


def accuracy_over_time(settings: Settings, exam_id: int) -> list[tuple[int, float]]:
    """The accuracy after each answer, in the order in which they came, by the grades in force."""
    points, right = [], 0
    came = exams.grades_as_they_came(connect(settings.database), exam_id)
    for number, correct in enumerate(came, start=1):
        right += correct
        points.append((number, right / number))
    return points


def by_kind(settings: Settings, exam_id: int) -> list[list[KindScore]]:
    """Accuracy by the kind of question, one list for each way in which the task tells kinds apart.

    A kind such as `baking, 2 steps` is in two of them: by family and by the number of steps. At
    most MOST_PARTS of a list, those with most answers; a way with a single kind is left out.
    """
    return grouped(exams.by_kind(connect(settings.database), exam_id))


def grouped(found: Iterable[KindCounts]) -> list[list[KindScore]]:
    """Kinds told apart by each of their parts; kinds of unequal parts are taken whole."""
    rows = list(found)
    ways = [_tally(rows, own) for own in ways_of_telling([row.kind for row in rows])]
    return sorted((way for way in ways if len(way) > 1), key=lambda way: natural(way[0].kind))


def _tally(rows: Sequence[KindCounts], names: Sequence[str]) -> list[KindScore]:
    answered: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    for name, row in zip(names, rows, strict=True):
        answered[name] += row.answered
        correct[name] += row.correct
    most = sorted(answered, key=lambda name: (-answered[name], natural(name)))[:MOST_PARTS]
    return [
        KindScore(name, answered[name], correct[name], wilson(correct[name], answered[name]))
        for name in sorted(most, key=natural)
    ]
