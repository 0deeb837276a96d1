"""How an offline teacher reviews a rationale: by its text alone, whoever wrote it."""

from dataclasses import dataclass
from random import Random

from fair_app.committee.equations import find_equations, number_text
from fair_app.committee.offline.derivation import read_derivation
from fair_app.committee.offline.reading import grade_answer, numbers_reached
from fair_app.tasks.base import Question


@dataclass(frozen=True)
class Temper:
    """How a reviewer errs; each is a probability.

    overlooks: it reads over equations that do not hold. misjudges: it takes a wrong final answer
    for right. strict: it gives a point less.
    """

    overlooks: float
    misjudges: float
    strict: float


def review(question: Question, rationale: str, temper: Temper, rng: Random) -> str:
    """Check every equation, the final answer and the intermediate results, and end in `[score]`.

    1 or 2: the final answer is wrong. 2 or 3: it is right, but an equation is not. 4: not all of
    the solution's intermediate results are there. 5: nothing found.
    """
    overlooks, misjudges, strict = (
        rng.random() < rate for rate in (temper.overlooks, temper.misjudges, temper.strict)
    )
    equations = find_equations(rationale)
    false = [equation for equation in equations if not equation.holds and not overlooks]
    right = misjudges or grade_answer(rationale, question).correct
    derivation = read_derivation(question.gold_text)
    reached = numbers_reached(rationale, question)
    missing = [
        step
        for step in (derivation.calculations if derivation else [])
        if step.result not in reached and number_text(step.result) != question.gold_answer
    ]
    remarks = []
    if false:
        first = false[0]
        value = "impossible" if first.value is None else number_text(first.value)
        remarks.append(f"{first.left} is {value}, not {first.right}.")
    elif equations:
        remarks.append("The equations hold.")
    if right:
        remarks.append("The final answer is right.")
    else:
        remarks.append("The final answer does not agree with the hint.")
    if missing and right and not false:
        remarks.append(f"The step {missing[0]} is not there.")
    if not right:
        score = 1 if false else 2
    elif false:
        score = rng.choice([2, 2, 3])
    else:
        score = 4 if missing else 5
    if strict and score > 1:
        score -= 1
        remarks.append("It could be explained better.")
    return f"{' '.join(remarks)} [{score}]"
