"""Running text as tokens: numbers, operators, words and the ends of sentences.

One pass cuts a text, so that the time is linear in its length whatever it holds. Nothing is
computed from a text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction

LONGEST_NUMBER = 60
"""Characters. A longer run of digits is noise, and Python refuses to convert very long ones."""


@dataclass(frozen=True)
class Numeral:
    """A number and where it stands. `percent`: a percent sign follows (the value is as written).

    `other` is its second value where a sign can be read both ways: 1.234 is also one thousand two
    hundred and thirty-four, and 1,234 also what is written 1.234 in English.
    """

    value: Fraction
    start: int
    end: int
    percent: bool = False
    other: Fraction | None = None

    def equals(self, wanted: Fraction) -> bool:
        """Tell whether this is the number `wanted`; 25% is 25 and also 0.25."""
        if self.percent and self.value == wanted * 100:
            return True
        return wanted in (self.value, self.other)


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
    | (?P<comma>(?<![0-9.,])  # a decimal comma: 3,5 and 1.234,5 and 1.234.567
        (?:[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,15},[0-9]{1,30}
          |[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,15}
          |(?:0|[1-9][0-9]{0,29}),(?:[0-9]{1,2}|[0-9]{4,30})
          |(?:0|[1-9][0-9]{3,29}),[0-9]{3})
        (?![0-9]|[.,][0-9]))
    | (?P<number>(?:[0-9]{1,3}(?:(?:,|,\\!|\{,\}|\\,|[\u00a0\u2009\u202f])[0-9]{3}){1,15}(?![0-9])
        |[0-9]+)(?:\.[0-9]+)?|(?<![0-9])\.[0-9]+)
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


def tokens(text: str) -> list[Token]:
    """Cut `text` into tokens. A minus is a number's sign where it can't be a subtraction."""
    found: list[Token] = []
    line_start = True
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or "other"
        start, end = match.span()
        previous = found[-1] if found else None
        if group in {"number", "comma", "frac"}:
            value = _fraction(match["over"], match["under"]) if group == "frac" else None
            if group != "frac" and end - start <= LONGEST_NUMBER:
                value = _decimal(match.group(), group == "comma")
            if value is None or _is_list_marker(text, start, end, line_start, previous):
                found.append(Token(Kind.BREAK, start, end))
            else:
                other = _other_reading(match.group())
                if previous and _is_sign(text, found):
                    value, start = -value, found.pop().start
                    other = None if other is None else -other
                numeral = Numeral(value, start, end, other=other)
                found.append(Token(Kind.NUMBER, start, end, numeral=numeral))
        elif previous and previous.numeral and _is_percent(group, match.group()):
            marked = replace(previous.numeral, end=end, percent=True)
            found[-1] = Token(Kind.NUMBER, previous.start, end, numeral=marked)
        elif group == "word" and match.group() == "of" and _is_share(found):
            found.append(Token(Kind.OPERATOR, start, end, "of"))
        elif (kind := _kind(group, match.group().lower())) is not None:
            found.append(Token(kind, start, end, match.group().lower()))
        line_start = group == "line" or (line_start and group in {"blank", "emphasis"})
    return _without_ranges(text, found)


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


_TWO_WAYS = re.compile(r"([1-9][0-9]{0,2})[.,]([0-9]{3})")


def _decimal(written: str, comma: bool) -> Fraction:
    """The value of digits with a decimal point, or with a decimal comma, and thousands marks."""
    point = "," if comma else "."
    whole, _, decimals = written.partition(point)
    if comma and not decimals:
        return Fraction("".join(digit for digit in written if digit.isdecimal()))
    digits = "".join(digit for digit in whole if digit.isdecimal())
    return Fraction(f"{digits or 0}.{decimals or 0}")


def _other_reading(written: str) -> Fraction | None:
    """The second value of a number with one sign before its last three digits: `1.234`, `1,234`."""
    match = _TWO_WAYS.fullmatch(written)
    if match is None:
        return None
    thousands = int(match[1] + match[2])
    return Fraction(thousands) if "." in written else Fraction(thousands, 1000)


def _is_percent(group: str, word: str) -> bool:
    """Whether a token marks the number before it as a percentage."""
    return group == "percent" or (group == "word" and word.lower() == "percent")


def _without_ranges(text: str, found: list[Token]) -> list[Token]:
    """Tokens with a break in the place of numbers that are no answer alone: `10-12`, `10 or 12`."""
    kept = list(found)
    for at, token in enumerate(found):
        second = at + 2
        if token.kind is not Kind.NUMBER or second >= len(found):
            continue
        if _is_range(text, found, at) or _is_either(found, at):
            for index in (at, second):
                kept[index] = Token(Kind.BREAK, found[index].start, found[index].end)
    return kept


def _is_range(text: str, found: Sequence[Token], at: int) -> bool:
    """Whether `10-12` stands at `at`: rising, without spaces, and no part of a calculation."""
    low, dash, high = found[at : at + 3]
    if low.numeral is None or high.numeral is None or dash.word not in set(_MINUS):
        return False
    joined = text[low.end : high.start] == text[dash.start : dash.end]
    if not joined or low.numeral.value >= high.numeral.value:
        return False
    sums = {Kind.OPERATOR, Kind.EQUALS}
    after = skip_unit(found, at + 3)
    return (at == 0 or found[at - 1].kind not in sums) and (
        after >= len(found) or found[after].kind not in sums
    )


def _is_either(found: Sequence[Token], at: int) -> bool:
    """Whether `10 to 12`, `10 or 12` or `between 10 and 12` stands at `at`; not `from 10 to 12`.

    `1/2 or 0.5` and `50% or 0.5` say one number twice.
    """
    first, link, second = found[at].numeral, found[at + 1].word, found[at + 2].numeral
    if first is None or second is None or (at and found[at - 1].kind is Kind.OPERATOR):
        return False
    if first.equals(second.value) or second.equals(first.value):
        return False
    before = found[at - 1].word if at else ""
    return (
        link == "or"
        or (link == "to" and before != "from")
        or (link == "and" and before == "between")
    )


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


def skip_unit(found: Sequence[Token], at: int) -> int:
    """The place behind the unit that may stand at `at`: up to four words of no new clause."""
    last = min(at + 4, len(found))
    while at < last and found[at].kind is Kind.WORD and found[at].word not in _CLAUSES:
        at += 1
    return at
