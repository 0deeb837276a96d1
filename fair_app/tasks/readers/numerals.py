"""Numbers and equations in running text: `$1,000`, `-3.5`, `3/4`, `12 pens + 5 pens = 17 pens`.

One pass cuts a text into tokens; every reading below works on tokens, so that the time is linear in
the length of the text whatever it holds. Nothing is computed from a text: an expression without a
written result has no value, except a plain fraction.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction

LONGEST_NUMBER = 60
"""Characters. A longer run of digits is noise, and Python refuses to convert very long ones."""


@dataclass(frozen=True)
class Numeral:
    """A number and where it stands. `percent`: a percent sign follows (the value is as written)."""

    value: Fraction
    start: int
    end: int
    percent: bool = False

    def equals(self, other: Fraction) -> bool:
        """Tell whether this is the number `other`; 25% is 25 and also 0.25."""
        return self.value == other or (self.percent and self.value == other * 100)


class Kind(Enum):
    """What a token is. Spaces, brackets, currency signs, markdown and LaTeX leave no token."""

    NUMBER = auto()
    OPERATOR = auto()
    EQUALS = auto()
    WORD = auto()
    STOP = auto()  # the end of a sentence
    LINE = auto()  # the end of a line
    BREAK = auto()  # a comma, a colon, a list marker: ends an expression, not the sentence


@dataclass(frozen=True)
class Token:
    """A piece of the text. `numeral` is set for numbers, `word` (lower case) for the others."""

    kind: Kind
    start: int
    end: int
    word: str = ""
    numeral: Numeral | None = None


_TOKEN = re.compile(
    r"""
      (?P<frac>\\[dt]?frac\{(?P<over>[0-9]{1,30})\}\{(?P<under>[0-9]{1,30})\})
    | (?P<annotation><<[^<>\n]{0,300}>>(?=[$-]{0,2}[.0-9]))  # GSM8K's marks repeat what is beside
    | (?P<latexop>\\(?:times|cdot|div)(?![A-Za-z]))
    | (?P<latexeq>\\(?:approx|implies|Rightarrow|rightarrow)(?![A-Za-z]))
    | (?P<latex>\\[A-Za-z]+|\\.)
    | (?P<exponent>(?<=[A-Za-z}])\^\{?[0-9]{1,3}\}?)  # cm^2
    | (?P<ordinal>[0-9]{1,9}(?:st|nd|rd|th)\b)
    | (?P<number>(?:[0-9]{1,3}(?:,[0-9]{3}){1,15}(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)
    | (?P<times>(?<=[0-9])[xX](?=[$0-9])|(?<=[0-9])\*\*(?=[0-9]))
    | (?P<hyphen>(?<=[0-9A-Za-z])-(?=[A-Za-z]))       # 120-page
    | (?P<emphasis>\*\*+|__+|~~+)
    | (?P<notequal>[<>!]=|≠)
    | (?P<equals>=>|={1,3}|≈|≅|→|⇒)
    | (?P<operator>[-+*×·÷/^−–])
    | (?P<percent>%)
    | (?P<line>\n)
    | (?P<stop>[.!?;](?=[\s"'*)\]}$]|\Z))
    | (?P<word>[^\W\d_][\w'’]*(?:-[^\W\d_]\w*)*)
    | (?P<blank>[^\S\n]+|[$€£¥()\[\]{}"'`“”‘’_|&])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD_OPERATORS = {"x", "times", "plus", "minus", "divided", "multiplied"}
_LIST_HEADS = {"step", "question", "problem", "part", "example"}
_MINUS = "-−–"
# Words that start a new clause: what follows them is no unit of the number before them.
_CLAUSES = frozenset(
    word
    for line in (
        "after and are as at because before but during for from given giving he hence if in is it",
        "of on or she since so that the then there therefore they this thus to was we were when",
        "where which while who with you",
    )
    for word in line.split()
)
# Words that may stand between "the answer is" and its number.
_LEADS = frozenset(
    word
    for line in (
        "a about all approximately around exactly equal equals just no number of only option rs",
        "roughly simply sum the to total usd value",
    )
    for word in line.split()
)


def tokens(text: str) -> list[Token]:
    """Cut `text` into tokens. A minus is a number's sign where it can't be a subtraction."""
    found: list[Token] = []
    line_start = True
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or "other"
        start, end = match.span()
        previous = found[-1] if found else None
        if group in {"number", "frac"}:
            value = _fraction(match["over"], match["under"]) if group == "frac" else None
            if group == "number" and end - start <= LONGEST_NUMBER:
                value = Fraction(match["number"].replace(",", ""))
            if value is None or _is_list_marker(text, start, end, line_start, previous):
                found.append(Token(Kind.BREAK, start, end))
            else:
                if previous and _is_sign(text, found):
                    value, start = -value, found.pop().start
                found.append(Token(Kind.NUMBER, start, end, numeral=Numeral(value, start, end)))
        elif group == "percent" and previous and previous.numeral:
            marked = Numeral(previous.numeral.value, previous.start, end, percent=True)
            found[-1] = Token(Kind.NUMBER, previous.start, end, numeral=marked)
        elif group == "word" and match.group() == "of" and _is_share(found):
            found.append(Token(Kind.OPERATOR, start, end, "of"))
        elif (kind := _kind(group, match.group().lower())) is not None:
            found.append(Token(kind, start, end, match.group().lower()))
        line_start = group == "line" or (line_start and group in {"blank", "emphasis"})
    return found


def _kind(group: str, word: str) -> Kind | None:
    """The kind of a token that is no number; None for what leaves no token."""
    if group in {"annotation", "latex", "exponent", "hyphen", "emphasis", "blank"}:
        return None
    if group in {"latexop", "times", "operator"}:
        return Kind.OPERATOR
    if group in {"latexeq", "equals"}:
        return Kind.EQUALS
    if group in {"word", "ordinal"}:
        return Kind.OPERATOR if word in _WORD_OPERATORS else Kind.WORD
    return {"line": Kind.LINE, "stop": Kind.STOP}.get(group, Kind.BREAK)


def _fraction(over: str, under: str) -> Fraction | None:
    return Fraction(int(over), int(under)) if int(under) else None


def _is_list_marker(
    text: str, start: int, end: int, line_start: bool, previous: Token | None
) -> bool:
    """Whether a number only counts: `2. Then …` and `2) Then …` on a new line, `Step 2: …`."""
    after = text[end : end + 2]
    if line_start and end - start <= 2 and after[:1] in {".", ")"} and after[1:] in {" ", "\t"}:
        return bool(text[end + 2 : end + 40].partition("\n")[0].strip())
    headed = previous is not None and previous.kind is Kind.WORD and previous.word in _LIST_HEADS
    return headed and after[:1] in {":", ".", ")"}


def _is_sign(text: str, before: Sequence[Token]) -> bool:
    """Whether the minus that `before` ends with is the sign of the number right after it."""
    minus = before[-1]
    if minus.kind is not Kind.OPERATOR or minus.word not in set(_MINUS):
        return False
    left = before[-2] if len(before) > 1 else None
    if left is not None and left.kind in {Kind.EQUALS, Kind.OPERATOR}:
        return True
    if left is not None and left.kind is Kind.NUMBER:
        return False
    attached = text[minus.end : minus.end + 1] != " "
    return attached and not (minus.start and (text[minus.start - 1].isalnum()))


def _is_share(before: Sequence[Token]) -> bool:
    """Whether `before` ends with a share, `50%` or `1/2`, whose "of" then is a multiplication."""
    if not before or before[-1].numeral is None:
        return False
    return before[-1].numeral.percent or (len(before) > 1 and before[-2].word == "/")


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
        unit_end = _skip_unit(found, after)
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
    at = _skip_unit(found, at)
    if at >= len(found) or found[at].kind is not Kind.OPERATOR:
        return False
    while at < len(found) and (found[at].kind is Kind.OPERATOR or found[at].word == "by"):
        at += 1
    at = _skip_unit(found, at)
    return at < len(found) and found[at].kind is Kind.NUMBER


def _skip_unit(found: Sequence[Token], at: int) -> int:
    last = min(at + 4, len(found))
    while at < last and found[at].kind is Kind.WORD and found[at].word not in _CLAUSES:
        at += 1
    return at


def results(found: Sequence[Token]) -> Iterator[Numeral]:
    """Right-hand sides that are one number: 17 in `12 + 5 = 17 pens`, none in `x = 12 + 5`."""
    for index, token in enumerate(found):
        if token.kind is not Kind.EQUALS:
            continue
        at = _skip_unit(found, index + 1)
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
