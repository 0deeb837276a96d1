"""Find the arithmetic equations in free text and check them, without ever evaluating the text.

What cannot be read for certain (`2x + 3 = 7`, `2 hours + 30 minutes = 150 minutes`) is left out, so
that no right line is called wrong.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from fair_app.committee.doubts import may_be_right
from fair_app.committee.expressions import (
    MOST_DIGITS,
    TOKEN,
    Expression,
    Token,
    clauses,
    value_of,
)

_MARK = re.compile(r"<<([^<>\n]{0,200})>>")


@dataclass(frozen=True)
class Equation:
    """One equation of a text.

    `left` is the expression and `right` what the text says it comes to (of `12 = 3 * 4` the left is
    `3 * 4`), both in plain notation: `1200 / 4` for `$1,200 ÷ 4 weeks`. `value` is the exact value
    of `left` and `claimed` that of `right`, or None where one divides by zero. `span` is where both
    sides and the equals sign stand in the text.
    """

    span: tuple[int, int]
    left: str
    right: str
    value: Fraction | None
    claimed: Fraction | None
    holds: bool


def find_equations(text: str) -> list[Equation]:
    """Find every arithmetic equation in `text`, in order, and say of each whether it holds.

    Read are `+ - * / × ÷ x`, parentheses, money signs, thousands separators, percentages, units
    between (`290 bananas / 2 groups = 145 bananas`), chains (`2 + 3 = 5 * 4 = 20` is `2 + 3 = 5`
    and `5 * 4 = 20`), and calculator marks where they do not just repeat the equation around them.
    The right side holds when it is the exact value, rounded half up to the decimals shown: 0.94 for
    87 / 93, not 0.93. A division by zero never holds. Takes time linear in the text's length.
    """
    found = _equations_of(text, 0)
    marks = []
    position = 0
    for mark in _MARK.finditer(text):
        while position < len(found) and found[position].span[1] <= mark.start():
            position += 1
        if position == len(found) or mark.start() < found[position].span[0]:
            marks += _equations_of(mark[1], mark.start(1))
    return sorted(found + marks, key=lambda equation: equation.span)


def without_marks(text: str) -> str:
    """The text without GSM8K's calculator marks: `48/2 = <<48/2=24>>24` is `48/2 = 24`."""
    return _MARK.sub("", text)


def evaluate(expression: str) -> Fraction | None:
    """The exact value of `expression`, or None when it is no expression or divides by zero."""
    read = _only_expression(expression)
    return None if read is None else value_of(read.tokens)


def number_text(value: Fraction) -> str:
    """The number as people write it: `12`, `0.2`, and with two decimals where it has no end."""
    decimals = next((n for n in range(MOST_DIGITS) if (value * 10**n).denominator == 1), 2)
    units = round(value * 10**decimals)
    digits = str(abs(units)).rjust(decimals + 1, "0")
    whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
    return "-" * (units < 0) + whole + "." * bool(part) + part


def numbers_in(text: str) -> list[Fraction]:
    """Every number of the text in order, without its money sign or percent sign."""
    digits = (
        re.sub(r"[^0-9.]", "", match["number"])
        for match in TOKEN.finditer(without_marks(text))
        if match["number"]
    )
    return [Fraction(number) for number in digits if len(number) <= MOST_DIGITS]


def _only_expression(text: str) -> Expression | None:
    sides = [side for clause in clauses(text) for side in clause if side]
    if len(sides) != 1 or len(sides[0]) != 1 or not sides[0][0].readable:
        return None
    return sides[0][0]


def _equations_of(text: str, offset: int) -> list[Equation]:
    pairs = (pair for sides in clauses(text) for pair in pairwise(sides))
    found = (
        _equation(text, offset, left[-1], right[0])
        for left, right in pairs
        if left and right and left[-1].reaches_equals
    )
    return [equation for equation in found if equation is not None]


def _equation(text: str, offset: int, first: Expression, second: Expression) -> Equation | None:
    """The equation between two neighbours, or None where there is none or it is not certain."""
    turned = bool(second.operations and not first.operations)
    left, right = (second, first) if turned else (first, second)
    if not left.operations or not left.readable:
        return None
    value = value_of(left.tokens)
    readings = [_first_number(right)]
    if right.readable and right.operations:
        readings.insert(0, right.tokens)
    meant = next((r for r in readings if r and value is not None and _comes_to(value, r)), None)
    # Prose puts a number before `=` for other reasons too: `$15/hour = 15 * 7 = $105`.
    if meant is None and (turned or not right.readable or may_be_right(text, left, right, value)):
        return None
    written = meant or right.tokens
    end = left.span[1] if turned else written[-1].end
    return Equation(
        (first.span[0] + offset, end + offset),
        _plain(left.tokens),
        _plain(written),
        value,
        value_of(written),
        holds=meant is not None,
    )


def _plain(tokens: list[Token]) -> str:
    words = " ".join(
        token.sign
        or (f"{number_text(token.value * 100)}%" if token.percent else number_text(token.value))
        for token in tokens
    )
    return words.replace("( ", "(").replace(" )", ")").replace("~ ", "-")


def _first_number(expression: Expression) -> list[Token]:
    """The tokens of the number that the expression begins with; empty when it begins otherwise."""
    length = 2 if expression.tokens[0].sign == "~" else 1
    number = expression.tokens[:length]
    return number if not number[-1].sign else []


def _comes_to(value: Fraction, right: list[Token]) -> bool:
    """Whether a right side is the value: exactly, or for a number, as rounded as it is shown."""
    shown = value_of(right)
    if shown is None or value == shown:
        return shown is not None
    number = right[-1]
    if any(token.sign not in ("", "~") for token in right):
        return False
    if number.percent and _rounded(value, number.decimals) == shown * 100:
        return True
    return _rounded(value, number.decimals + 2 * number.percent) == shown


def _rounded(value: Fraction, decimals: int) -> Fraction:
    """Rounded half away from zero, as it is taught in school."""
    unit = 10**decimals
    size = Fraction(int(abs(value) * unit + Fraction(1, 2)), unit)
    return size if value >= 0 else -size
