"""Projects with mistakes and teachers at a loopback server, and their collection."""

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from db import jobs
from db.projects import Project
from db.store import connect
from fair_app.committee.base import TeacherSpec
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio import collecting, teachers
from fair_app.studio.projects import open_project
from tests.building import project_with_mistakes
from tests.wire.formats import Call, Provider

KEY = "sk-test-0123456789abcdef0123"


def spec_at(url: str, name: str, provider: Provider = "openai", **more: Any) -> TeacherSpec:
    """A teacher at the loopback server, of a provider's kind."""
    base = f"{url}/{provider}" + ("" if provider == "gemini" else "/v1")
    return TeacherSpec.model_validate(
        {
            "name": name,
            "provider": provider,
            "model": f"model-of-{name}",
            "base_url": base,
            "api_key_env": "FAIR_TEST_KEY",
            "usd_per_million_input": 1.0,
            "usd_per_million_output": 2.0,
            "batches": True,
            **more,
        }
    )


def taught_at(
    settings: Settings, specs: list[TeacherSpec], mistakes: int = 4, name: str = "made"
) -> Project:
    """A project with mistakes and these teachers."""
    project = project_with_mistakes(settings, mistakes, name)
    teachers.set_committee(settings, project, specs)
    return project


def collect(
    settings: Settings, project: Project, *, concurrency: int = 8, budget_usd: float | None = None
) -> dict[str, Any]:
    """Run a committee job to its end here; its result."""
    params = collecting.collect_params(
        settings,
        open_project(settings, project.name),
        concurrency,
        budget_usd,
        keys={"FAIR_TEST_KEY": SecretStr(KEY)},
    )
    return worker.run_now(settings, "collect", params, project.id)


def log_of(settings: Settings, project: Project) -> list[str]:
    """The log of the project's newest committee job."""
    store = connect(settings.database)
    job = jobs.latest(store, project.id, "collect")
    assert job is not None
    return [line.line for line in jobs.log_tail(store, job.id)]


def only(model: str, what: Callable[[Call], Any]) -> Callable[[Call], Any]:
    """A behaviour for one model's calls; the others are answered as usual."""
    return lambda call: what(call) if call.model == model else None
