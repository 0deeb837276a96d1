"""What a bundle's training sets are made from: its ledger, read out of its files, and the task."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from fair_app.curation.decisions import Decision
from fair_app.curation.provenance import Answer, Extent, Feedback, Provenance, Rationale, Review
from fair_app.errors import BadInput
from fair_app.tasks.base import Question, Task
from fair_app.tasks.registry import task_of

PROJECT = "project.json"
TEACHERS = "ledger/teachers.jsonl"
QUESTIONS = "ledger/questions.jsonl"
ANSWERS = "ledger/answers.jsonl"
RATIONALES = "ledger/rationales.jsonl"
FEEDBACK = "ledger/feedback.jsonl"
REVIEWS = "ledger/reviews.jsonl"
DECISIONS = "ledger/decisions.jsonl"

Files = Mapping[str, bytes]
"""A bundle's files by their names."""
Row = TypeVar("Row")

_NO_END = 2**63 - 1


class _Project(BaseModel):
    task: str
    task_spec: dict[str, Any] | None


class _Teacher(BaseModel):
    id: int
    name: str
    active: bool
    position: int
    origin: str = ""

    @property
    def is_mentor(self) -> bool:
        return self.origin == "mentor"


class _Question(BaseModel):
    id: int
    text: str
    gold_answer: str
    gold_text: str
    context: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Ledger:
    """A bundle's ledger. `whole` takes in all that the present committee wrote."""

    known: Provenance
    questions: Mapping[int, Question]
    task: Task
    whole: Extent


def read_ledger(files: Files) -> Ledger:
    """Read a bundle's ledger. Raises BadInput where a file is not what a bundle has."""
    try:
        task = task_of(_Project.model_validate(json_of(files, PROJECT)))
    except (ValidationError, BadInput) as error:
        raise strange(PROJECT) from error
    teachers = _rows(files, TEACHERS, _Teacher)
    present = sorted(
        (one for one in teachers if one.active), key=lambda one: (one.is_mentor, one.position)
    )
    return Ledger(
        known=Provenance(
            teachers={one.id: one.name for one in teachers},
            answers=_rows(files, ANSWERS, Answer),
            rationales=_rows(files, RATIONALES, Rationale),
            feedback=_rows(files, FEEDBACK, Feedback),
            reviews=_rows(files, REVIEWS, Review),
            decisions=_rows(files, DECISIONS, Decision),
            mentors=frozenset(one.id for one in teachers if one.is_mentor),
        ),
        questions={
            one.id: Question(one.text, one.gold_answer, one.gold_text, one.context, one.options)
            for one in _rows(files, QUESTIONS, _Question)
        },
        task=task,
        whole=Extent(tuple(one.id for one in present), *[_NO_END] * 4),
    )


def json_of(files: Files, name: str) -> Any:
    """The content of a JSON file of a bundle. Raises BadInput where there is none."""
    try:
        return json.loads(files[name])
    except (KeyError, ValueError, RecursionError) as error:
        raise strange(name) from error


def strange(name: str) -> BadInput:
    """What to raise of a file that is whole, and yet not what a bundle has."""
    return BadInput(
        f"{name} is missing in the bundle, or does not hold what this version reads: replay it "
        "with the version that wrote it."
    )


def _rows(files: Files, name: str, row: type[Row]) -> list[Row]:
    if name not in files:
        raise strange(name)
    adapter = TypeAdapter(row)
    try:
        # By line feeds alone: other characters that end lines may stand in the texts.
        lines = files[name].split(b"\n")
        return [adapter.validate_json(line, strict=True) for line in lines if line]
    except ValidationError as error:
        raise strange(name) from error
