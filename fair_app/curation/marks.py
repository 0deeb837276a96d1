"""Cuts a text into pieces for painting: equations that hold or not, what was read, mathematics."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from fair_app.committee.equations import (
    Equation,
    evaluate,
    find_equations,
    number_text,
    numbers_in,
)
from fair_app.committee.offline.derivation import read_derivation
from fair_app.curation.mathematics import Formula, Tree, find_formulas

Kind = Literal["wrong", "astray", "right", "read", "math"]
KINDS: tuple[Kind, ...] = ("wrong", "astray", "right", "read", "math")
"""The gravest first: a piece's note is that of the gravest."""

ASTRAY = "This step is not in the reference solution."

_LONGEST_NOTED = 60
"""Characters of an expression that is still repeated in a note."""
_LONGEST_STEP = 15
"""Numbers and signs of a gold step whose parts are worked out too."""
_BLOCK_END = re.compile(r"\n\s*+(?!=)")
_WRAPPED = re.compile(r"(\$?\\(?:boxed|text|mathrm)\s?\{)([^{}\n]*)(\}\$?)")
"""LaTeX around what an equation has in plain text too: `14 + 6 = \\boxed{20}`."""
_LONG_NUMBER = re.compile(r"(?<![0-9.])[0-9]{5,}")
_TOKEN = re.compile(r"[0-9.]+%?|[-+*/()]")


@dataclass(frozen=True)
class Piece:
    """A stretch of a text, with all kinds that cover it, in the order of `KINDS`.

    wrong, right: an equation that does not hold, or does; `note` has its value. astray: an equation
    that holds, but does not lead to the answer. read: where the final answer was read. math:
    `text` is LaTeX, with its delimiters, and `tree` its MathML.
    """

    text: str
    kinds: tuple[Kind, ...] = ()
    note: str = ""
    tree: Tree | None = None


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    kind: Kind
    note: str = ""


def marked_rationale(text: str, read: tuple[int, int] | None = None) -> list[Piece]:
    """A text with its equations, its mathematics and what was `read` of it marked.

    `read` is where the final answer stands, in characters. The pieces' texts joined are the text.
    Takes time linear in its length.
    """
    return _pieces(text, _equation_spans(_equations(text)), read)


def marked_answer(text: str, read: tuple[int, int] | None, gold_text: str) -> list[Piece]:
    """A wrong answer, marked as a rationale is, and where it goes wrong.

    Where all its equations hold, the first whose value the gold solution `gold_text` never reaches
    is astray. Nothing is, where either has no equation.
    """
    equations = _equations(text)
    spans = _equation_spans(equations)
    if all(equation.holds for equation in equations):
        place = _first_astray(equations, gold_text)
        if place is not None:
            astray = spans[place]
            spans[place] = _Span(astray.start, astray.end, "astray", ASTRAY)
    return _pieces(text, spans, read)


def as_value(pieces: Sequence[Piece]) -> list[Any]:
    """The pieces as JSON for `paintSaid`: a string, or `{"t": text, "k": kinds, "n": note, "m":
    tree}` without what is empty."""
    return [_value(piece) for piece in pieces]


def _value(piece: Piece) -> str | dict[str, Any]:
    if not piece.kinds:
        return piece.text
    value: dict[str, Any] = {"t": piece.text, "k": list(piece.kinds)}
    if piece.note:
        value["n"] = piece.note
    if piece.tree is not None:
        value["m"] = piece.tree
    return value


def _equations(text: str) -> list[Equation]:
    """The equations of a text, looked for only where an equals sign stands: no equation goes
    beyond a line's end, unless the next line begins with the equals sign."""
    found = []
    ends = [match.end() for match in _BLOCK_END.finditer(text)]
    for start, end in pairwise([0, *ends, len(text)]):
        block = text[start:end]
        if "=" in block or "≈" in block:
            plain = _WRAPPED.sub(_unwrapped, block)
            found += [_moved(equation, start) for equation in find_equations(plain)]
    return found


def _unwrapped(wrapped: re.Match[str]) -> str:
    """What is wrapped, with spaces in place of the LaTeX around it."""
    return " " * len(wrapped[1]) + wrapped[2] + " " * len(wrapped[3])


def _moved(equation: Equation, offset: int) -> Equation:
    start, end = equation.span
    return replace(equation, span=(start + offset, end + offset))


def _equation_spans(equations: Sequence[Equation]) -> list[_Span]:
    """A span an equation. Of several that do not hold, the first says that it is."""
    wrong = [equation for equation in equations if not equation.holds]
    spans = []
    for equation in equations:
        note = _note(equation)
        if len(wrong) > 1 and equation is wrong[0]:
            note = f"The first that does not hold: {note}"
        spans.append(_Span(*equation.span, "right" if equation.holds else "wrong", note))
    return spans


def _note(equation: Equation) -> str:
    """What the equation should say: `7 × 8 is 56, not 54`."""
    if equation.value is None:
        return "Nothing can be divided by zero"
    left, right = _written(equation.left), _written(equation.right)
    decimals = max(2, len(right.partition(".")[2]))
    value = _written(number_text(Fraction(round(equation.value * 10**decimals), 10**decimals)))
    about = f"{left} is" if len(left) <= _LONGEST_NOTED else "This comes to"
    if equation.holds:
        return f"{about} {value}"
    if equation.claimed is None or len(right) > _LONGEST_NOTED:
        return f"{about} {value}"
    if " " in right:
        return f"{about} {value}, but {right} is {_written(number_text(equation.claimed))}"
    return f"{about} {value}, not {right}"


def _written(expression: str) -> str:
    """Plain notation as people write it."""
    expression = _LONG_NUMBER.sub(lambda number: f"{int(number[0]):,}", expression)
    return expression.replace("*", "×").replace("/", "÷").replace("-", "−")


def _first_astray(equations: Sequence[Equation], gold_text: str) -> int | None:
    """The place of the first equation whose value the gold solution never reaches."""
    derivation = read_derivation(gold_text) if equations else None
    if derivation is None:
        return None
    reached = {*numbers_in(gold_text), *(step.result for step in derivation.calculations)}
    strange = [place for place, equation in enumerate(equations) if not _meets(equation, reached)]
    if strange:
        parts = {part for step in derivation.calculations for part in _parts(step.expression)}
        reached |= {value for part in parts if (value := evaluate(part)) is not None}
    return next((place for place in strange if not _meets(equations[place], reached)), None)


def _meets(equation: Equation, values: set[Fraction]) -> bool:
    return equation.value in values or equation.claimed in values


def _parts(step: str) -> Iterator[str]:
    """A step of the gold solution and the sums in it: of `2 * 3 + 4` also `2 * 3`."""
    yield step
    tokens = _TOKEN.findall(step)
    if len(tokens) > _LONGEST_STEP:
        return
    starts = [place for place, token in enumerate(tokens) if token[0] in "0123456789.("]
    ends = [place for place, token in enumerate(tokens, 1) if token[-1] in "0123456789.%)"]
    for start in starts:
        for end in ends:
            if end > start + 2:
                yield " ".join(tokens[start:end])


def _pieces(text: str, equations: list[_Span], read: tuple[int, int] | None) -> list[Piece]:
    """Cut the text wherever a span begins or ends; a formula is never cut."""
    formulas = find_formulas(text)
    spans = list(equations)
    if read is not None:
        start, end = (min(max(0, place), len(text)) for place in read)
        spans.append(_Span(start, end, "read"))
    spans = [_widened(span, formulas) for span in spans if span.start < span.end]
    spans += [_Span(formula.start, formula.end, "math") for formula in formulas]
    spans.sort(key=lambda span: span.start)
    trees = {formula.start: formula.tree for formula in formulas}
    edges = sorted({0, len(text), *(edge for span in spans for edge in (span.start, span.end))})
    pieces: list[Piece] = []
    covering: list[_Span] = []
    coming = 0
    for start, end in pairwise(edges):
        covering = [span for span in covering if span.end > start]
        while coming < len(spans) and spans[coming].start == start:
            covering.append(spans[coming])
            coming += 1
        pieces.append(_piece(text[start:end], covering, trees.get(start)))
    return pieces


def _widened(span: _Span, formulas: Sequence[Formula]) -> _Span:
    """A span, grown to the ends of the formulas that it reaches into."""
    first = bisect_right(formulas, span.start, key=lambda formula: formula.end)
    last = bisect_left(formulas, span.end, key=lambda formula: formula.start) - 1
    if first > last:
        return span
    start, end = formulas[first].start, formulas[last].end
    return _Span(min(span.start, start), max(span.end, end), span.kind, span.note)


def _piece(text: str, covering: Sequence[_Span], tree: Tree | None) -> Piece:
    kinds = tuple(kind for kind in KINDS if any(span.kind == kind for span in covering))
    notes = (
        "; ".join(dict.fromkeys(span.note for span in covering if span.kind == kind))
        for kind in kinds
    )
    return Piece(text, kinds, next((note for note in notes if note), ""), tree)
