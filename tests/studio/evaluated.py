"""Evaluations for tests, written through the store as a job would leave them, without a model."""

from collections.abc import Sequence
from typing import Any

from db import exams
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task as task_named

GREEDY: dict[str, Any] = {"name": "greedy", "temperature": 0.0, "max_new_tokens": 256, "seed": 731}


def sampled(seed: int) -> dict[str, Any]:
    """The paper's decoding with a seed."""
    return {"name": "paper", "temperature": 0.3, "max_new_tokens": 512, "seed": seed}


def evaluated(
    settings: Settings,
    project: Project,
    student: str,
    right: Sequence[bool | None],
    *,
    task: str = "arithmetic",
    split: str = "test",
    questions: Sequence[Question] | None = None,
    decoding: dict[str, Any] | None = None,
) -> Exam:
    """An evaluation with these grades, in order; None: not answered yet."""
    store = connect(settings.database)
    asked = questions or task_named(task).load(split, limit=len(right))
    exam_id = exams.add(
        store,
        project.id,
        purpose="evaluation",
        student=student,
        task=task,
        split=split,
        settings={"decoding": decoding or GREEDY, "samples": 1, "put": f"{task} {len(right)}"},
        question_ids=store_questions(store, project.id, task, split, asked),
    )
    for row, correct in zip(exams.unanswered(store, exam_id), right, strict=True):
        if correct is not None:
            answer = {"text": f"{student} says so.", "prediction": "1", "correct": int(correct)}
            exams.save_answer(store, row.id, {**answer, "tokens": 3, "truncated": 0})
    return exams.get(store, exam_id)
