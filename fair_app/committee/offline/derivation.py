"""The derivation in a gold solution: its lines, the calculations in them, and slips made in them.

A solution is GSM8K's kind: lines with equations, `Sam buys 3 * 4 = <<3*4=12>>12 pens.`, and a last
line `#### 12`.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from fair_app.committee.equations import (
    evaluate,
    find_equations,
    number_text,
    numbers_in,
    without_marks,
)

_NUMBER = re.compile(r"[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Calculation:
    """One step of arithmetic: `48 / 2` comes to 24, as the solution rounds it, or to $24."""

    expression: str
    result: Fraction
    money: bool = False

    def __str__(self) -> str:
        return f"{self.expression} = {'$' * self.money}{number_text(self.result)}"


@dataclass(frozen=True)
class Line:
    """One line of a solution: texts and calculations in turn, beginning and ending with a text."""

    texts: tuple[str, ...]
    calculations: tuple[Calculation, ...]


@dataclass(frozen=True)
class Derivation:
    """A solution's lines; `answer` is its final answer as a number, or None."""

    lines: tuple[Line, ...]
    answer: Fraction | None

    @property
    def calculations(self) -> list[Calculation]:
        """All of its calculations in order."""
        return [calculation for line in self.lines for calculation in line.calculations]

    def with_calculations(self, changed: Sequence[Calculation]) -> "Derivation":
        """The same lines with other calculations, and with their new results in the words too.

        The answer becomes the new result of the calculation that gave it.
        """
        replacements = iter(changed)
        results: dict[Fraction, Fraction] = {}
        lines = []
        for line in self.lines:
            texts = [_with_numbers(line.texts[0], results)]
            calculations = []
            for old, text in zip(line.calculations, line.texts[1:], strict=True):
                new = next(replacements)
                results[old.result] = new.result
                calculations.append(new)
                texts.append(_with_numbers(text, results))
            lines.append(Line(tuple(texts), tuple(calculations)))
        answer = None if self.answer is None else results.get(self.answer, self.answer)
        return Derivation(tuple(lines), answer)


def read_derivation(gold_text: str) -> Derivation | None:
    """Read a gold solution, or None when it has no equation that can be read and holds."""
    solution, _, final = gold_text.partition("####")
    lines = tuple(_line(line.strip()) for line in solution.splitlines() if line.strip())
    if not any(line.calculations for line in lines):
        return None
    answer = numbers_in(final)
    return Derivation(lines, answer[-1] if answer else None)


def wrong_arithmetic(
    right: Derivation, given: Collection[Fraction], rng: Random
) -> Derivation | None:
    """The derivation after one wrong result, which goes on into the answer.

    `given` are the question's own numbers: a result that is one of them is left alone where
    possible. None where no slip leads to another answer with numbers that a person might write.
    """
    calculations = right.calculations
    places = list(range(len(calculations)))
    rng.shuffle(places)
    places.sort(key=lambda place: calculations[place].result in given)
    for place in places:
        for slip in _near(calculations[place].result, rng):
            changed = _carried_on(calculations, place, slip)
            if changed is None:
                continue
            wrong = right.with_calculations(changed)
            if wrong.answer is not None and wrong.answer != right.answer:
                return wrong
    return None


def wrong_steps_right_answer(right: Derivation, rng: Random) -> Derivation | None:
    """The derivation with a step that is false and the answer that is right all the same.

    An intermediate result is wrong where it is found and where it is used, but nowhere else; where
    there is none, one number of the last calculation is wrong. None where neither can be done.
    """
    calculations = right.calculations
    used = [
        place
        for place, calculation in enumerate(calculations)
        if calculation.result != right.answer
        and any(
            calculation.result in numbers_in(later.expression)
            for later in calculations[place + 1 :]
        )
    ]
    place = rng.choice(used) if used else len(calculations) - 1
    before, changed, after = calculations[:place], calculations[place], calculations[place + 1 :]
    if used:
        slip = {changed.result: next(_near(changed.result, rng))}
        changed = replace(changed, result=slip[changed.result])
        after = [replace(c, expression=_with_numbers(c.expression, slip)) for c in after]
    else:
        operands = numbers_in(changed.expression)
        if not operands:
            return None
        operand = rng.choice(operands)
        slip = {operand: next(_near(operand, rng))}
        changed = replace(changed, expression=_with_numbers(changed.expression, slip))
    flawed = right.with_calculations([*before, changed, *after])
    is_flawed = evaluate(changed.expression) != changed.result
    return flawed if is_flawed and flawed.answer == right.answer else None


def _carried_on(
    calculations: Sequence[Calculation], place: int, slip: Fraction
) -> list[Calculation] | None:
    """The calculations when one of them comes to `slip` and the later ones go on from it.

    None where they then come to a number that no such solution has: below zero, or broken.
    """
    results = {calculations[place].result: slip}
    changed = [*calculations[:place], replace(calculations[place], result=slip)]
    for old in calculations[place + 1 :]:
        new = old
        expression = _with_numbers(old.expression, results)
        if expression != old.expression:
            value = evaluate(expression)
            if value is None or value < 0 or 100 * old.result.denominator % value.denominator:
                return None
            new = replace(old, expression=expression, result=value)
        results[old.result] = new.result
        changed.append(new)
    return changed


def _near(value: Fraction, rng: Random) -> Iterator[Fraction]:
    """Numbers that one may come to by a slip, in a random order; at least one, and not below zero
    where the number is not."""
    slips = [1, -1, 2, -2, 10, -10, *([100, -100] if value >= 100 else [])]
    rng.shuffle(slips)
    return (value + slip for slip in slips if value + slip > min(value, Fraction(0)))


def _with_numbers(text: str, replacements: dict[Fraction, Fraction]) -> str:
    def replaced(match: re.Match[str]) -> str:
        number = Fraction(match[0].replace(",", ""))
        new = replacements.get(number, number)
        return match[0] if new == number else number_text(new)

    return _NUMBER.sub(replaced, text)


def _line(line: str) -> Line:
    """Cut a line at its equations; where only its marks can be read, keep those alone."""
    text = without_marks(line)
    found = [equation for equation in find_equations(text) if equation.holds]
    if not found:
        found = [equation for equation in find_equations(line) if equation.holds]
        text = ", ".join(line[slice(*equation.span)] for equation in found) or text
        found = [equation for equation in find_equations(text) if equation.holds]
    texts, calculations, position = [], [], 0
    for equation in found:
        assert equation.claimed is not None
        start, end = equation.span
        # In a chain the next equation begins with the result of the one before.
        texts.append(text[position:start] if start >= position else ", ")
        money = "$" in text[start:end].rpartition("=")[2]
        calculations.append(Calculation(equation.left, equation.claimed, money))
        position = end
    texts.append(text[position:])
    return Line(tuple(texts), tuple(calculations))
