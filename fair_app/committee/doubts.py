"""When a line whose numbers do not agree may be right all the same.

It may be rounded, have a remainder, count in two units, or mean something else than its signs say.
What is listed here was seen in solutions that people and models wrote.
"""

import re
from fractions import Fraction

from fair_app.committee.expressions import Expression, value_of

_MEASURES = {
    name: dimension
    for dimension, names in {
        "time": "second minute min hour hr day week month year decade century",
        "length": "inch inche feet foot yard mile meter metre kilometer kilometre cm mm km ft",
        "money": "cent dollar penny pennie nickel dime ¢",
        # A cup of flour is so many ounces: what is weighed and what is poured are mixed.
        "amount": "gram kilogram ounce pound ton kg g oz lb"
        " liter litre milliliter millilitre ml gallon quart pint cup l",
    }.items()
    for name in names.split()
}
_NO_UNITS = {"because", "since", "so", "then", "if", "when", "is", "are", "give", "make", "g", "l"}
"""Words that begin another half of the sentence, and letters that may be variables: `2L + 8`."""
_NEAR = Fraction(1, 20)
"""How far from the value, as a share of it, rounded intermediate results may lead."""
_AROUND = 80
"""Characters before and behind the equation that are looked at."""

_GOES_ON_BEFORE = re.compile(r"(?<=[0-9][:,])[0-9]|(?<=[0-9] and )[0-9]+ ?/")
_GOES_ON_AFTER = re.compile(r"[:,][0-9]| *and *\(?[0-9]+ */")
_LISTED = re.compile(r"\b(?:day|week|month|year|page|step|chapter|question|part)s? \Z", re.I)
_RANGE = re.compile(r"[0-9]+-[0-9]+")
_OF = re.compile(r"\s*of\b")
_WORD = re.compile(r"[^\W\d_]")
_ROUNDED = re.compile(
    r"[^\n]*?\b(?:remain\w*|left\s?over|left|rest|extra|full|whole|complete\w*|round\w*|over)\b"
)


def may_be_right(text: str, left: Expression, right: Expression, value: Fraction | None) -> bool:
    """Whether `left = right` in `text` may be meant in a way that holds, though `value` is not it.

    `value` is what `left` comes to, None where it divides by zero: that is never meant.
    """
    (start, equals), (number, end) = left.span, right.span
    claimed = value_of(right.tokens)
    before, behind = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    # `2 / 3 = about 1` and `2 + 3 = Total over 9 days`
    told = _WORD.search(text[equals:number].replace("≈", "=").rpartition("=")[2])
    return bool(
        told
        or any(unit in _NO_UNITS or not unit.isalpha() for unit in left.units)
        or not _measured_alike(left, right)
        or _GOES_ON_BEFORE.match(text, start)
        or _GOES_ON_AFTER.match(behind)
        or (_LISTED.search(before) and _RANGE.fullmatch(text, start, equals))
        or _OF.match(text, equals)
        or _divides_by_a_fraction(left)
        or _divides_by_a_fraction(right)
        or (
            value is not None
            and claimed is not None
            and (
                _in_percent(left, right, value, claimed)
                or _rounded_on_the_way(left, right, value, claimed)
                or ("≈" in text[equals:number] and _is_about(right, value, claimed))
                or (abs(value - claimed) < 1 and _ROUNDED.match(behind))
            )
        )
    )


def _measured_alike(left: Expression, right: Expression) -> bool:
    """Whether the numbers can be compared as they stand.

    `2 hours + 30 minutes = 150 minutes` and `100 - 20% = 80` are right, but not by their numbers.
    """
    units = [unit for unit in left.units | right.units if unit in _MEASURES]
    percents = {token.percent for token in left.tokens if not token.sign}
    adds = any(token.sign in ("+", "-") for token in left.tokens)
    return len(units) == len({_MEASURES[unit] for unit in units}) and not (
        adds and len(percents) == 2
    )


def _divides_by_a_fraction(expression: Expression) -> bool:
    """Whether it may be `25 / (1/3)`, written without the parentheses."""
    return "/1/" in "".join(token.sign or "1" for token in expression.tokens)


def _in_percent(left: Expression, right: Expression, value: Fraction, claimed: Fraction) -> bool:
    """Whether it says hundredths for percents: `3 / 20 * 100% = 15`."""
    return any(token.percent for token in [*left.tokens, *right.tokens]) and any(
        abs(abs(claimed) - meant) <= _NEAR * meant for meant in (abs(value) * 100, abs(value) / 100)
    )


def _rounded_on_the_way(
    left: Expression, right: Expression, value: Fraction, claimed: Fraction
) -> bool:
    """Whether the right side is another sum, with a quotient rounded: `9 - 4 / 3 = 9 - 1.33`."""
    return (
        right.operations > 0
        and any(token.sign == "/" or token.decimals for token in [*left.tokens, *right.tokens])
        and abs(value - claimed) <= _NEAR * abs(value)
    )


def _is_about(right: Expression, value: Fraction, claimed: Fraction) -> bool:
    """Whether the number is the value but for its last digit that is not 0: ≈ 43.3, ≈ 200."""
    number = right.tokens[-1]
    unit = Fraction(1, 10**number.decimals)
    while claimed and not number.decimals and claimed % (unit * 10) == 0:
        unit *= 10
    return abs(value - claimed) < unit
