"""`push`: its options, and what it calls."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from db.projects import Project
from fair_app.errors import BadInput
from fair_app.jobs import worker
from fair_app.keys import usable
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio import projects
from fair_app.studio.publishing import DATA, KIND, merged, publish_params
from fair_app.studio.training import free_name, merge_params

Result = dict[str, Any]


def add_publishing(add: Callable[..., Any]) -> None:
    """Add the command."""
    made = add("push", push)
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", metavar="NAME", help="a checkpoint, with its model card")
    what.add_argument("--data", action="store_true", help="the curated training set, with its card")
    made.add_argument("--to", required=True, metavar="OWNER/NAME", help="the hub's repository")
    made.add_argument("--public", action="store_true", help="everybody may read it; else private")
    made.add_argument(
        "--merged", action="store_true", help="an adapter as a whole model: merged where it is not"
    )


def push(settings: Settings, arguments: Namespace) -> Result:
    """A checkpoint or the training set to the Hugging Face hub; the token stands in HF_TOKEN."""
    project = projects.open_project(settings, arguments.project)
    if arguments.merged and arguments.data:
        raise BadInput("--merged is of --checkpoint: leave it out.")

    def params(what: str) -> dict[str, Any]:
        return publish_params(
            settings,
            project,
            what=what,
            to=arguments.to,
            public=arguments.public,
            keys=usable(),
        )

    name = (arguments.checkpoint or "").removeprefix(CHECKPOINT)
    asked = params(DATA if arguments.data else f"{CHECKPOINT}{name}")
    if arguments.merged:
        asked = params(f"{CHECKPOINT}{_merged(settings, project, name)}")
    return worker.run_now(settings, KIND, asked, project.id)


def _merged(settings: Settings, project: Project, checkpoint: str) -> str:
    """The whole model of a checkpoint, made now where there is none."""
    found = merged(settings, project, checkpoint)
    if found is not None:
        return found
    name = free_name(settings, f"{checkpoint}-merged")
    worker.run_now(settings, "merge", merge_params(settings, checkpoint, name), project.id)
    return name
