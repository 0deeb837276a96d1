"""The examples of a run, frozen when it is submitted: whatever is decided later, it learns these.

They lie beside the run's saved state, and in the end beside the adapter.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.training.examples import Text, TrainingQuestion

EXAMPLES = "examples.json"


def work_folder(checkpoints: Path, name: str) -> Path:
    """Where a run of this name keeps what it needs until its checkpoint is complete."""
    return checkpoints / f".{name}.training"


def freeze(questions: Sequence[TrainingQuestion], folder: Path) -> None:
    """Write the examples of a new run, whole or not at all; what an older run left is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    partial = folder / f"{EXAMPLES}.partial"
    partial.write_text(json.dumps([asdict(one) for one in questions]), encoding="utf-8")
    partial.replace(folder / EXAMPLES)


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
        raise BadInput(f"{folder} has no {EXAMPLES} that can be read.") from error
