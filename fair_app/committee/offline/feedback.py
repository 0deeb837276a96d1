"""What an offline teacher says of a wrong answer: it works out again what the student wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fair_app.committee.equations import (
    Equation,
    evaluate,
    find_equations,
    number_text,
    numbers_in,
)
from fair_app.committee.offline.derivation import Calculation, read_derivation
from fair_app.committee.offline.reading import grade_answer, numbers_reached
from fair_app.tasks.base import Question

LONGEST = 80
"""Words of one feedback: a small student trains on it."""
_LONGEST_EXPRESSION = 15
"""Words of an expression that is still quoted."""


@dataclass(frozen=True)
class Voice:
    """A teacher's sentences.

    false: an equation does not hold (left, right, value). operation: the right numbers, the wrong
    sign (done). stopped: right so far (done). go_on, path: the calculations to come, and all of
    them (steps).
    """

    false: str
    operation: str
    stopped: str
    go_on: str
    path: str


def explain_mistake(question: Question, answer: str, voice: Voice) -> str:
    """Point out the first mistake in a wrong answer and give the right path, in 80 words at most.

    It names the first equation that does not hold, with its right value; where all hold, what they
    lack against the gold solution's calculations. It ends in `The answer is …`.
    """
    derivation = read_derivation(question.gold_text)
    calculations = derivation.calculations if derivation else []
    mistake, path, steps = _mistake(question, answer, calculations, voice)
    end = f"The answer is {question.gold_answer}."
    for count in range(len(steps), 0, -1):
        listed = ", then ".join(map(str, steps[:count]))
        rest = ", and so on" if count < len(steps) else ""
        text = f"{mistake} {path.format(steps=listed + rest)} {end}"
        if len(text.split()) <= LONGEST:
            return text
    return f"{mistake} {end}"


def _mistake(
    question: Question, answer: str, steps: list[Calculation], voice: Voice
) -> tuple[str, str, list[Calculation]]:
    """What is wrong, and how to go on: the sentence for it and the calculations that it names."""
    if not answer.strip():
        return "You gave no answer.", voice.path, steps
    equations = find_equations(answer)
    false = next((equation for equation in equations if not equation.holds), None)
    if false is not None:
        return _about_false(false, voice), voice.path, steps
    reached = numbers_reached(answer, question)
    missing = next((i for i, step in enumerate(steps) if step.result not in reached), None)
    if missing is None:
        return _about_answer(question, answer, bool(steps)), "", []
    for equation in equations:
        if _has_other_sign(equation, steps[missing]):
            done = f"{equation.left} = {number_text(equation.value or Fraction(0))}"
            return voice.operation.format(done=done), voice.go_on, steps[missing:]
    if missing > 0:
        return voice.stopped.format(done=steps[missing - 1]), voice.go_on, steps[missing:]
    used = {number for step in steps for number in numbers_in(step.expression)}
    unused = used - set(numbers_in(answer))
    given = [number for number in dict.fromkeys(numbers_in(question.text)) if number in unused]
    if given:
        return f"You never used {_listed(given)}.", voice.path, steps
    return "Your steps do not lead to the answer.", voice.path, steps


def _about_false(equation: Equation, voice: Voice) -> str:
    left, right = equation.left, equation.right
    if equation.value is None:
        return "Nothing can be divided by zero, as you tried to."
    value = number_text(equation.value)
    if len(left.split()) > _LONGEST_EXPRESSION or len(right.split()) > _LONGEST_EXPRESSION:
        return f"Your first long sum is wrong: it comes to {value}."
    return voice.false.format(left=left, right=right, value=value)


def _about_answer(question: Question, answer: str, has_steps: bool) -> str:
    prediction = grade_answer(answer, question).prediction
    number = evaluate(prediction)
    if has_steps:
        about = "You found every number, but did not say which is the answer."
        return (
            about
            if number is None
            else f"Your steps are right, but {prediction} is not the answer."
        )
    return (
        "Your answer is not right." if number is None else f"Your answer {prediction} is not right."
    )


def _has_other_sign(equation: Equation, step: Calculation) -> bool:
    """Whether the student put the step's numbers together in another way."""
    same_numbers = sorted(numbers_in(equation.left)) == sorted(numbers_in(step.expression))
    return same_numbers and equation.value != step.result


def _listed(numbers: Sequence[Fraction]) -> str:
    *others, last = map(number_text, numbers[:3])
    return f"{', '.join(others)} and {last}" if others else last
