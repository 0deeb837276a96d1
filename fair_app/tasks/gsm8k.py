"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): 7,473 problems to train on and 1,319 to test."""

from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.grading import grade
from fair_app.tasks.hub import HubSource, read
from fair_app.tasks.readers import numerals
from fair_app.tasks.rows import Row

NUMBER_PROMPT = '{question}\n\nThink step by step, and end with "The answer is" and the number.'


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

    def prompt(self, question: Question) -> str:
        """Put the problem, and the form of the answer."""
        return NUMBER_PROMPT.format(question=question.text)

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
    return Question(row.text("question"), gold, solution, source_id=row.index)


def final_number(solution: str) -> str:
    """The canonical number behind the last `####`: `1080` for `#### 1,080`. Raises BadInput."""
    _, marker, final = solution.rpartition("####")
    number = numerals.parse(final) if marker else None
    if number is None:
        raise BadInput("This gold answer has no line '#### number' at its end.")
    return numerals.canonical(number.value)
