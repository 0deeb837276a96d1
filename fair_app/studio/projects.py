"""Projects: opening, creating, and where one stands."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from db import checkpoints, committee, exams, jobs, projects
from db.projects import Project
from db.store import connect
from fair_app.access.roles import shown_project
from fair_app.committee.committee_file import default_committee
from fair_app.errors import BadInput
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.studio.teachers import set_committee
from fair_app.tasks.custom import TaskSpec
from fair_app.tasks.registry import task as task_named

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
DEMO = "demo"


def all_projects(settings: Settings) -> list[Project]:
    """Every project, the newest first; through a link to look at one project only that."""
    known = projects.all_projects(connect(settings.database))
    shown = shown_project()
    return [one for one in known if shown in (None, one.name)]


def open_project(settings: Settings, name: str) -> Project:
    """The project with this name. Raises BadInput, naming those that exist.

    Through a link to look at one project there is no other (`fair_app.access.shares`).
    """
    project = projects.by_name(connect(settings.database), name)
    if project is None or shown_project() not in (None, name):
        known = ", ".join(one.name for one in all_projects(settings))
        have = f"the projects here are: {known}" if known else "there is none yet"
        raise BadInput(f"There is no project '{name}': {have}. The exam creates a project.")
    return project


@contextmanager
def still_there(settings: Settings, project: Project) -> Iterator[None]:
    """While what a project has is read. Raises BadInput where it was deleted meanwhile, whatever
    fault that has led to."""
    try:
        yield
    except Exception as fault:
        _check_there(settings, project, fault)
        raise
    _check_there(settings, project)


def _check_there(settings: Settings, project: Project, fault: Exception | None = None) -> None:
    if not projects.is_there(connect(settings.database), project):
        raise BadInput(f"{project.name} was deleted meanwhile: choose another project.") from fault


def create_project(
    settings: Settings,
    name: str,
    task: str,
    student: str,
    task_spec: TaskSpec | None = None,
) -> Project:
    """Create a project with the default committee, or return it when it stands already.

    `task_spec` says how to read a task of one's own; a project that stands keeps its own without
    it. Raises BadInput for a name that is not letters, digits, spaces, dots, dashes and underscores
    (64 at most), for an unknown task, and for a project that was examined on another task.
    """
    if not NAME.fullmatch(name):
        raise BadInput(
            f"'{name}' cannot be a project's name: use up to 64 letters, digits, spaces, dots, "
            "dashes and underscores."
        )
    store = connect(settings.database)
    project = projects.by_name(store, name)
    if project is not None:
        same = project.task.lower() == task.strip().lower()
        if same and task_spec is None:
            return project
        return set_task(settings, project, task, task_spec)
    found = task_named(task, task_spec)
    project = projects.add(store, name, found.name, student, _stored(task_spec))
    set_committee(settings, project, default_committee())
    return project


def may_change_task(settings: Settings, project: Project) -> bool:
    """Whether a project can have another task still: nothing was asked on its present one."""
    store = connect(settings.database)
    return not any(
        exams.of_project(store, project.id, purpose) for purpose in ("exam", "evaluation")
    )


def set_task(
    settings: Settings, project: Project, task: str, task_spec: TaskSpec | None = None
) -> Project:
    """Give a project its task. Raises BadInput for an unknown one, and after an exam on another."""
    found = task_named(task, task_spec)
    if (found.name, _stored(task_spec)) == (project.task, project.task_spec):
        return project
    if not may_change_task(settings, project):
        fault = f"is about {project.task}, not {task}"
        if found.name == project.task:
            fault = f"reads {task} with another mapping or grader"
        raise BadInput(f"Project '{project.name}' {fault}: choose another project name.")
    store = connect(settings.database)
    projects.set_task(store, project.id, found.name, _stored(task_spec))
    return projects.get(store, project.id)


def _stored(task_spec: TaskSpec | None) -> dict[str, Any] | None:
    return task_spec.model_dump() if task_spec else None


def ensure_demo(settings: Settings) -> Project:
    """The demo project: the offline student, the generated task, the offline committee."""
    return create_project(settings, DEMO, "arithmetic", "smollm2-135m")


def status(settings: Settings, project: Project) -> dict[str, object]:
    """Where a project stands: counts of every stage."""
    store = connect(settings.database)
    mark_orphans(store)
    exam = exams.get(store, project.exam_id) if project.exam_id else None
    answered = exams.counts(store, exam.id) if exam else None
    written = committee.counts(store, project.id, exam.id) if exam else {}
    return {
        "name": project.name,
        "task": project.task,
        "student": project.student,
        "threshold": project.threshold,
        "exam": exam.id if exam else None,
        "questions": answered.questions if answered else 0,
        "answered": answered.answered if answered else 0,
        "correct": answered.correct if answered else 0,
        "mistakes": answered.answered - answered.correct if answered else 0,
        "teachers": [teacher.name for teacher in committee.teachers(store, project.id)],
        "rationales": written.get("rationales", 0),
        "feedback": written.get("feedback", 0),
        "reviews": written.get("reviews", 0),
        "calls_missing": sum(one.calls for one in committee.missing(store, project.id, exam.id))
        if exam
        else 0,
        "checkpoints": [one.name for one in checkpoints.of_project(store, project.id)],
        "evaluations": len(exams.of_project(store, project.id, "evaluation")),
        "running": [
            job.id for job in jobs.listed(store, project.id) if job.state in ("running", "queued")
        ],
    }
