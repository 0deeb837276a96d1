"""The examples of a run, frozen when it is submitted: whatever is decided later, it learns these.

They lie beside the run's saved state, and in the end beside the adapter.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.training.examples import Text, TrainingQuestion
from fair_app.whole_files import whole_file

EXAMPLES = "examples.json"


def work_folder(checkpoints: Path, name: str) -> Path:
    """Where a run of this name keeps what it needs until its checkpoint is complete."""
    return checkpoints / f".{name}.training"


def freeze(questions: Sequence[TrainingQuestion], folder: Path) -> None:
    """Write the examples of a new run, whole or not at all; what an older run left is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with whole_file(folder / EXAMPLES) as partial:
        partial.write_text(as_json(questions), encoding="utf-8")


def as_json(questions: Sequence[TrainingQuestion]) -> str:
    """The text of a file of examples. The same examples in the same order are the same bytes."""
    return json.dumps([asdict(one) for one in questions])


def thaw(folder: Path) -> list[TrainingQuestion]:
    """Read the examples that `freeze` wrote."""
    return as_questions(json.loads((folder / EXAMPLES).read_text(encoding="utf-8")))


def as_questions(rows: list[dict[str, Any]]) -> list[TrainingQuestion]:
    """What `asdict` made of questions, as questions again. KeyError, TypeError: it is no such."""
    return [
        TrainingQuestion(
            **{
                **row,
                "rationales": tuple(Text(**text) for text in row["rationales"]),
                "feedback": tuple(Text(**text) for text in row["feedback"]),
            }
        )
        for row in rows
    ]


def read_examples(folder: Path) -> list[TrainingQuestion]:
    """Read the examples beside a checkpoint. Raises BadInput when there are none to be read."""
    try:
        return thaw(folder)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(f"{folder} has no {EXAMPLES} that can be read: get it again.") from error


@contextmanager
def name_given_up(work: Path, state: str, *, is_part: bool) -> Iterator[None]:
    """Remove the work folder of a run that cannot begin (BadInput): its name is free again.

    One that has saved its `state` (a file's name) is kept, and so is a part of another job, which
    goes on with it. Raises BadInput when the folder was removed so.
    """
    if not work.is_dir():
        raise BadInput("This run could not begin, and its texts are gone: start a new one.")
    try:
        yield
    except BadInput:
        if not is_part and not (work / state).exists():
            shutil.rmtree(work, ignore_errors=True)
        raise


def check_frozen(found: str, asked: str) -> None:
    """Raise BadInput when the hash of what lies in a work folder is not the one that was asked for.

    It is another run's then, which took the name of one that could not begin.
    """
    if found != asked:
        raise BadInput("Another run has taken this one's name since: start a new one.")
