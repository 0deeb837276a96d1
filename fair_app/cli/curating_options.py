"""The options of `curate`, `decide` and `decisions`."""

import argparse
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Protocol

from fair_app.cli import curating, deciding
from fair_app.curation.queues import QUEUES

COMMON = "common"
ACTIONS = (
    *("accept", "reject", "edit", "restore", "reset", "favourite", "comment"),
    *("right", "wrong", "undo", "redo"),
)


class Add(Protocol):
    """Adds a command to the parser; its options come after."""

    def __call__(self, name: str, run: Any) -> argparse.ArgumentParser: ...


def add_curating(add: Add) -> None:
    """Add the three commands."""
    _curate(add("curate", curating.curate))
    _decide(add("decide", deciding.decide))
    _decisions(add("decisions", deciding.decisions))


def _curate(curate: argparse.ArgumentParser) -> None:
    curate.add_argument("--threshold", type=float, metavar="X", help="0 to 5; default: the saved")
    curate.add_argument(
        "--per-teacher",
        type=thresholds,
        metavar="NAME=X,…",
        help=f"thresholds of their own; NAME={COMMON} takes one back",
    )
    curate.add_argument("--min-scores", type=int, metavar="N", help="so many scores must count")
    curate.add_argument(
        "--answer-check",
        action=argparse.BooleanOptionalAction,
        help="the final answer must be right, too",
    )
    curate.add_argument(
        "--adjusted",
        action=argparse.BooleanOptionalAction,
        help="means less the reviewers' leniency",
    )
    what = curate.add_mutually_exclusive_group()
    what.add_argument("--set", action="store_true", help="save the rule")
    what.add_argument(
        "--suggest", type=share, metavar="P", help="the threshold that keeps most with P %% right"
    )
    what.add_argument("--queue", metavar="NAME", help=", ".join(QUEUES))
    what.add_argument("--reviewers", action="store_true", help="how far each can be relied on")
    _queue_options(curate)
    curate.add_argument("--limit", type=int, metavar="N", help="the first N questions of the queue")


def _decide(decide: argparse.ArgumentParser) -> None:
    decide.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    about = decide.add_mutually_exclusive_group()
    about.add_argument("--rationale", type=int, metavar="ID", help="a rationale by its id")
    about.add_argument(
        "--question", type=int, metavar="N", help="its number in the review room, from 1"
    )
    about.add_argument(
        "--answer", type=int, metavar="N", help="its number on the exam's page, from 1"
    )
    about.add_argument("--queue", metavar="NAME", help=", ".join(QUEUES))
    decide.add_argument("--teacher", metavar="T", help="whose rationale on the question")
    text = decide.add_mutually_exclusive_group()
    text.add_argument("--text", metavar="WORDS", help="the new text, or the comment")
    text.add_argument("--text-file", type=Path, metavar="FILE", help="a file that holds it (UTF-8)")
    decide.add_argument("--reason", metavar="R", help="why; kept in the log")
    decide.add_argument(
        "--revision", type=int, metavar="R", help="refuse when somebody decided since"
    )
    decide.add_argument("--yes", action="store_true", help="decide on the queue, not only count")
    decide.add_argument(
        "--over", action="store_true", help="of the queue also what persons decided on before"
    )
    _queue_options(decide)


def _decisions(decisions: argparse.ArgumentParser) -> None:
    decisions.add_argument(
        "action",
        choices=("list", "export"),
        metavar="list|export",
        help="show the latest, or write all of them to --output",
    )
    decisions.add_argument("--limit", type=int, metavar="N", help="the latest N; default: 20")
    decisions.add_argument("--output", type=Path, metavar="FILE", help="JSON lines")


def _queue_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--search", metavar="WORDS", help="only questions with these words")
    parser.add_argument("--actor", metavar="NAME", help="who decides; default: the login name")


def thresholds(words: str) -> dict[str, float | None]:
    """Read `gpt=3.5,mistral=common`: a threshold by teacher, None for the common one."""
    found: dict[str, float | None] = {}
    for part in words.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        try:
            found[name] = None if name and value == COMMON else float(value)
        except ValueError:
            name = ""
        if not name:
            raise argparse.ArgumentTypeError(
                f"'{part.strip()}' is not NAME=X: X is a number or '{COMMON}'"
            )
    return found


def share(words: str) -> float:
    """Read a percentage, as 95 or 95%, as a share of 1."""
    try:
        return float(Decimal(words.removesuffix("%")) / 100)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"'{words}' is no percentage") from None
