"""StrategyQA (Geva et al. 2021, arXiv 2101.02235): yes/no questions that need implicit steps."""

from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.asking import put
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.grading import grade
from fair_app.tasks.hub import HubSource, origin, read
from fair_app.tasks.rows import Row


class StrategyQa:
    """`ChilleD/StrategyQA`, or a json/jsonl file in its columns or as the authors' `dev.json`."""

    name = "strategyqa"
    title = "StrategyQA"
    grader = "boolean"
    has_derivations = False
    source = HubSource("ChilleD/StrategyQA")

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Read the first `limit` questions of a split, or of the file `rows`."""
        return [_question(row) for row in read(self.source, split, rows, limit, ids="qid")]

    def origin(self, split: str, rows: Path | None = None) -> dict[str, str]:
        """The file and its checksum, or the data set and its commit."""
        return origin(self.source, split, rows)

    def prompt(self, question: Question) -> str:
        """Put the question, and the form of the answer."""
        return put(question, self.grader)

    def grade(self, answer: str, question: Question) -> Grade:
        """Compare the verdict that the answer gives with the gold one."""
        return grade(answer, question.gold_answer, self.grader)

    def gold_final(self, gold_text: str) -> str:
        """Read the `true` or `false` before the full stop, the tab and the facts."""
        verdict = gold_text.partition("\t")[0].strip().rstrip(".").lower()
        if verdict not in {"true", "false"}:
            raise BadInput("A StrategyQA gold answer should begin with 'true.' or 'false.'.")
        return verdict


def _question(row: Row) -> Question:
    gold = "true" if row.boolean("answer") else "false"
    # The hub has the facts as one text, the authors' file as a list.
    if not row.has("facts"):
        facts = ""
    elif isinstance(row.values["facts"], str):
        facts = row.text("facts", empty=True)
    else:
        facts = " ".join(row.texts("facts"))
    source_id = row.label("qid") if row.has("qid") else row.index
    # The reference's files have the verdict, a full stop, a tab and the facts as the gold answer.
    return Question(row.text("question"), gold, f"{gold}.\t{facts}", source_id=source_id)
