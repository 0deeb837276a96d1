"""Two students on the same items, told apart by the kind and by the length of the question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_PARTS = 12
"""Parts that are shown side by side at most: those with most items."""
BANDS = 3


@dataclass(frozen=True)
class Part:
    """One kind of item: how many there are, right before and after, and what changed.

    Over several seeds `before` and `after` are means, and what changed is as in `Comparison`.
    """

    name: str
    n: int
    before: float
    after: float
    fixed: int
    broken: int


Pairs = Mapping[int, tuple[float, float]]
"""Whether each item was right before and after; over several seeds the share of them."""


def by_type(pairs: Pairs, kinds: Mapping[int, str]) -> list[list[Part]]:
    """The items by the kind of their question, one list for each way of telling kinds apart.

    As `ways_of_telling`; items without a kind are left out, and so is a way with a single part.
    """
    known = [item for item in pairs if kinds.get(item)]
    ways = ways_of_telling([kinds[item] for item in known])
    lists = [parts(pairs, dict(zip(known, names, strict=True))) for names in ways]
    return sorted((way for way in lists if len(way) > 1), key=lambda way: natural(way[0].name))


def by_length(pairs: Pairs, words: Mapping[int, int]) -> list[Part]:
    """The items by the words of their question, the shortest third first.

    Items of one length stay together, so that thirds may be uneven; empty where all are as long.
    """
    lengths = sorted(words[item] for item in pairs)
    ends = sorted({lengths[-(-len(lengths) * k // BANDS) - 1] for k in range(1, BANDS + 1)})
    if len(ends) < 2:
        return []
    bands = {item: next(end for end in ends if words[item] <= end) for item in pairs}
    named = {end: _band(ends, place) for place, end in enumerate(ends)}
    found = {part.name: part for part in parts(pairs, {i: named[bands[i]] for i in pairs})}
    return [found[named[end]] for end in ends]


def parts(pairs: Pairs, names: Mapping[int, str]) -> list[Part]:
    """The items by their names, in the names' order: at most MOST_PARTS, those with most items."""
    own: dict[str, list[tuple[float, float]]] = {}
    for item, name in names.items():
        own.setdefault(name, []).append(pairs[item])
    most = sorted(own, key=lambda name: (-len(own[name]), natural(name)))[:MOST_PARTS]
    return [
        Part(
            name,
            len(own[name]),
            sum(before for before, _ in own[name]),
            sum(after for _, after in own[name]),
            sum(after > before for before, after in own[name]),
            sum(after < before for before, after in own[name]),
        )
        for name in sorted(most, key=natural)
    ]


def ways_of_telling(kinds: Sequence[str]) -> list[tuple[str, ...]]:
    """Kinds by each of their parts: `baking, 2 steps` is one by family and one by steps.

    Kinds of unequal parts are taken whole: then there is one way.
    """
    if not kinds:
        return []
    even = len({kind.count(", ") for kind in kinds}) == 1
    return list(zip(*(kind.split(", ") if even else [kind] for kind in kinds), strict=True))


def natural(name: str) -> tuple[float, str]:
    """What to sort by: names that begin with a number in its order, before all others."""
    number = re.match(r"\d{1,9}", name)
    return (float(number[0]) if number else float("inf"), name)


def _band(ends: Sequence[int], place: int) -> str:
    if place == 0:
        return f"up to {ends[0]} words"
    if place == len(ends) - 1:
        return f"{ends[place - 1] + 1} words and more"
    return f"{ends[place - 1] + 1} to {ends[place]} words"
