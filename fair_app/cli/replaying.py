"""`replay`: the training sets of a bundle made again, without a store, a key or a call."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput, WorkFailed
from fair_app.exchange.bundle import read
from fair_app.exchange.replay import DIFFERS, SAME, Replayed, replay
from fair_app.settings import Settings
from fair_app.whole_files import write_whole


def add_replaying(add: Callable[..., Any]) -> None:
    """Add the command."""
    made = add("replay", replayed, project=False)
    made.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="what `export --format bundle` wrote, or a zip"
    )
    made.add_argument("--output", type=Path, metavar="DIR", help="write the training sets there")


def replayed(settings: Settings, arguments: Namespace) -> dict[str, Any]:
    """A bundle's training sets again, from ledger, decisions and rule; no call, no database."""
    found = replay(read(arguments.bundle))
    if not found:
        raise BadInput(
            f"{arguments.bundle.name} holds no training set: accept some rationales, then export "
            "the bundle again."
        )
    contents = {
        arguments.output / one.place / one.file: [one.rebuilt]
        for one in found
        if arguments.output and one.rebuilt is not None
    }
    files = write_whole(contents)
    if different := [one for one in found if one.state == DIFFERS]:
        raise WorkFailed(_sentence(different, len(found)))
    return {
        "calls": 0,
        "same": sum(one.state == SAME for one in found),
        "differs": 0,
        "sets": [
            {
                "name": one.place,
                "state": one.state,
                "questions": one.questions,
                "note": one.said or None,
            }
            for one in found
        ],
        "files": [str(file) for file in files],
    }


def _sentence(different: list[Replayed], of: int) -> str:
    """Which training sets differ and in what, in one sentence."""
    told = "; ".join(f"{one.place} ({one.said.rstrip('.')})" for one in different)
    return f"{len(different)} of {of} training sets cannot be made again from this bundle: {told}."
