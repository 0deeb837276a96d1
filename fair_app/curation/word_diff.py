"""What a person changed in a text, word by word."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, takewhile
from typing import Literal

Change = Literal["same", "added", "removed"]

_WORDS = re.compile(r"\S+|\s+")
_SENTENCES = re.compile(r"[^.!?\n]*(?:[.!?]+\s*|\n\s*|\Z)")
_MOST_PAIRS = 20_000
"""Pairs of equal words that are weighed against one another, of sentences likewise."""
_MOST_PAIRS_WITHIN = 1_000
"""The same within one stretch of changed sentences, of which there may be hundreds."""


def word_diff(before: str, after: str) -> list[tuple[Change, str]]:
    """The way from one text to another, in stretches that stay, go or come.

    What is same and removed, joined, is `before`; what is same and added is `after`. A removed
    stretch stands before the added one that replaces it. White space belongs to the words beside
    it. Where comparing all words that may have changed would take long (some hundred changed
    sentences), it compares sentences, and the words of those that differ; where that is too much
    as well, what lies between the first and the last change is removed and added whole.
    """
    return _joined(_changes(before, after, _WORDS, coarser=_SENTENCES))


def _changes(
    before: str,
    after: str,
    unit: re.Pattern[str],
    coarser: re.Pattern[str] | None = None,
    finer: re.Pattern[str] | None = None,
) -> Iterator[tuple[Change, str]]:
    old, new = unit.findall(before), unit.findall(after)
    head = _equal(zip(old, new, strict=False))
    tail = _equal(zip(reversed(old[head:]), reversed(new[head:]), strict=False))
    yield "same", "".join(old[:head])
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    old_text, new_text = "".join(old_middle), "".join(new_middle)
    most = _MOST_PAIRS if coarser or finer else _MOST_PAIRS_WITHIN
    if _pairs(old_middle, new_middle) <= most:
        yield from _aligned(old_middle, new_middle, finer)
    elif coarser is not None:
        yield from _changes(old_text, new_text, coarser, finer=unit)
    else:
        yield from (("removed", old_text), ("added", new_text))
    yield "same", "".join(old[len(old) - tail :])


def _aligned(
    old: Sequence[str], new: Sequence[str], finer: re.Pattern[str] | None
) -> Iterator[tuple[Change, str]]:
    # White space alone shows nothing that stayed: it goes along with the words that did.
    matcher = SequenceMatcher(str.isspace, old, new, autojunk=False)
    for action, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        old_text, new_text = "".join(old[old_start:old_end]), "".join(new[new_start:new_end])
        if action == "equal":
            yield "same", old_text
        elif finer is not None:
            yield from _changes(old_text, new_text, finer)
        else:
            yield from (("removed", old_text), ("added", new_text))


def _equal(pairs: Iterable[tuple[str, str]]) -> int:
    """How many pairs are equal before the first that is not."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    """How often a word of one is a word of the other: what the comparison's time grows with."""
    counted = Counter(word for word in new if not word.isspace())
    return sum(counted[word] for word in old if word in counted)


def _joined(changes: Iterable[tuple[Change, str]]) -> list[tuple[Change, str]]:
    """Neighbours of one kind as one, what is removed before what is added, and nothing empty."""
    joined: list[tuple[Change, str]] = []
    filled = ((kind, text) for kind, text in changes if text)
    for _, run in groupby(filled, lambda change: change[0] == "same"):
        parts: dict[Change, list[str]] = {"same": [], "removed": [], "added": []}
        for kind, text in run:
            parts[kind].append(text)
        joined += [(kind, "".join(texts)) for kind, texts in parts.items() if texts]
    return joined
