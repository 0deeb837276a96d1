"""Projects: a student, a task, and the acceptance threshold that a person saved."""

from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from db.store import fetch, fetch_one, insert, now, scalar, update


@dataclass(frozen=True)
class Project:
    """One row of `projects`. `revision` grows with the work that a person may look at."""

    id: int
    name: str
    task: str
    task_spec: dict[str, Any] | None
    student: str
    threshold: float
    budget_usd: float | None
    exam_id: int | None
    created_at: float
    rule: dict[str, Any]
    reasons: list[str]
    revision: int = field(compare=False)


def add(
    store: Database, name: str, task: str, student: str, task_spec: dict[str, Any] | None = None
) -> Project:
    """Create a project. The name must be free (sqlite3.IntegrityError)."""
    values = {"name": name, "task": task, "task_spec": task_spec, "student": student}
    return get(store, insert(store, "projects", {**values, "created_at": now()}))


def get(store: Database, project_id: int) -> Project:
    """The project with this id; KeyError when there is none."""
    project = fetch_one(store, Project, "SELECT * FROM projects WHERE id = ?", [project_id])
    if project is None:
        raise KeyError(project_id)
    return project


def by_name(store: Database, name: str) -> Project | None:
    """The project with this name, or None."""
    return fetch_one(store, Project, "SELECT * FROM projects WHERE name = ?", [name])


def is_there(store: Database, project: Project) -> bool:
    """Whether a project was not deleted. Another one may have its name and its id since."""
    sql = "SELECT count(*) FROM projects WHERE id = ? AND created_at = ?"
    return bool(scalar(store, sql, [project.id, project.created_at]))


def all_projects(store: Database) -> list[Project]:
    """Every project, the newest first."""
    return fetch(store, Project, "SELECT * FROM projects ORDER BY id DESC")


def set_task(store: Database, project_id: int, task: str, task_spec: dict[str, Any] | None) -> None:
    """Give a project another task, or another way to read its own."""
    update(store, "projects", project_id, {"task": task, "task_spec": task_spec})


def set_rule(store: Database, project_id: int, threshold: float, rule: dict[str, Any]) -> None:
    """Save the acceptance threshold (0..5), and what the rule has beside it."""
    update(store, "projects", project_id, {"threshold": threshold, "rule": rule})


def set_reasons(store: Database, project_id: int, reasons: list[str]) -> None:
    """Save the short list of reasons that comments are given from."""
    update(store, "projects", project_id, {"reasons": reasons})


def set_budget(store: Database, project_id: int, budget_usd: float | None) -> None:
    """Save what the project's teacher calls may cost in all, in USD; None is no cap."""
    update(store, "projects", project_id, {"budget_usd": budget_usd})


def set_exam(store: Database, project_id: int, exam_id: int, student: str) -> None:
    """Make an exam the one whose mistakes are taught, and its student the project's."""
    update(store, "projects", project_id, {"exam_id": exam_id, "student": student})
