"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): 7,473 problems to train on and 1,319 to test."""

import re
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.asking import put
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.grading import grade
from fair_app.tasks.hub import HubSource, origin, read
from fair_app.tasks.readers import numerals
from fair_app.tasks.rows import Row

_CALCULATION = re.compile(r"<<[^<>\n]{1,300}>>")


class Gsm8k:
    """`openai/gsm8k`, or a jsonl or json file with the columns `question` and `answer`."""

    name = "gsm8k"
    title = "GSM8K"
    grader = "number"
    has_derivations = True
    source = HubSource("openai/gsm8k", config="main")

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Read the first `limit` questions of a split, or of the file `rows`."""
        return [solved_question(row) for row in read(self.source, split, rows, limit)]

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
        """Read the number behind `####`."""
        return final_number(gold_text)


def solved_question(row: Row) -> Question:
    """A question with its worked solution. Raises BadInput for a solution without `#### number`."""
    solution = row.text("answer")
    try:
        gold = final_number(solution)
    except BadInput as error:
        raise row.wrong("answer", "should end in a line '#### number'") from error
    kind = _steps(solution)
    return Question(row.text("question"), gold, solution, source_id=row.index, kind=kind)


def _steps(solution: str) -> str:
    """How many steps a solution takes: its calculations, or where it marks none, its lines."""
    working = solution.rpartition("####")[0]
    lines = [line for line in working.splitlines() if line.strip()]
    count = len(_CALCULATION.findall(working)) or len(lines)
    return f"{count} step{'' if count == 1 else 's'}"


def final_number(solution: str) -> str:
    """The canonical number behind the last `####`: `1080` for `#### 1,080`. Raises BadInput."""
    _, marker, final = solution.rpartition("####")
    number = numerals.parse(final) if marker else None
    if number is None:
        raise BadInput("This gold answer has no line '#### number' at its end.")
    return numerals.canonical(number.value)
