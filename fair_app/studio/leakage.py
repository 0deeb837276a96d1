"""Which items of an evaluation stand in what its student learned from."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from db import evaluations as stored
from db import exams, questions
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.evaluation.leakage import Leakage, leaks
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.student.registry import CHECKPOINT
from fair_app.tasks.asking import asked, asked_in
from fair_app.training.frozen import EXAMPLES, read_examples
from fair_app.training.lineage import read_lineage
from fair_app.training.preferences import PREFERENCES, STAGE, read_preferences

KEPT = 32
"""Evaluations, and checkpoints, of which so much is kept in memory: nothing of it is stored."""


def leakage(settings: Settings, project: Project, exam: Exam) -> Leakage:
    """The items of an evaluation that stand in its student's training set.

    A checkpoint's is that of its run and of the runs that it went on from. Where none can be read,
    and for a student that learned nothing here, the items are looked for among the questions of
    the project's exams, of which all its training sets are made.
    """
    store = connect(settings.database)
    tested = tuple(exams.question_ids(store, exam.id))
    learned = _learned(settings.checkpoints, exam.student)
    if learned is None:
        examined = tuple(stored.examined(store, project.id))
        return _among_questions(settings.database, project.created_at, tested, examined)
    return _among_texts(settings.database, project.created_at, tested, learned, exam.student)


def counted(found: Leakage) -> dict[str, Any]:
    """How many items leaked and in what way, as plain values."""
    return {
        "exact": len(found.exact),
        "normalised": len(found.normalised),
        "near": len(found.near),
        "among": found.source,
    }


def counted_of_test(settings: Settings, project: Project, exam_id: int) -> dict[str, Any]:
    """The same of a test that several students sat, with the number of its questions as `of`.

    They are looked for among those of the project's exams, of which all that they learn from is
    made.
    """
    store = connect(settings.database)
    tested = tuple(exams.question_ids(store, exam_id))
    examined = tuple(stored.examined(store, project.id))
    found = _among_questions(settings.database, project.created_at, tested, examined)
    return {**counted(found), "of": found.n}


def why_no_fair_test(settings: Settings, project: Project, test: Mapping[str, Any]) -> str | None:
    """A warning, in a sentence, where a test (`exam_params`) asks what is learned from."""
    if project.exam_id is None:
        return None
    exam = exams.get(connect(settings.database), project.exam_id)
    file = Path(test["rows"]).name if test["rows"] else None
    if (exam.split, exam.source.get("file")) != (test["split"], file):
        return None
    return (
        f"The test is on the {test['split']} split, which the exam was on too: it asks what is "
        "learned from, and shows what was remembered. Test on another split."
    )


def _learned(checkpoints: Path, student: str) -> tuple[str, ...] | None:
    """The questions that a checkpoint learned from; None: nothing, or it cannot be read."""
    found: list[str] = []
    seen: set[str] = set()
    waiting = [student]
    while waiting:
        ref = waiting.pop()
        if ref in seen or not ref.startswith(CHECKPOINT):
            continue
        seen.add(ref)
        folder = checkpoints / ref.removeprefix(CHECKPOINT)
        try:
            lineage = read_lineage(folder)
            file = PREFERENCES if lineage.get("stage") == STAGE else EXAMPLES
            found += _questions(folder, file, (folder / file).stat().st_mtime_ns)
        except (BadInput, OSError):
            return None
        waiting += [str(lineage.get("start") or ""), str(lineage.get("base") or "")]
    return tuple(found) or None


@lru_cache(maxsize=KEPT)
def _questions(folder: Path, file: str, changed_ns: int) -> tuple[str, ...]:
    rows = read_preferences(folder) if file == PREFERENCES else read_examples(folder)
    return tuple(asked_in(one.prompt) for one in rows)


@lru_cache(maxsize=KEPT)
def _among_questions(
    database: Path, since: float, tested: tuple[int, ...], examined: tuple[int, ...]
) -> Leakage:
    """A question's text never changes: the ids say whether it was looked for before.

    `since`: when the project began. Behind a deleted one its questions' ids are given again.
    """
    trained = _texts(database, examined).values()
    return leaks(_texts(database, tested), trained, "the project's exams")


@lru_cache(maxsize=KEPT)
def _among_texts(
    database: Path, since: float, tested: tuple[int, ...], trained: tuple[str, ...], source: str
) -> Leakage:
    return leaks(_texts(database, tested), trained, source)


def _texts(database: Path, ids: tuple[int, ...]) -> dict[int, str]:
    rows = questions.by_ids(connect(database), ids)
    return {row.id: asked(as_question(row)) for row in rows}
