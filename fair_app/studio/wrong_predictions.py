"""The wrong predictions of a project's evaluations, as the reference's `<checkpoint>_test.json`."""

from pathlib import Path

from db import exams
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.exchange.reference import write_wrong_predictions
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.evaluations import summary
from fair_app.studio.exchange import as_mistake


def export_wrong_predictions(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """Write one file for each student and task: the newest evaluation that is whole.

    The file of another task than the project's bears its name too, one of another split that, and
    one whose name is taken by another student's the evaluation's number.
    Raises BadInput when the folder cannot be written to.
    """
    store = connect(settings.database)
    newest: dict[tuple[str, str, str], Exam] = {}
    for one in summary(settings, project):
        if one.whole:
            newest.setdefault((one.exam.student, one.exam.task, one.exam.split), one.exam)
    names: dict[str, Exam] = {}
    for exam in newest.values():
        name = _name(project, exam)
        names[f"{name}_{exam.id}" if name in names else name] = exam
    return [
        write_wrong_predictions(
            [as_mistake(row) for row in exams.answers(store, exam.id, "wrong")], folder, name
        )
        for name, exam in names.items()
    ]


def export_wrong_of(settings: Settings, project: Project, exam: Exam, folder: Path) -> Path:
    """Write the file of one evaluation, of the answers that it has so far, and return its path."""
    wrong = exams.answers(connect(settings.database), exam.id, "wrong")
    return write_wrong_predictions([as_mistake(row) for row in wrong], folder, _name(project, exam))


def _name(project: Project, exam: Exam) -> str:
    """The checkpoint, or the last part of a hub id or a folder; two such may be alike."""
    student = exam.student.removeprefix(CHECKPOINT).rstrip("/").rpartition("/")[2]
    task = exam.task if exam.task != project.task else ""
    split = exam.split if exam.split != "test" else ""
    return "_".join(part for part in (student, task, split) if part)
