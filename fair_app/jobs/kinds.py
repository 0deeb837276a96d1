"""Which kinds of job there are, and where the body of each stands.

A body is named, not imported: the web process knows the kinds without loading torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Kind:
    """A kind of job. `computes`: it needs the device, which one job holds at a time, unless a
    server computes for it. `several`: more of a project may wait."""

    title: str
    body: str
    computes: bool
    several: bool = False


KINDS = {
    "exam": Kind("Exam", "fair_app.student.exam:run", computes=True),
    "collect": Kind("Committee", "fair_app.committee.collector:run", computes=False),
    "augment": Kind("Augmentation", "fair_app.committee.augmentation:run", computes=True),
    "train": Kind("Training", "fair_app.training.run:run", computes=True, several=True),
    "merge": Kind("Merging", "fair_app.training.merge:run", computes=True, several=True),
    "prefer": Kind("Preference", "fair_app.training.preference:run", computes=True, several=True),
    "gguf": Kind("GGUF export", "fair_app.training.gguf:run", computes=True, several=True),
    "publish": Kind("Publishing", "fair_app.studio.publishing:run", computes=False),
    "shrink": Kind("Shrinking", "fair_app.student.shrinking:run", computes=True, several=True),
    "evaluate": Kind("Evaluation", "fair_app.student.exam:run", computes=True),
    "try": Kind("Try it", "fair_app.student.trying:run", computes=True, several=True),
    "rounds": Kind("Rounds", "fair_app.studio.rounds_run:run", computes=False),
    "ablation": Kind("Ablation", "fair_app.studio.ablating:run", computes=False),
    "backup": Kind("Backup", "fair_app.studio.backing_up:run", computes=False),
    "export-all": Kind("Export", "fair_app.studio.export_all:run", computes=False),
}

LENDING = "try"
"""The kind that lends a model: no work under way, and nothing to be gone on with."""


def needs_device(kind: str, params: dict[str, Any]) -> bool:
    """Whether a job takes the device lease."""
    return KINDS[kind].computes and not params.get("server")


def body(kind: str) -> Callable[..., dict[str, Any]]:
    """Import the body of a kind: a function of the job's context that returns its result."""
    module, function = KINDS[kind].body.split(":")
    found: Callable[..., dict[str, Any]] = getattr(import_module(module), function)
    return found
