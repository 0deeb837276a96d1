"""A task before it is asked: a file's columns, and how its first questions are put and graded."""

from dataclasses import dataclass
from pathlib import Path

from db import exams
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.tasks.base import Question, Task
from fair_app.tasks.custom import TaskSpec
from fair_app.tasks.files import columns
from fair_app.tasks.readers.choice import LETTERS
from fair_app.tasks.registry import task as task_named

READ_WHOLE = 20_000_000
"""Bytes. A longer file is looked at as far as it is shown; its other rows are read by the exam."""


@dataclass(frozen=True)
class PreviewRow:
    """One question as the student will be asked. `grade_of_gold`: the gold answer grades right."""

    number: int
    prompt: str
    gold_answer: str
    grade_of_gold: bool


@dataclass(frozen=True)
class Preview:
    """The first questions, how many there are (None: not counted), and what is wrong with one.

    `fault` is a sentence that names the row, "" where all that was read is good.
    """

    rows: list[PreviewRow]
    total: int | None
    fault: str


def spec_of_exam(project: Project, exam: Exam) -> TaskSpec | None:
    """How a task of one's own was read in an exam or evaluation; None for one that is built in."""
    own = project.task_spec if exam.task == project.task else None
    spec = exam.settings.get("task_spec") or own
    return TaskSpec.model_validate(spec) if spec else None


def task_of_exam(project: Project, exam: Exam) -> Task:
    """The task of an exam or evaluation of a project. Raises BadInput where nothing says how a task
    of one's own was read."""
    return task_named(exam.task, spec_of_exam(project, exam))


def own_tasks(settings: Settings, project: Project) -> dict[str, TaskSpec]:
    """The tasks of one's own that a project knows, by name: its own, and those it was tested on, as
    they were read last."""
    found = exams.of_project(connect(settings.database), project.id, "evaluation")
    known = {one.task: spec for one in reversed(found) if (spec := spec_of_exam(project, one))}
    if project.task_spec:
        known[project.task] = TaskSpec.model_validate(project.task_spec)
    return known


def columns_of(path: Path) -> list[str]:
    """The names of a file's columns. Raises BadInput for what is no such file."""
    return columns(path)


def preview(
    settings: Settings,
    task: str,
    spec: TaskSpec | None,
    rows: Path | None,
    split: str,
    limit: int = 5,
) -> Preview:
    """Read a task's questions and put the first `limit` of them; a fault is told, not raised."""
    try:
        found = task_named(task, spec)
        whole = rows is None or not rows.is_file() or rows.stat().st_size <= READ_WHOLE
        questions = found.load(split, rows, None if whole else limit)
    except BadInput as fault:
        return Preview([], None, str(fault))
    wrong = next((at for at, one in enumerate(questions) if not _reads_gold(found, one)), None)
    return Preview(
        [_row(found, number, one) for number, one in enumerate(questions[:limit], start=1)],
        len(questions) if whole else None,
        "" if wrong is None else _unread(wrong + 1, questions[wrong]),
    )


def _row(task: Task, number: int, question: Question) -> PreviewRow:
    gold = question.gold_answer
    if question.options:
        gold = f"{gold}. {question.options[LETTERS.index(gold)]}"
    return PreviewRow(number, task.prompt(question), gold, _reads_gold(task, question))


def _reads_gold(task: Task, question: Question) -> bool:
    """Whether the gold answer, said in the form that the prompt asks for, is graded right."""
    return task.grade(f"The answer is {question.gold_answer}.", question).correct


def _unread(number: int, question: Question) -> str:
    gold = question.gold_answer
    shown = gold if len(gold) <= 60 else f"{gold[:59]}…"
    return (
        f"Question {number}: the gold answer '{shown}' itself would be graded wrong: shorten it, "
        "or choose another grader."
    )
