"""What a second stage learns from: on each question, a rationale that is better than a mistake.

Direct preference optimisation (DPO, arXiv 2305.18290) makes a text likelier than another one, as
measured against a frozen reference. Here an accepted rationale is preferred to the answer that the
student got wrong. Pure functions on plain values; nothing here loads a model.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from fair_app.errors import BadInput
from fair_app.training.examples import TrainingQuestion, rationale_prompt
from fair_app.whole_files import whole_file

PREFERENCES = "preferences.json"
STAGE = "preference"
"""How a lineage names a checkpoint that was made so."""
NO_ENCODER = (
    "Preferences are learned by decoder-only students alone: leave out the second stage, or train "
    "such a student."
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class Preference:
    """A question as the exam asked it, an accepted rationale, and the student's wrong answer.

    `ended`: the student ended its answer itself, where it did not run into the exam's limit.
    """

    question_id: int
    prompt: str
    teacher: str
    chosen: str
    rejected: str
    ended: bool


@dataclass(frozen=True)
class PreferenceSettings:
    """The settings of one DPO run. Raises BadInput where one makes no sense.

    `beta` holds the student to its reference: the higher, the closer it stays. The learning rate
    falls to nothing over the run. `batch_size` counts preferences an optimizer step; one that is
    longer than `max_tokens` with its prompt, on either side, is left out.
    """

    beta: float = 0.1
    epochs: int = 1
    max_steps: int | None = None
    learning_rate: float = 2e-5
    batch_size: int = 8
    max_tokens: int = 1024
    seed: int = 731

    def __post_init__(self) -> None:
        for name in ("beta", "learning_rate"):
            value = getattr(self, name)
            _check(0 < value < math.inf, name, value, "more than 0, and usually under 1")
        for name in ("epochs", "batch_size", "max_steps"):
            value = getattr(self, name)
            _check(value is None or value >= 1, name, value, "at least 1")
        _check(self.max_tokens >= 2, "max_tokens", self.max_tokens, "at least 2")

    @property
    def pass_size(self) -> int:
        """How many preferences a forward and backward pass takes: it bounds the memory."""
        return 2 if self.batch_size % 2 == 0 else 1


SETTINGS = tuple(field.name for field in fields(PreferenceSettings))


def preferences(
    questions: Sequence[TrainingQuestion], unended: Collection[int] = ()
) -> list[Preference]:
    """Every accepted rationale of a question against the student's answer to it.

    `unended` are the questions (ids) whose answer ran into the exam's limit. A question that the
    student did not answer brings none. Raises BadInput when there is none at all.
    """
    found = [
        Preference(
            question.question_id,
            rationale_prompt(question),
            text.teacher,
            text.text.strip(),
            question.student_answer.strip(),
            question.question_id not in unended,
        )
        for question in sorted(questions, key=lambda question: question.question_id)
        for text in sorted(question.rationales, key=lambda text: (text.teacher, text.text))
        if question.student_answer.strip() not in ("", text.text.strip())
    ]
    if not found:
        raise BadInput(
            "There is nothing to prefer: accept rationales on questions that the student answered "
            "wrong."
        )
    return found


def in_order(items: Sequence[Item], settings: PreferenceSettings) -> list[Item]:
    """All that a run learns from, one after another: each epoch has every item, shuffled anew."""
    order: list[Item] = []
    for epoch in range(settings.epochs):
        drawn = list(items)
        Random(f"preferences {settings.seed} {epoch}").shuffle(drawn)
        order += drawn
    return order[: settings.max_steps and settings.max_steps * settings.batch_size]


def preferences_hash(found: Sequence[Preference]) -> str:
    """SHA-256 (hexadecimal) of what is learned from."""
    return hashlib.sha256(json.dumps([asdict(one) for one in found]).encode()).hexdigest()


def freeze_preferences(found: Sequence[Preference], folder: Path) -> None:
    """Write what a new run learns from, whole or not at all, into a work folder of its own."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with whole_file(folder / PREFERENCES) as partial:
        partial.write_text(as_json(found), encoding="utf-8")


def as_json(found: Sequence[Preference]) -> str:
    """The text of a file of preferences. The same ones in the same order are the same bytes."""
    return json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False)


def read_preferences(folder: Path) -> list[Preference]:
    """Read what `freeze_preferences` wrote. Raises BadInput when it cannot be read."""
    try:
        rows: list[dict[str, Any]] = json.loads((folder / PREFERENCES).read_text(encoding="utf-8"))
        return [Preference(**row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{folder} has no {PREFERENCES} that can be read: get it again.") from error


def _check(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise BadInput(f"{name} is {value!r}: give a value that is {wanted}.")
