"""`projects delete` and `export-all`: what an owner does with a whole home."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fair_app.access.roles import LOCAL
from fair_app.errors import BadInput
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio import deleting, export_all
from fair_app.studio.projects import all_projects, open_project

Result = dict[str, Any]


def add_administering(add: Callable[..., Any]) -> None:
    """Add both commands."""
    of_projects = add("projects", projects, project=False)
    of_projects.add_argument("action", choices=["delete"], help="with all that belongs to it")
    of_projects.add_argument("name", metavar="NAME", help="the project")
    of_projects.add_argument(
        "--yes", metavar="NAME", help="its name again; without it is only said what would go"
    )
    of_projects.add_argument(
        "--with-calls",
        action="store_true",
        help="what its teachers were asked and answered too, where no other project uses it",
    )
    everything = add("export-all", export_everything, project=False)
    everything.add_argument(
        "--to", required=True, type=Path, metavar="FILE.zip", help="the zip that is written"
    )


def projects(settings: Settings, arguments: Namespace) -> Result:
    """A project deleted with everything that belongs to it, for good."""
    name = arguments.name
    mended = name in deleting.finish(settings)  # what a crash has left of it
    if mended and name not in {one.name for one in all_projects(settings)}:
        return {"project": name, "deleted": True}
    if arguments.yes is None:
        held, size = deleting.would_go(settings, open_project(settings, name))
        return {"project": name, "deleted": False, **asdict(held), "checkpoints_bytes": size}
    if arguments.yes != name:
        raise BadInput(f"To delete {name} for good, repeat its name: --yes '{name}'.")
    found = deleting.delete(settings, name, arguments.yes, LOCAL, with_calls=arguments.with_calls)
    return {"project": name, "deleted": True, **asdict(found.held), "calls": found.calls}


def export_everything(settings: Settings, arguments: Namespace) -> Result:
    """Every project's bundle and a copy of the database, as one zip."""
    params = export_all.export_params(settings, arguments.to.expanduser())
    return worker.run_now(settings, export_all.KIND, params, None)
