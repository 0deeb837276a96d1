"""The curated training set as examples: its rows with what the student was asked and answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fair_app.curation.training_set import TrainingRow
from fair_app.training.examples import Text, TrainingQuestion


@dataclass(frozen=True)
class Asked:
    """The user message of a question in the exam, and the student's wrong answer."""

    prompt: str
    answer: str


def as_examples(rows: Iterable[TrainingRow], asked: Mapping[int, Asked]) -> list[TrainingQuestion]:
    """The rows as examples, in their order. `asked` is by question id (KeyError)."""
    return [
        TrainingQuestion(
            question_id=row.question_id,
            prompt=asked[row.question_id].prompt,
            student_answer=asked[row.question_id].answer,
            rationales=tuple(Text(name, text) for name, text in row.rationales),
            feedback=tuple(Text(name, text) for name, text in row.feedback),
        )
        for row in rows
    ]
