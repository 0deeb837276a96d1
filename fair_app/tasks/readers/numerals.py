"""Numbers and equations in running text: `$1,000`, `-3,5`, `3/4`, `12 pens + 5 pens = 17 pens`.

Every reading works on tokens, so that the time is linear in the length of the text whatever it
holds. Nothing is computed from a text: an expression without a written result has no value, except
a plain fraction.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction

from fair_app.tasks.readers.tokens import Kind, Numeral, Token, skip_unit, tokens

# Words that may stand between "the answer is" and its number.
_LEADS = frozenset(
    word
    for line in (
        "a about all approximately around exactly equal equals just no number of only option rs",
        "roughly simply sum the to total usd value",
    )
    for word in line.split()
)


def canonical(value: Fraction) -> str:
    """Write a number: `145`, `-0.92`, and `1/3` where no decimal is exact."""
    if value.denominator == 1:
        return str(value.numerator)
    rest, places = value.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        places = max(places, power)
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def parse(text: str) -> Numeral | None:
    """Read a text that is one number with signs and a unit and nothing else: a gold answer."""
    found = tokens(text)
    numbers = [token for token in found if token.kind is Kind.NUMBER]
    if any(token.kind in {Kind.EQUALS, Kind.BREAK} for token in found) or not numbers:
        return None
    first = found.index(numbers[0])
    value = _operand(found, first)
    size = 1 if value == numbers[0].numeral else len(numbers)
    return value if first == 0 and len(numbers) == size else None


def _operand(found: Sequence[Token], at: int) -> Numeral | None:
    """The number at `at` with what belongs to it (`3/4`, `2 1/2`); None where a sum goes on there.

    `12 pens + 5 pens` has no value of its own: the plus takes the 12 as its operand.
    """
    first = found[at].numeral
    if first is None:
        return None
    whole, after = first, at + 1
    if (part := _ratio(found, at)) is not None:
        whole, after = part, at + 3
        unit_end = skip_unit(found, after)
        if unit_end < len(found) and found[unit_end].kind is Kind.EQUALS:
            return None
    elif (part := _ratio(found, at + 1)) is not None and _mixed(first, part, found[at + 1]):
        sign = -1 if first.value < 0 else 1
        whole, after = Numeral(first.value + sign * part.value, first.start, part.end), at + 4
    return None if _goes_on(found, after) else whole


def _ratio(found: Sequence[Token], at: int) -> Numeral | None:
    """`a / b` at `at`."""
    if at + 2 >= len(found) or found[at + 1].word not in {"/", "÷"}:
        return None
    over, under = found[at].numeral, found[at + 2].numeral
    if over is None or under is None or under.value == 0:
        return None
    return Numeral(over.value / under.value, over.start, under.end)


def _mixed(whole: Numeral, part: Numeral, numerator: Token) -> bool:
    """Whether `whole` and the ratio after it are one mixed number such as `2 1/2`."""
    integers = whole.value.denominator == 1 and numerator.numeral is not None
    return integers and 0 < part.value < 1 and part.start - whole.end == 1


def _goes_on(found: Sequence[Token], at: int) -> bool:
    """Whether an operator and a second operand follow, with at most a unit between."""
    at = skip_unit(found, at)
    if at >= len(found) or found[at].kind is not Kind.OPERATOR:
        return False
    while at < len(found) and (found[at].kind is Kind.OPERATOR or found[at].word == "by"):
        at += 1
    at = skip_unit(found, at)
    return at < len(found) and found[at].kind is Kind.NUMBER


def results(found: Sequence[Token]) -> Iterator[Numeral]:
    """Right-hand sides that are one number: 17 in `12 + 5 = 17 pens`, none in `x = 12 + 5`."""
    for index, token in enumerate(found):
        if token.kind is not Kind.EQUALS:
            continue
        at = skip_unit(found, index + 1)
        if at < len(found) and (value := _operand(found, at)) is not None:
            yield value


def sentences(found: Sequence[Token]) -> list[Sequence[Token]]:
    """Cut tokens at the ends of sentences and lines, but not before a line that starts with `=`."""
    pieces: list[Sequence[Token]] = []
    start = 0
    for index, token in enumerate(found):
        carried = (
            token.kind is Kind.LINE
            and index + 1 < len(found)
            and found[index + 1].kind is Kind.EQUALS
        )
        if token.kind in {Kind.STOP, Kind.LINE} and not carried:
            pieces.append(found[start:index])
            start = index + 1
    pieces.append(found[start:])
    return [piece for piece in pieces if piece]


def stated(sentence: Sequence[Token]) -> Numeral | None:
    """The number that a sentence gives as its answer.

    A number right at its start is the answer (`17, since 12 + 5 = 17`) unless a calculation starts
    there: then its last result counts (`12 + 5 = 17`). Elsewhere the last result, else the last
    number (`that she has 17`). None where a calculation has no result.
    """
    result = last(results(sentence))
    if _direct(sentence):
        return opening(sentence) or result
    return result or last(token.numeral for token in sentence if token.numeral)


def opening(sentence: Sequence[Token]) -> Numeral | None:
    """The number right at the start of a sentence, unless a calculation starts with it."""
    first = next((i for i, token in enumerate(sentence) if token.kind is Kind.NUMBER), None)
    return _operand(sentence, first) if first is not None and _direct(sentence) else None


def _direct(sentence: Sequence[Token]) -> bool:
    """Whether nothing but small words stands before the first number."""
    for token in sentence:
        if token.kind is Kind.NUMBER:
            return True
        if token.kind is Kind.WORD and token.word not in _LEADS and len(token.word) > 1:
            return False
    return False


def loose(sentence: Sequence[Token]) -> list[Numeral]:
    """The numbers of a sentence that are no operand: 621 in `621 books (27 books x 23 shelves)`."""
    found = []
    for index in range(len(sentence)):
        # The sign before the first number is a bullet, not a subtraction.
        operand = index > 1 and sentence[index - 1].kind is Kind.OPERATOR
        numeral = None if operand else _operand(sentence, index)
        if numeral is not None:
            found.append(numeral)
    return found


def words_after(sentence: Sequence[Token], end: int) -> int:
    """How many words, numbers and signs stand behind the character `end`."""
    return sum(token.start >= end and token.kind is not Kind.BREAK for token in sentence)


def last(numerals: Iterator[Numeral]) -> Numeral | None:
    """The last of `numerals`, or None."""
    return next(iter(deque(numerals, maxlen=1)), None)
