"""Two rounds that are done, built through the store without a model."""

from itertools import count
from typing import Any

from db import exams, jobs
from db.projects import Project
from db.store import connect, writing
from fair_app.settings import Settings
from fair_app.stored_questions import store_questions
from fair_app.tasks.base import Question
from tests.building import project_with_mistakes

NAMES = count(1)
STOPPED = "All 2 rounds are done."
TESTED = 40
EXAM = {
    **{"task": "arithmetic", "task_spec": None, "split": "train", "rows": None, "limit": 5},
    **{"decoding": "greedy", "max_new_tokens": None, "quantization": "none", "server": None},
    **{"samples": 1, "prompts": "chat"},
}
"""The parameters of an exam of the first five questions, without who sat it."""


def sat(settings: Settings, text: str = "") -> Project:
    """A project whose exam of five questions was sat by a job, as far as its rows say."""
    project = project_with_mistakes(settings, 4, f"rounds {next(NAMES)}{text}")
    store = connect(settings.database)
    job_id = jobs.add(store, "exam", {**EXAM, "student": project.student}, project.id)
    jobs.end(store, job_id, "succeeded", result={"exam": project.exam_id})
    return project


def taught_twice(settings: Settings, text: str = "") -> tuple[Project, int]:
    """A project and its job of two rounds; `text` stands in what a model or a file wrote."""
    project = sat(settings)
    store = connect(settings.database)
    params = {
        **{"rounds": 2, "student": project.student, "name": "round", "train": "from-adapter"},
        **{"stop_below": 0.5, "budget_usd": None, "concurrency": 1},
        **{"exam": EXAM, "test": {**EXAM, "split": "test", "limit": TESTED}},
        "training": {"teacher": "mixed", "keep_rule": False, "settings_given": {"epochs": 7}},
    }
    job_id = jobs.add(store, "rounds", params, project.id)
    first, second = exam_of(project), again(settings, project, f"checkpoint:one{text}", 3)
    part = Parts(settings, job_id)
    part("first test", "evaluate", project.student, part.tested(project, project.student, 12))
    part("round 1 exam", "exam", project.student, {"exam": first, "questions": 5, "correct": 1})
    part("round 1 committee", "collect", "", asked(48, 0), needed=48)
    part("round 1 training", "train", "", {"checkpoint": f"one{text}", "examples": 4})
    name = f"checkpoint:one{text}"
    part("round 1 test", "evaluate", name, part.tested(project, name, 24))
    part("round 2 exam", "exam", name, {"exam": second, "questions": 5, "correct": 3})
    part("round 2 committee", "collect", "", asked(2, 4), needed=24)
    part("round 2 training", "train", "", {"checkpoint": "two", "examples": 2})
    part("round 2 test", "evaluate", "checkpoint:two", part.tested(project, "two", 36))
    jobs.end(store, job_id, "succeeded", result={"stopped": STOPPED})
    return project, job_id


class Parts:
    """Adds parts that are done to a job."""

    def __init__(self, settings: Settings, job_id: int) -> None:
        self._settings = settings
        self._store = connect(settings.database)
        self._job = jobs.get(self._store, job_id)

    def __call__(
        self, key: str, kind: str, student: str, result: dict[str, Any], **params: Any
    ) -> None:
        assert self._job is not None
        questions = EXAM if kind == "exam" else {**EXAM, "split": "test", "limit": TESTED}
        asked_for = {**questions, "student": student, **params}
        job_id = jobs.add_child(self._store, self._job, key, kind, asked_for)
        jobs.end(self._store, job_id, "succeeded", result=result)

    def tested(self, project: Project, student: str, right: int) -> dict[str, Any]:
        """A test whose first answers are right, and its job's result."""
        store = self._store
        questions = [Question(f"{one} + 0?", str(one), f"{one}+0={one}") for one in range(TESTED)]
        exam_id = exams.add(
            store,
            project.id,
            purpose="evaluation",
            student=student,
            task=project.task,
            split="test",
            settings={"decoding": {"name": "greedy"}},
            question_ids=store_questions(store, project.id, project.task, "test", questions),
        )
        with writing(store):
            for place, row in enumerate(exams.unanswered(store, exam_id)):
                answer = {"text": "0", "prediction": "0", "rule": "last number", "tokens": 1}
                exams.save_answer(store, row.id, {**answer, "correct": int(place < right)})
        return {"exam": exam_id, "questions": TESTED, "correct": right}


def asked(calls: int, cached: int) -> dict[str, Any]:
    """The result of a committee job."""
    more = {"left": 0, "cost_usd": calls * 0.01, "unpriced": 0, "stopped_by_budget": False}
    return {"calls": calls, "cached": cached, **more}


def exam_of(project: Project) -> int:
    """The project's exam."""
    assert project.exam_id is not None
    return project.exam_id


def again(settings: Settings, project: Project, student: str, right: int = 0) -> int:
    """The same questions asked of another student, that has answered the first `right` of them,
    rightly; the exam's id."""
    store = connect(settings.database)
    exam_id = exams.add(
        store,
        project.id,
        purpose="exam",
        student=student,
        task=project.task,
        split="train",
        settings={"decoding": {"name": "greedy"}},
        question_ids=exams.question_ids(store, exam_of(project)),
    )
    for row in exams.unanswered(store, exam_id)[:right]:
        exams.save_answer(store, row.id, {"text": "1", "correct": 1, "tokens": 1, "truncated": 0})
    return exam_id
