"""Reads the number that an answer gives."""

from bisect import bisect_left
from collections.abc import Sequence

from fair_app.tasks.readers.declarations import Declaration, declarations
from fair_app.tasks.readers.numerals import (
    last,
    loose,
    opening,
    results,
    sentences,
    stated,
    words_after,
)
from fair_app.tasks.readers.tokens import Numeral, Token, tokens

LONGEST_UNIT = 4
"""Words behind a number that stands alone: `#### 18 dollars a day`."""


def read_number(text: str) -> tuple[Numeral | None, str]:
    """Read the final number of `text`: the number and the rule's name, or None and `none`."""
    found = tokens(text)
    starts = [token.start for token in found]
    for place in declarations(text):
        region = found[bisect_left(starts, place.start) : bisect_left(starts, place.end)]
        pieces = sentences(region)
        if pieces and (numeral := _declared(place, pieces)) is not None:
            return numeral, place.rule
    return _concluded(found, sentences(found))


def _declared(place: Declaration, pieces: list[Sequence[Token]]) -> Numeral | None:
    """The number at a declared place, or None where none can be read. `pieces`: its sentences."""
    first = pieces[0]
    if place.rule == "####":
        # `#### 2. Then we add` is a heading of markdown, not an answer.
        numeral = stated(first) if len(pieces) == 1 else None
        short = numeral is not None and words_after(first, numeral.end) <= LONGEST_UNIT
        return numeral if short else None
    if place.rule == "boxed":
        return last(numeral for piece in pieces if (numeral := stated(piece)))
    if place.rule == "answer is":
        return stated(first)
    alone = opening(first)
    if alone is not None and (not place.own_line or words_after(first, alone.end) <= LONGEST_UNIT):
        return alone
    # "Answer:" heads a worked solution: its end counts, where the text says where it ends.
    if place.closed or len(pieces) == 1:
        return _concluded([token for piece in pieces for token in piece], pieces)[0]
    if not place.own_line and all(last(results(piece)) is None for piece in pieces[1:]):
        return last(results(first))
    return None


def _concluded(found: Sequence[Token], pieces: list[Sequence[Token]]) -> tuple[Numeral | None, str]:
    """The number that a text without a marker ends with, and the rule that found it."""
    numbers: list[Numeral] = []
    for piece in reversed(pieces):
        numbers = [token.numeral for token in piece if token.numeral]
        if numbers:
            break
    if not numbers:
        return None, "none"
    if (result := last(results(piece))) is not None:
        return result, "equation"
    result = last(results(found))
    restated = [n for n in numbers if result is not None and n.value == result.value]
    if restated and len(numbers) > 1:
        return restated[-1], "restated"
    return (loose(piece) or numbers)[-1], "last number"
