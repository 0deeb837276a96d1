"""Projects for tests, built through the store as an exam would leave them, without a model."""

import os
import signal

from db import exams, projects
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.studio.projects import create_project
from fair_app.studio.teachers import asked_specs, set_committee
from fair_app.tasks.registry import task as task_named


def project_with_mistakes(settings: Settings, mistakes: int = 4, name: str = "made") -> Project:
    """A project whose exam has one right answer and `mistakes` wrong ones, not yet taught."""
    task = task_named("arithmetic")
    project = create_project(settings, name, task.name, "smollm2-135m")
    store = connect(settings.database)
    questions = task.load("train", limit=mistakes + 1)
    exam_id = exams.add(
        store,
        project.id,
        purpose="exam",
        student="smollm2-135m",
        task=task.name,
        split="train",
        settings={"decoding": {"name": "greedy"}},
        question_ids=store_questions(store, project.id, task.name, "train", questions),
    )
    for place, (row, question) in enumerate(
        zip(exams.unanswered(store, exam_id), questions, strict=True)
    ):
        wrong = int(question.gold_answer) + place
        text = f"Let us see. The answer is {wrong}."
        grade = task.grade(text, question)
        assert grade.span is not None
        exams.save_answer(
            store,
            row.id,
            {
                "text": text,
                "prediction": grade.prediction,
                "rule": grade.rule,
                "span_start": grade.span[0],
                "span_end": grade.span[1],
                "correct": int(grade.correct),
                "tokens": 10,
                "truncated": 0,
            },
        )
    projects.set_exam(store, project.id, exam_id, "smollm2-135m")
    return projects.get(store, project.id)


def pace_committee(settings: Settings, project: Project, calls_a_minute: float | None) -> None:
    """Limit each teacher of the project, so that a collection can be caught in its middle.

    Rules answer in a millisecond: without a limit a collection may end between two looks at it.
    """
    specs = asked_specs(settings, project)
    limit = {"requests_per_minute": calls_a_minute}
    set_committee(settings, project, [spec.model_copy(update=limit) for spec in specs])


def freeze(settings: Settings, pid: int) -> None:
    """Stop a process in its tracks, where it does not hold the store: nobody else could write."""
    with writing(connect(settings.database)):
        os.kill(pid, signal.SIGSTOP)
