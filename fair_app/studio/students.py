"""Whom a project knows: its student as it was before any training, what came of it, served ones."""

from db import checkpoints, exams
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT


def bases(settings: Settings, project: Project) -> dict[str, str]:
    """The student that each checkpoint of a project goes back to, by the checkpoint's REF."""
    below = {
        f"{CHECKPOINT}{one.name}": one.base
        for one in checkpoints.of_project(connect(settings.database), project.id)
    }
    found = dict(below)
    for _ in below:  # as many steps down as there can be
        deeper = {ref: below.get(base, base) for ref, base in found.items()}
        if deeper == found:
            break
        found = deeper
    return found


def base_student(settings: Settings, project: Project) -> str:
    """The project's student, or whom it goes back to: rounds make a checkpoint the student."""
    return bases(settings, project).get(project.student, project.student)


def known_students(settings: Settings, project: Project) -> list[str]:
    """The base, the project's checkpoints as REFs, and served ones by the names of their tests."""
    store = connect(settings.database)
    made = [f"{CHECKPOINT}{one.name}" for one in checkpoints.of_project(store, project.id)]
    tests = exams.of_project(store, project.id, "evaluation")
    served = [exam.student for exam in reversed(tests) if exam.settings.get("server")]
    return list(dict.fromkeys([base_student(settings, project), project.student, *made, *served]))
