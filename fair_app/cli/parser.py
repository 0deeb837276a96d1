"""The commands and their options."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from fair_app.cli import commands
from fair_app.cli.ablating import add_ablating
from fair_app.cli.administering import add_administering
from fair_app.cli.backup import add_backup
from fair_app.cli.curating_options import add_curating
from fair_app.cli.evaluating import add_evaluating, add_questions
from fair_app.cli.mentor import add_mentor
from fair_app.cli.preferring import add_preferring
from fair_app.cli.publishing import add_publishing
from fair_app.cli.replaying import add_replaying
from fair_app.cli.rounds import add_rounds
from fair_app.cli.students import add_students
from fair_app.cli.training import add_training
from fair_app.cli.trying import add_trying
from fair_app.cli.users import add_access
from fair_app.errors import BadInput
from fair_app.studio.gguf_export import GGUF_TYPES
from fair_app.tasks.registry import task_names


class Parser(argparse.ArgumentParser):
    """Reports bad usage as every other bad input: one sentence, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (see `{self.prog} --help`)")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line. Raises BadInput; `--help` prints and exits."""
    return command_line().parse_args(argv)


def command_line() -> Parser:
    """The commands with all their options; `docs/make_command_line.py` makes a page of them."""
    everywhere = Parser(add_help=False)
    _common(everywhere, argparse.SUPPRESS)
    parser = Parser(prog="python -m fair_app", description=commands.__doc__)
    _common(parser, None)
    command = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, *, project: bool = True, required: bool = True) -> Parser:
        made: Parser = command.add_parser(name, help=run.__doc__, parents=[everywhere])
        made.set_defaults(run=run)
        if project:
            made.add_argument("--project", required=required, metavar="P", help="its name")
        return made

    exam = add("exam", commands.exam)
    exam.add_argument("--student", required=True, metavar="REF", help=STUDENT)
    exam.add_argument("--task", required=True, metavar="T", help=TASK)
    add_questions(exam, split="train")

    collect = add("collect", commands.collect)
    collect.add_argument("--committee", type=Path, metavar="FILE", help="a TOML file of teachers")
    collect.add_argument(
        "--budget",
        type=float,
        metavar="USD",
        help="stop before the project's calls have cost more in all",
    )
    collect.add_argument(
        "--concurrency", type=int, default=16, metavar="N", help="calls in flight at most"
    )
    collect.add_argument(
        "--batch", action="store_true", help="in batches: half the price, within a day"
    )
    collect.add_argument(
        "--review-mentor", action="store_true", help="the mentor's rationales are reviewed too"
    )
    collect.add_argument("--dry-run", action="store_true", help="say what it would take, and stop")

    add_curating(add)

    add_training(add, STUDENT)
    add_preferring(add)
    add_mentor(add, STUDENT)
    add_students(add, STUDENT)

    add_evaluating(add, STUDENT, TASK)
    add_rounds(add, STUDENT)
    add_ablating(add, STUDENT)
    add_trying(add, STUDENT)

    imported = add("import", commands.import_files)
    imported.add_argument("--task", required=True, metavar="T", help=", ".join(task_names()))
    for part in ("mistakes", "feedback", "rationale"):
        imported.add_argument(f"--{part}", type=Path, metavar="FILE", help=f"the {part} file")
    imported.add_argument(
        "--format", choices=["reference", "mentor-kd"], default="reference", help="of the files"
    )
    imported.add_argument(
        "--augmentations", type=Path, metavar="FILE", help="mentor-kd: what a mentor wrote"
    )
    imported.add_argument("--author", metavar="NAME", help="mentor-kd: who wrote the rationales")

    export = add("export", commands.export)
    export.add_argument("--format", required=True, choices=FORMATS, help="what is written")
    export.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="the folder that gets the files"
    )
    export.add_argument("--checkpoint", metavar="NAME", help="gguf: what is exported")
    export.add_argument(
        "--quantization", choices=GGUF_TYPES, help=f"gguf: of the weights; default: {GGUF_TYPES[0]}"
    )

    add_publishing(add)
    add_replaying(add)
    add_access(add)

    add_backup(add)
    add_administering(add)

    add("status", commands.status, required=False)

    jobs = add("jobs", commands.jobs, project=False)
    action = jobs.add_subparsers(
        dest="action", required=True, metavar="list|cancel|resume|give-up|run-next"
    )
    for name, said in JOB_ACTIONS.items():
        acting = action.add_parser(name, parents=[everywhere], help=said)
        if name not in ("list", "run-next"):
            acting.add_argument("id", type=int, metavar="ID", help="as `jobs list` shows it")

    demo = add("demo", commands.demo, project=False)
    demo.add_argument("--limit", type=int, metavar="N", help="questions of the exam")
    return parser


JOB_ACTIONS = {
    "list": "the jobs, the newest first",
    "run-next": "run the next one that waits, in this process",
    "cancel": "at its next safe point",
    "resume": "go on with one that was cancelled, failed or interrupted",
    "give-up": "for good: frees the checkpoints' names that it keeps",
}
FORMATS = ["reference", "sft", "mentor-kd", "report", "bundle", "gguf"]
TASK = f"{', '.join(task_names())}, or with --map and --grader a name of your own"
STUDENT = "a hub id, a folder, smollm2-135m, or checkpoint:NAME"


def _common(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        "--home", type=Path, default=default, metavar="DIR", help="database, models, checkpoints"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=default if default is argparse.SUPPRESS else False,
        help="one JSON object on standard output",
    )
