"""What a task is: where its questions come from, how one is put, how an answer is graded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Question:
    """One item of a benchmark.

    `gold_text` is the `gold_answer` field of the reference's files, word for word: GSM8K's whole
    solution with its `#### 72`, SVAMP's `145`, StrategyQA's `true.<tab>facts`. `gold_answer` is the
    final answer that a grade compares with: `72`, `145`, `true`, `B`, or the exact text.
    """

    text: str
    gold_answer: str
    gold_text: str
    context: str = ""
    options: tuple[str, ...] = ()
    source_id: str | int = ""
    kind: str = ""


@dataclass(frozen=True)
class Grade:
    """How one answer was read: the prediction, where it stands in the answer, and by which rule."""

    prediction: str
    span: tuple[int, int] | None
    rule: str
    correct: bool


class Task(Protocol):
    """A benchmark. The same prompt and the same grader serve exam, training and evaluation."""

    name: str
    title: str
    grader: str
    """`number`, `choice`, `boolean` or `exact`."""
    has_derivations: bool
    """Gold texts carry `<<a+b=c>>` equations, so that rule-based teachers can work on them."""

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Read the questions of a split, from `rows` where given, else from the task's own source.

        Raises BadInput, naming row and column, when the source is missing or not of this task.
        """
        ...

    def origin(self, split: str, rows: Path | None = None) -> dict[str, str]:
        """Say what `load` read: a file and its checksum, or a data set and its revision."""
        ...

    def prompt(self, question: Question) -> str:
        """Put the question as one user message, without the gold answer."""
        ...

    def grade(self, answer: str, question: Question) -> Grade:
        """Read the final answer out of `answer` and compare it with the gold answer."""
        ...

    def gold_final(self, gold_text: str) -> str:
        """Read the canonical final answer out of a reference file's `gold_answer` field."""
        ...
