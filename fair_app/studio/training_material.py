"""What training sets are chosen from: a project's curated texts and its student's mistakes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from db import committee, curation, exams
from db.exams import AnswerRow
from db.projects import Project
from db.store import connect
from fair_app.curation.board import COMPLETE, Board
from fair_app.curation.training_set import FeedbackRow, TrainingRow
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.studio.board import board
from fair_app.tasks.base import Task
from fair_app.tasks.registry import task_of
from fair_app.training.curated import Asked, as_examples
from fair_app.training.examples import TrainingQuestion


@dataclass(frozen=True)
class Material:
    """The texts of a project at one moment: `texts` has the rationales' by id, `answers` the
    mistakes by question."""

    board: Board
    texts: Mapping[int, str]
    feedback: Sequence[FeedbackRow]
    answers: Mapping[int, AnswerRow]
    task: Task

    def examples(self, rows: Iterable[TrainingRow]) -> list[TrainingQuestion]:
        """The rows of a training set with what the student was asked and answered."""
        chosen = list(rows)
        asked = {
            row.question_id: Asked(
                self.task.prompt(as_question(self.answers[row.question_id])),
                self.answers[row.question_id].text or "",
            )
            for row in chosen
        }
        return as_examples(chosen, asked)


def material(settings: Settings, project: Project) -> Material:
    """What the project's training sets are chosen from now. Raises BadInput without an exam."""
    if project.exam_id is None:
        raise BadInput(f"{project.name} has no exam yet: run the exam first.")
    store = connect(settings.database)
    found = board(settings, project)
    return Material(
        board=found,
        texts=curation.texts(store, list(found.row_of)),
        feedback=[
            FeedbackRow(one.question_id, one.teacher, one.text)
            for one in committee.feedback(store, project.exam_id)
            if one.finish == COMPLETE and one.text
        ],
        answers={row.question_id: row for row in exams.answers(store, project.exam_id, "wrong")},
        task=task_of(project),
    )
