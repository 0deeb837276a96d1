"""`students`: smaller students made of larger ones."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.student.shrunk import HALF, shrink_params

Result = dict[str, Any]


def add_students(add: Callable[..., Any], student: str) -> None:
    """Add the command. `student` says what a REF is."""
    made = add("students", students, project=False)
    made.add_argument("action", choices=["shrink"], help="leave out layers, evenly spaced")
    made.add_argument("--student", required=True, metavar="REF", help=student)
    made.add_argument(
        "--layers", required=True, metavar=f"N|{HALF}", help="how many are kept; first and last are"
    )
    made.add_argument("--name", required=True, metavar="NAME", help="of its folder in the models")


def students(settings: Settings, arguments: Namespace) -> Result:
    """Make a smaller student: the same model with fewer layers, saved as a model folder."""
    params = shrink_params(settings, arguments.student, arguments.layers, arguments.name)
    return worker.run_now(settings, "shrink", params, None)
