"""Finds LaTeX in a text and turns it into MathML, as plain lists that a browser can build from.

Only what certainly is mathematics and can be shown without loss becomes a formula; all else stays
text, as it was written.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter
from latex2mathml.symbols_parser import convert_symbol

Tree = list[Any]
"""An element: its name, its attributes, then its children, each an element or a text."""

LONGEST = 2000
"""Characters of a formula, without its delimiters."""
MOST_FORMULAS = 300
"""How many formulas of one text are tried: a text of nothing else must not take seconds."""
_DEEPEST = 40
"""Levels of elements. Deeper ones are too small to be read."""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


ELEMENTS = _words(
    "math mrow mi mn mo mtext mspace msub msup msubsup munder mover munderover mfrac msqrt mroot"
    " mstyle menclose mtable mtr mtd"
)
ATTRIBUTES = _words(
    "accent accentunder columnalign columnlines columnspacing displaystyle fence form largeop"
    " linethickness lspace mathvariant maxsize minsize movablelimits notation rowlines rowspacing"
    " rspace scriptlevel separator stretchy symmetric width"
)
VALUE = re.compile(r"(?:(?:^| )(?:[a-z-]{1,30}|[0-9]?(?:\.[0-9]{1,4})?(?:em|ex|pt|px)?)){1,4}")
"""What an attribute may say: words, and lengths below 10 that cannot be negative."""

_CHILDREN = {
    **dict.fromkeys(("msub", "msup", "munder", "mover", "mfrac", "mroot"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}

_COMMANDS = _words(
    "frac dfrac tfrac cfrac binom dbinom tbinom sqrt boxed left right big Big bigg Bigg bigl bigr"
    " Bigl Bigr limits nolimits lim max min sup inf gcd det mod pmod bmod overset underset stackrel"
    " cancel bcancel xcancel displaystyle textstyle begin end hline quad qquad enspace space text"
    " textbf textit textrm textnormal mbox mathrm mathbf mathit mathbb mathcal operatorname arccos"
    " arcsin arctan cos cosh cot csc exp ln lg log sec sin sinh tan tanh"
)
_ESCAPES = frozenset("\\{},;: %$#&_|>")
_ENVIRONMENTS = {
    **{name: name for name in ("matrix", "pmatrix", "bmatrix", "vmatrix", "array", "cases")},
    **dict.fromkeys(("aligned", "align", "align*", "split"), "split"),
    **dict.fromkeys(("gathered", "gather", "gather*"), "matrix"),
}

_MARK = re.compile(r"\\boxed\s*\{|\\[()\[\]]|\\.|\$\$?|[{}\n]", re.DOTALL)
_ENDS = {r"\(": r"\)", r"\[": r"\]", "$$": "$$", "$": "$"}
_BRACKETS = (r"\(", r"\)", r"\[", r"\]")
_STOPS = {r"\(": _BRACKETS, r"\[": _BRACKETS, "$$": ("$$", "$"), "$": ("$", "$$", "\n")}
"""The marks of which the next ends the formula that the key opens, or shows that it is none."""

_COMMAND = re.compile(r"\\([A-Za-z]+|.|$)", re.DOTALL)
_ENVIRONMENT = re.compile(r"(\\(?:begin|end))\s?\{([^{}]*)\}")
_SCRIPT = re.compile(r"\\[A-Za-z]|\^|(?:(?<![^\W_])[^\W\d_]|[)\]}])_")
"""What prices and names do not have: a command, a power, an index of a single letter."""
_NAMED = re.compile(
    r"\\(?:text[a-z]*|mbox)\s?\{[^{}]*\}"
    r"|\\(?:math[a-z]+|operatorname|begin|end)\s?\{[^{}\s]*\}|\\[A-Za-z]+"
)
_PROSE = re.compile(r"[^\W\d_A-Z]{3}|[0-9]\s+[0-9]")
"""A word, or two numbers side by side: mathematics would run them together."""
_DIGIT = re.compile(r"[0-9]")
_REFERENCE = re.compile(r"&#x[0-9A-Fa-f]{1,8};")


@dataclass(frozen=True)
class Formula:
    """A formula of a text: where it stands with its delimiters, and its MathML."""

    start: int
    end: int
    tree: Tree


def find_formulas(text: str) -> list[Formula]:
    r"""Find the formulas of a text, in order; no two overlap. Takes time linear in its length.

    Delimiters are `\( … \)`, `\[ … \]`, `$$ … $$`, the braces of a `\boxed{…}` that stands alone on
    a line, and `$ … $` where it cannot be money: on one line, no space just inside, no letter or
    digit just behind, and a LaTeX command, a power or an index in it.
    """
    marks = list(_MARK.finditer(text))
    ends = dict(_pairs([mark[0] for mark in marks]))
    formulas: list[Formula] = []
    position = tried = 0
    for place, mark in enumerate(marks):
        if mark.start() < position or place not in ends or tried == MOST_FORMULAS:
            continue
        start, end = mark.start(), marks[ends[place]].end()
        latex = _latex(text, mark[0], start, end)
        if latex is None:
            continue
        tried += 1
        tree = as_mathml(latex, display=mark[0] in (r"\[", "$$"))
        if tree is not None:
            formulas.append(Formula(start, end, tree))
            position = end
    return formulas


def as_mathml(latex: str, display: bool = False) -> Tree | None:
    """The MathML of LaTeX without delimiters, or None where it cannot be shown without loss.

    None for what is too long or too deep, has a command, element or attribute that is not on the
    lists here, has words that mathematics would run together, or would show other digits than were
    written. `display` shows fractions and sums in their full size.
    """
    if len(latex) > LONGEST or not _plain(latex):
        return None
    # The library takes % for a comment, and knows other names of some environments.
    prepared = re.sub(r"(?<!\\)((?:\\\\)*)%", r"\1\\%", re.sub(r"\s+", " ", latex))
    prepared = _ENVIRONMENT.sub(lambda m: f"{m[1]}{{{_ENVIRONMENTS[m[2]]}}}", prepared)
    try:
        root = Converter(display="block" if display else "inline").convert_to_element(prepared)
        tree = _tree(root, _DEEPEST)
    except Exception:  # The library meets bad LaTeX with errors of a dozen kinds: it stays text.
        return None
    if tree is None or sorted(_digits(tree)) != sorted(_DIGIT.findall(latex)):
        return None
    tree[1] = {"displaystyle": "true"} if display else {}
    return tree


def _pairs(signs: list[str]) -> Iterator[tuple[int, int]]:
    """The places of the marks that open a formula, and of those that may end it."""
    nearest: dict[str, int] = {}
    for place in range(len(signs) - 1, -1, -1):
        sign = signs[place]
        following = [nearest[stop] for stop in _STOPS.get(sign, ()) if stop in nearest]
        if following and signs[min(following)] == _ENDS[sign]:
            yield place, min(following)
        nearest[sign] = place
    braces: list[int] = []
    for place, sign in enumerate(signs):
        if sign == "\n":
            braces.clear()
        elif sign == "{" or sign.startswith(r"\boxed"):
            braces.append(place)
        elif sign == "}" and braces and signs[opening := braces.pop()] != "{":
            yield opening, place


def _latex(text: str, sign: str, start: int, end: int) -> str | None:
    """What stands between the delimiters, or None where they do not delimit mathematics."""
    if sign.startswith(r"\boxed"):
        return text[start:end]
    inner = text[start + len(sign) : end - len(sign)]
    certain = (
        inner[:1].strip() and inner[-1:].strip() and not text[end : end + 1].isalnum()
    ) and _SCRIPT.search(inner)
    return inner if sign != "$" or certain else None


def _plain(latex: str) -> bool:
    """Whether it has only known commands, and nothing that they would swallow or run together."""
    names = _COMMAND.findall(latex)
    if not all(name in _COMMANDS or name in _ESCAPES or _is_symbol(name) for name in names):
        return False
    if any(name not in _ENVIRONMENTS for _, name in _ENVIRONMENT.findall(latex)):
        return False
    depth = 0
    for brace in re.findall(r"\\.|[{}]", latex, re.DOTALL):
        depth += (brace == "{") - (brace == "}")
        if depth < 0:
            return False
    return depth == 0 and not _PROSE.search(_NAMED.sub("\\\\", latex))


def _is_symbol(name: str) -> bool:
    return len(name) > 1 and convert_symbol(f"\\{name}") is not None


def _tree(element: Element, levels: int) -> Tree | None:
    """An element as a tree, or None where it has anything that is not on the lists."""
    attributes = {name: value for name, value in element.attrib.items() if name in ATTRIBUTES}
    is_root = element.tag == "math"
    if (
        element.tag not in ELEMENTS
        or levels == 0
        or len(element) != _CHILDREN.get(element.tag, len(element))
        or (len(attributes) < len(element.attrib) and not is_root)
        or not all(VALUE.fullmatch(value) for value in attributes.values())
    ):
        return None
    children: list[Any] = []
    for child in element:
        node = _tree(child, levels - 1)
        if node is None:
            return None
        children.append(node)
    children = _grouped(children)
    runs_together = any(left[0] == right[0] == "mn" for left, right in pairwise(children))
    if runs_together and element.tag not in _CHILDREN:
        return None  # `3 {4}` would be read as 34
    if element.text:
        text = _REFERENCE.sub(lambda reference: html.unescape(reference[0]), element.text)
        if element.tag == "mtext":
            text = re.sub(r"\\([$%&#_])", r"\1", text)
        if "\\" in text or (element.tag != "mo" and re.search(r"[{}]", text)):
            return None  # braces or a command that the library did not understand
        return [element.tag, attributes, text, *children]
    return [element.tag, attributes, *children]


def _grouped(children: list[Tree]) -> list[Tree]:
    """The numbers with their thousands: `1,200` comes as `1`, a comma with a gap, and `200`."""
    grouped: list[Tree] = []
    for child in children:
        if (
            len(grouped) > 1
            and grouped[-1][0] == "mo"
            and grouped[-1][2:] == [","]
            and grouped[-2][0] == child[0] == "mn"
            and re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})*", grouped[-2][2])
            and re.fullmatch(r"[0-9]{3}(?:\.[0-9]+)?", child[2])
        ):
            grouped.pop()
            grouped[-1] = ["mn", child[1], f"{grouped[-1][2]},{child[2]}"]
        else:
            grouped.append(child)
    return grouped


def _digits(tree: Tree) -> Iterator[str]:
    for child in tree[2:]:
        yield from _DIGIT.findall(child) if isinstance(child, str) else _digits(child)
