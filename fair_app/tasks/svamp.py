"""SVAMP (Patel et al. 2021, arXiv 2103.07191): 700 problems to train on and 300 to test."""

from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.asking import put
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.grading import grade
from fair_app.tasks.hub import HubSource, origin, read
from fair_app.tasks.readers import numerals
from fair_app.tasks.rows import Row

# One row of the authors' file has its type misspelt.
_TYPES = {"Common-Divison": "Common-Division"}


class Svamp:
    """`ChilleD/SVAMP`, or a json/jsonl file in its columns or as the authors' `SVAMP.json`."""

    name = "svamp"
    title = "SVAMP"
    grader = "number"
    has_derivations = False
    source = HubSource("ChilleD/SVAMP")

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Read the first `limit` questions of a split, or of the file `rows`."""
        return [_question(row) for row in read(self.source, split, rows, limit, ids="ID")]

    def origin(self, split: str, rows: Path | None = None) -> dict[str, str]:
        """The file and its checksum, or the data set and its commit."""
        return origin(self.source, split, rows)

    def prompt(self, question: Question) -> str:
        """Put the problem, and the form of the answer."""
        return put(question, self.grader)

    def grade(self, answer: str, question: Question) -> Grade:
        """Compare the number that the answer gives with the gold one."""
        return grade(answer, question.gold_answer, self.grader)

    def gold_final(self, gold_text: str) -> str:
        """Write the gold number canonically: `145` for `145.0`."""
        number = numerals.parse(gold_text)
        if number is None:
            raise BadInput(f"The SVAMP gold answer {gold_text!r} is not a number.")
        return numerals.canonical(number.value)


def _question(row: Row) -> Question:
    # The hub's question_concat is the body, a space and the question, full stop or not.
    if row.has("question_concat") and not row.has("Body"):
        text = row.text("question_concat")
    else:
        text = f"{row.text('Body')} {row.text('Question')}"
    number = numerals.parse(row.number("Answer"))
    if number is None:
        raise row.wrong("Answer", "should be a number")
    gold = numerals.canonical(number.value)
    kind = row.text("Type") if row.has("Type") else ""
    return Question(
        text,
        gold,
        gold,
        source_id=row.label("ID") if row.has("ID") else row.index,
        kind=_TYPES.get(kind, kind),
    )
