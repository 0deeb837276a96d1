"""The offline default, whole: exam, committee, training, two evaluations and their comparison."""

import time
from typing import Any

from db.projects import Project
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.studio import collecting, exams, projects, training
from fair_app.studio.comparing import comparison

EXAM_QUESTIONS = 200
TEST_QUESTIONS = 150
CHECKPOINT = "distilled"


def run(settings: Settings, limit: int | None = None) -> dict[str, Any]:
    """Run the loop in this process, each stage as a job; `limit` is the number of exam questions.

    Returns base and distilled accuracy on the same held-out items, McNemar's exact p-value, and
    the seconds of each stage. Finished answers and calls of an earlier run are not made again.
    """
    project = projects.ensure_demo(settings)
    seconds: dict[str, float] = {}

    def stage(name: str, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        since = time.monotonic()
        result = worker.run_now(settings, kind, params, project.id)
        seconds[name] = round(time.monotonic() - since, 1)
        return result

    sat = stage("exam", "exam", _questions(settings, project, "train", limit or EXAM_QUESTIONS))
    project = projects.open_project(settings, project.name)
    collected = stage("committee", "collect", collecting.collect_params(settings, project))
    name = training.free_name(settings, CHECKPOINT)
    trained = stage("training", "train", training.train_params(settings, project, name=name))
    tests = [
        stage(which, "evaluate", _questions(settings, project, "test", TEST_QUESTIONS, student))
        for which, student in (
            ("base evaluation", OFFLINE_STUDENT),
            ("distilled evaluation", f"checkpoint:{name}"),
        )
    ]
    (found,) = comparison(settings, project, [test["exam"] for test in tests])
    return {
        "base": tests[0]["accuracy"],
        "distilled": tests[1]["accuracy"],
        "p_value": found.changes.p_value,
        "fixed": found.changes.fixed,
        "broken": found.changes.broken,
        "n": TEST_QUESTIONS,
        "base_ci95": tests[0]["ci95"],
        "distilled_ci95": tests[1]["ci95"],
        "exam_accuracy": sat["accuracy"],
        "mistakes": sat["mistakes"],
        "calls": collected["calls"],
        "checkpoint": name,
        "loss": trained["loss"],
        "seconds": {**seconds, "all": round(sum(seconds.values()), 1)},
    }


def _questions(
    settings: Settings, project: Project, split: str, limit: int, student: str = OFFLINE_STUDENT
) -> dict[str, Any]:
    return exams.exam_params(settings, student=student, task=project.task, split=split, limit=limit)
