"""`prefer`: its options, and what it calls."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.studio import preferring, projects
from fair_app.studio.training import interrupted_run
from fair_app.training.preferences import SETTINGS

Result = dict[str, Any]

OPTIONS: tuple[tuple[str, str, type, str], ...] = (
    ("--beta", "beta", float, "how close it stays to what it was; default: 0.1"),
    ("--epochs", "epochs", int, "how often every preference is learned from"),
    ("--max-steps", "max_steps", int, "optimizer steps at most; default: all of the epochs"),
    ("--lr", "learning_rate", float, "learning rate, which falls to nothing"),
    ("--batch-size", "batch_size", int, "preferences an optimizer step"),
    ("--max-tokens", "max_tokens", int, "of a prompt with its answer; longer ones are left out"),
    ("--seed", "seed", int, "of the order of the preferences"),
)


def add_preferring(add: Callable[..., Any]) -> None:
    """Add the command."""
    made = add("prefer", prefer)
    made.add_argument("--checkpoint", metavar="NAME", help="the one to go on from")
    made.add_argument("--name", required=True, metavar="NEW", help="the new checkpoint's name")
    for option, name, kind, said in OPTIONS:
        metavar = "N" if kind is int else "R"
        made.add_argument(option, dest=name, type=kind, metavar=metavar, help=said or None)
    made.add_argument("--resume", action="store_true", help="go on with the run of this name")
    made.add_argument(
        "--from-lineage",
        type=Path,
        metavar="FILE",
        help="the same run again: a lineage.json with its preferences beside it",
    )


def prefer(settings: Settings, arguments: Namespace) -> Result:
    """A second stage (DPO): accepted rationales preferred to the student's wrong answers."""
    project = projects.open_project(settings, arguments.project)
    if arguments.resume:
        job = interrupted_run(settings, project, arguments.name, kind="prefer")
        queue.resume(settings, job.id)
        return worker.run_job(settings, job.id, echo=True)
    given = {name: getattr(arguments, name) for name in SETTINGS}
    if arguments.from_lineage:
        if arguments.checkpoint or any(value is not None for value in given.values()):
            raise BadInput(
                "--from-lineage makes the same run again: leave out its settings and checkpoint."
            )
        params = preferring.prefer_again_params(
            settings, name=arguments.name, lineage=arguments.from_lineage
        )
    elif arguments.checkpoint is None:
        raise BadInput("Say which checkpoint goes on: --checkpoint NAME.")
    else:
        params = preferring.prefer_params(
            settings,
            project,
            checkpoint=arguments.checkpoint,
            name=arguments.name,
            settings_given=given,
        )
    return worker.run_now(settings, "prefer", params, project.id)
