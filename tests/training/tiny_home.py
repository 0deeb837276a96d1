"""A home that has the tiny model, and whole training jobs on it."""

from pathlib import Path
from typing import Any

from db.projects import Project
from fair_app.jobs.worker import run_now
from fair_app.settings import Settings
from fair_app.studio.training import train_params
from tests.training.tiny import tiny_folder


def tiny_home(folder: Path) -> Settings:
    """A home in this folder, with the tiny model in it."""
    tiny_folder(folder / "tiny")
    return Settings(home=folder)


def tiny(settings: Settings) -> str:
    """The REF of the home's tiny model."""
    assert settings.home is not None
    return str(settings.home / "tiny")


def asked_for(
    settings: Settings,
    project: Project,
    name: str,
    given: dict[str, Any],
    student: str | None = None,
    **asked: Any,
) -> dict[str, Any]:
    """The parameters of a run on the tiny model, unless another student is named."""
    return train_params(
        settings,
        project,
        name=name,
        student=student or tiny(settings),
        settings_given={"quantization": "none", **given},
        **asked,
    )


def trained(
    settings: Settings,
    project: Project,
    name: str,
    given: dict[str, Any],
    student: str | None = None,
    **asked: Any,
) -> dict[str, Any]:
    """The result of such a run."""
    params = asked_for(settings, project, name, given, student, **asked)
    return run_now(settings, "train", params, project.id)
