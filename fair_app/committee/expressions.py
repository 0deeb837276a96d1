"""Read the arithmetic expressions in free text with a small parser of its own; nothing is executed.

The reading is careful rather than complete: an expression is `certain` only when nothing beside it
may change what it means, as the `x` of `2x + 3` or the `half of` in `half of 30 + 5` would.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate

TOKEN = re.compile(
    r"""
      (?P<skip>   \\?[$€£¥]?<<[^<>\n]{0,200}>> | (?<![0-9])\*\*(?=\S) | \*\*(?![*0-9]) | [`_]+ )
    | (?P<number> (?:\\?[$€£¥][ ]?)?
                  (?: (?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9]) | [0-9]+) (?:\.[0-9]+)? | \.[0-9]+ )
                  (?:[ ]?%|[ ]?percent\b|[$€£¥](?![.0-9]))? )
    | (?P<stop>   \\[()\[\]] | -{1,3}> | ={1,3}> | [→⇒] | [\[\]{}.,:;?|"“”…—] | !(?!\S) )
    | (?P<bad>    [<>!]= | \*\*+ | [²³½¼¾] )
    | (?P<equals> =+ | ≈ )
    | (?P<times>  [xX](?=[ ]{0,3}[$(0-9]) )
    | (?P<sign>   \\(?:times|cdot|div)\b | //?(?![ ]?[^\W\d_]) | [+−–*×·⋅÷] | -(?![^\W\d_]) )
    | (?P<unit>   [/-][ ]?[^\W\d_]+ )
    | (?P<word>   [^\W\d_][\w'’]* | [¢°] )
    | (?P<opens>  \( )
    | (?P<closes> \) )
    | (?P<space>  \s+ )
    | (?P<other>  . )
    """,
    re.VERBOSE,
)
_SIGNS = {
    **dict.fromkeys("-−–", "-"),
    **dict.fromkeys(["*", "×", "·", "⋅", "x", "X", "\\times", "\\cdot"], "*"),
    **dict.fromkeys(["/", "//", "÷", "\\div"], "/"),
    "+": "+",
}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "~": 3}
MOST_DIGITS = 15
_MOST_OPERATIONS = 32
"""With the bound on digits this keeps one expression's arithmetic small, and so reading linear."""
_LONGEST_UNIT = 5
"""How many words may stand between a number and the sign that follows it."""

_LETTERS_READ = frozenset("aIgL¢°")
"""Letters that may stand alone; any other is a variable, and so is one glued to a number: `3a`."""
_FACTOR_WORDS = re.compile(
    r"half|quarter|thirds?|dozen|hundred|thousand|million|billion|twice|double|triple|plus|minus"
    r"|times|multiplied|divided|squared|cubed"
)


@dataclass(frozen=True)
class Token:
    """A number, or a sign: one of `+ - * / ( )` and `~`, the minus of a negative number.

    `start` and `end` are offsets in the text; 20% has the value 1/5, no decimals, and `percent`.
    """

    sign: str
    start: int
    end: int
    value: Fraction = Fraction(0)
    decimals: int = 0
    percent: bool = False


@dataclass
class Expression:
    """Numbers and signs in a row, and the units named between them (singular, lower case).

    `certain`: nothing beside it may change its meaning. `reaches_equals`: an equals sign follows.
    """

    certain: bool
    tokens: list[Token] = field(default_factory=list)
    units: set[str] = field(default_factory=set)
    operations: int = 0
    depth: int = 0
    reaches_equals: bool = False

    @property
    def complete(self) -> bool:
        """It could end here: its last token is a number or a closing parenthesis."""
        return bool(self.tokens) and self.tokens[-1].sign in ("", ")")

    @property
    def readable(self) -> bool:
        """It has one meaning and can be worked out."""
        return self.certain and self.complete

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands in the text, without the unit after it."""
        return self.tokens[0].start, self.tokens[-1].end

    def add(self, token: Token) -> None:
        """Append a token."""
        self.tokens.append(token)
        self.depth += (token.sign == "(") - (token.sign == ")")
        self.operations += token.sign in ("+", "-", "*", "/")
        self.certain &= self.operations <= _MOST_OPERATIONS

    def drop_unmatched(self) -> None:
        """Drop the parentheses before it that close behind the equals sign: `(3 * 4 = 12)`."""
        leading = next((i for i, token in enumerate(self.tokens) if token.sign != "("), 0)
        rest = self.tokens[self.depth :]
        depths = accumulate((token.sign == "(") - (token.sign == ")") for token in rest)
        if self.depth <= leading and min(depths, default=0) >= 0:
            self.tokens = rest
        else:
            self.certain = False


Sides = list[list[Expression]]
"""A clause: the expressions on each side of its equals signs, with words between them."""


def clauses(text: str) -> Iterator[Sides]:
    """Cut the text where no equation goes on, and read each piece. Takes linear time."""
    reader = _Reader(text, begins_line=True)
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or ""
        ends_line = (
            kind == "space" and "\n" in match[0] and text[match.end() : match.end() + 1] != "="
        )
        if kind == "stop" or ends_line or (kind == "closes" and not reader.can_close):
            yield reader.finish()
            reader = _Reader(text, begins_line=ends_line)
        elif kind not in ("space", "skip"):
            reader.read(kind, match)
    yield reader.finish()


def value_of(tokens: list[Token]) -> Fraction | None:
    """Work a complete expression's tokens out, exactly; None when it divides by zero."""
    numbers: list[Fraction] = []
    signs: list[str] = []
    try:
        for token in tokens:
            if not token.sign:
                numbers.append(token.value)
            elif token.sign == ")":
                while signs[-1] != "(":
                    _apply(signs.pop(), numbers)
                signs.pop()
            else:
                if token.sign in _PRECEDENCE and token.sign != "~":
                    while signs and _PRECEDENCE.get(signs[-1], 0) >= _PRECEDENCE[token.sign]:
                        _apply(signs.pop(), numbers)
                signs.append(token.sign)
        while signs:
            _apply(signs.pop(), numbers)
    except ZeroDivisionError:
        return None
    return numbers[0]


def _apply(sign: str, numbers: list[Fraction]) -> None:
    right = numbers.pop()
    match sign:
        case "~":
            numbers.append(-right)
        case "+":
            numbers.append(numbers.pop() + right)
        case "-":
            numbers.append(numbers.pop() - right)
        case "*":
            numbers.append(numbers.pop() * right)
        case "/":
            numbers.append(numbers.pop() / right)


def _hide_a_factor(words: list[str]) -> bool:
    return any(_FACTOR_WORDS.fullmatch(word) for word in words)


class _Reader:
    """Reads the tokens of one clause into expressions."""

    def __init__(self, text: str, begins_line: bool) -> None:
        self._text = text
        self._begins_line = begins_line
        self._sides: Sides = [[]]
        self._now: Expression | None = None
        self._words: list[str] = []
        """The words since the last number or sign."""
        self._doubtful = False
        """What stands directly before cannot be read: the next expression may lack its head."""

    @property
    def can_close(self) -> bool:
        """A closing parenthesis would match one that was opened."""
        return self._complete and self._now is not None and self._now.depth > 0

    @property
    def _complete(self) -> bool:
        return self._now is not None and self._now.complete

    def finish(self) -> Sides:
        """What was read."""
        self._close()
        return self._sides

    def read(self, kind: str, match: re.Match[str]) -> None:
        """Take the next token that is neither space nor the end of the clause."""
        start, end = match.span()
        if kind == "number":
            self._read_number(match)
        elif kind == "sign" or (kind == "times" and self._complete):
            self._read_sign(Token(_SIGNS[match[0]], start, end))
        elif kind == "word" or (kind == "unit" and self._complete):
            glued = start > 0 and self._text[start - 1].isdigit()
            self._read_word(match[0].lstrip("/- "), glued)
        elif kind == "opens":
            self._read_opening(Token("(", start, end))
        elif kind == "closes" and self._now is not None:
            self._now.add(Token(")", start, end))
            self._words = []
        elif kind == "equals":
            self._close(reaches_equals=len(self._words) <= _LONGEST_UNIT)
            self._sides.append([])
            self._words, self._doubtful = [], False
        else:
            self._read_unknown()

    def _close(self, certain: bool = True, reaches_equals: bool = False) -> None:
        if self._now is not None and any(not token.sign for token in self._now.tokens):
            self._now.drop_unmatched()
            self._now.certain &= certain and not _hide_a_factor(self._words)
            self._now.reaches_equals = reaches_equals
            self._sides[-1].append(self._now)
        self._now = None

    def _begin(self) -> Expression:
        """Begin an expression after whatever words there were."""
        certain = not self._doubtful and not _hide_a_factor(self._words[-2:])
        if self._words:
            part_of = self._words[-1] == "of" and len(self._words) <= 2 and bool(self._sides[-1])
            certain &= not part_of and self._words[-1] != "than"
        self._now = Expression(certain)
        self._words, self._doubtful = [], False
        return self._now

    def _read_number(self, match: re.Match[str]) -> None:
        if self._complete:
            self._doubtful = not self._words
            self._close(certain=bool(self._words))
        now = self._now or self._begin()
        digits = re.sub(r"[^0-9.]", "", match[0])
        if len(digits) > MOST_DIGITS:
            now.certain, digits = False, "1"
        is_clock_or_code = re.match(r"0[0-9]", digits) is not None
        goes_on = self._text[match.end() : match.end() + 2] == ".."
        now.certain &= not is_clock_or_code and not goes_on
        percent = match[0][-1] in "%t"
        value = Fraction(digits) / (100 if percent else 1)
        now.add(Token("", *match.span(), value, len(digits.partition(".")[2]), percent))
        if "$" in match[0]:
            now.units.add("dollar")
        self._words = []

    def _read_sign(self, token: Token) -> None:
        before = self._text[token.start - 1 : token.start] if token.start else ""
        after = self._text[token.end : token.end + 1]
        negative = token.sign == "-" and after.strip() and (not before.strip() or before in "(=*/+")
        at_start = self._sides == [[]] and not self._words and not self._doubtful
        if self._now is not None and self._now.complete:
            if len(self._words) <= _LONGEST_UNIT and not _hide_a_factor(self._words):
                self._now.add(token)
            else:
                self._read_unknown()
        elif negative and not self._words and not self._doubtful:
            (self._now or self._begin()).add(replace(token, sign="~"))
        elif self._now is not None or not (at_start and self._begins_line):  # else a list's bullet
            self._read_unknown()
        self._words = []

    def _read_word(self, written: str, glued: bool) -> None:
        word = written.lower()
        if len(written) == 1 and (written not in _LETTERS_READ or (glued and written in "aI")):
            self._read_unknown()
        elif self._now is None:
            self._words.append(word)
            self._doubtful = False
        elif not self._now.complete:
            if all(token.sign == "(" for token in self._now.tokens):
                self._now = None
            else:
                self._read_unknown()
        elif word == "of" and self._now.tokens[-1].percent and not self._words:
            end = self._now.tokens[-1].end
            self._now.add(Token("*", end, end))
        else:
            self._words.append(word)
            if len(self._words) <= _LONGEST_UNIT:
                self._now.units.add(word[:-1] if word.endswith("s") else word)

    def _read_opening(self, token: Token) -> None:
        if self._now is not None and self._now.complete:
            if self._words or not self._text[token.start - 1].strip():
                self._doubtful = not self._words
                self._close(certain=bool(self._words))
            else:
                self._now.add(Token("*", token.start, token.start))
        (self._now or self._begin()).add(token)

    def _read_unknown(self) -> None:
        self._close(certain=False)
        self._words, self._doubtful = [], True
