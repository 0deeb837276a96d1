"""How an offline teacher reads what it is given: the final answer, and the numbers worked out."""

from fractions import Fraction

from fair_app.committee.equations import find_equations, numbers_in
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.grading import grade
from fair_app.tasks.readers import numerals


def grade_answer(text: str, question: Question) -> Grade:
    """Read the final answer of `text` and compare it with the gold answer.

    The grader is the one that the gold answer's form implies.
    """
    gold = question.gold_answer
    if question.options and len(gold) == 1:
        grader = "choice"
    elif numerals.parse(gold) is not None:
        grader = "number"
    elif gold in ("true", "false"):
        grader = "boolean"
    else:
        grader = "exact"
    return grade(text, gold, grader, question.options)


def numbers_reached(text: str, question: Question) -> set[Fraction]:
    """The numbers of `text` that its author came to: those that the question does not give, and the
    results of equations."""
    given = set(numbers_in(question.text))
    results = {e.claimed for e in find_equations(text) if e.claimed is not None}
    return {number for number in numbers_in(text) if number not in given} | results
