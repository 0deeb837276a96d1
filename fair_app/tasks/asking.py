"""How a question is put: one form for every task, so that the answer's form is asked for alike."""

from collections.abc import Sequence

from fair_app.tasks.base import Question
from fair_app.tasks.readers.choice import LETTERS
from fair_app.tasks.rows import Row

ENDINGS = {
    "number": "the number",
    "choice": "the letter",
    "boolean": "yes or no",
    "exact": "the answer in a few words",
}
"""What is to stand behind "The answer is", by grader."""


def put(question: Question, grader: str) -> str:
    """The context, the question with its lettered options, and the form of the answer."""
    form = f'Think step by step, and end with "The answer is" and {ENDINGS[grader]}.'
    return "\n\n".join(part for part in (asked(question), form) if part)


def asked(question: Question) -> str:
    """The context and the question with its lettered options: a prompt without the form."""
    lettered = zip(LETTERS, question.options, strict=False)
    lines = "\n".join([question.text, *(f"{letter}. {option}" for letter, option in lettered)])
    return "\n\n".join(part for part in (question.context, lines) if part)


def asked_in(prompt: str) -> str:
    """What `asked` gave, from a prompt that `put` made."""
    return prompt.rpartition("\n\n")[0] or prompt


def check_options(rows: Sequence[Row], questions: Sequence[Question], column: str) -> None:
    """Raise BadInput at the row whose question has more or fewer options than the first one."""
    for row, question in zip(rows, questions, strict=True):
        count, first = len(question.options), len(questions[0].options)
        if count != first:
            raise row.wrong(column, f"has {count} options where {rows[0].line} has {first}")
