"""An ablation as it stands after some of its runs, built through the store without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from db import exams, jobs
from db.jobs import Job
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.student.base import DECODINGS
from fair_app.studio.ablation_results import STUDENT_TEST, key_of_test, key_of_training
from fair_app.tasks.base import Question


def answered(
    settings: Settings,
    project: Project,
    student: str,
    right: Sequence[bool],
    seconds: float = 1.0,
    **asked: str,
) -> int:
    """A whole greedy evaluation of 8 tokens an answer with these outcomes; return its id.

    `asked`: what else its settings say.
    """
    store = connect(settings.database)
    questions = [Question(f"And {n}?", "1", "1") for n in range(len(right))]
    exam_id = exams.add(
        store,
        project.id,
        purpose="evaluation",
        student=student,
        task=project.task,
        split="test",
        settings={
            "decoding": asdict(DECODINGS["greedy"]) | {"max_new_tokens": 8},
            "samples": 1,
            "quantization": "none",
            "server": None,
            "prompts": "chat",
            **asked,
        },
        question_ids=store_questions(store, project.id, project.task, "test", questions),
    )
    for row, correct in zip(exams.unanswered(store, exam_id), right, strict=True):
        exams.save_answer(store, row.id, {"text": "1", "correct": int(correct)})
    exams.add_seconds(store, exam_id, seconds)
    return exam_id


def tried(
    settings: Settings,
    project: Project,
    job: Job,
    student: Sequence[bool],
    came: Mapping[str, Sequence[bool]],
) -> int:
    """Give an ablation the student's test, and runs with the outcomes of theirs by checkpoint.

    A run has taken 5 s and its test 2 s. Returns the evaluation of the student.
    """
    store = connect(settings.database)

    def done(key: str, kind: str, result: dict[str, Any]) -> None:
        jobs.end(store, jobs.add_child(store, job, key, kind, {}), "succeeded", result=result)

    first = answered(settings, project, job.params["student"], student)
    whole = {"questions": len(student), "seconds": 2.0}
    done(STUDENT_TEST, "evaluate", {"exam": first, **whole})
    for checkpoint, right in came.items():
        done(key_of_training(checkpoint), "train", {"steps": 3, "seconds": 5.0})
        exam = answered(settings, project, f"checkpoint:{checkpoint}", right)
        done(key_of_test(checkpoint), "evaluate", {"exam": exam, **whole})
    return first
