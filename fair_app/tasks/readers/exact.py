"""Reads a free-text answer, and compares such answers."""

import re
import unicodedata

from fair_app.tasks.readers.declarations import NOTHING, Reading, declarations, last_line

_EDGES = " \t\r\n.,;:!?\"'`*_()[]{}“”‘’"
_SENTENCE = re.compile(r"[^\W\d_]{3}[\"'*)\]]{0,3}[.!?](?:\s|\Z)|[!?](?:\s|\Z)|\n")
_ARTICLES = {"a", "an", "the"}


def read_exact(text: str) -> Reading:
    """Read the answer's text: a declared sentence, else the last line."""
    for place in declarations(text):
        start = place.start
        while start < place.end and text[start] in _EDGES:
            start += 1
        match = _SENTENCE.search(text, start, place.end)
        if (reading := _trimmed(text, start, match.end() if match else place.end, place.rule)).span:
            return reading
    return _trimmed(text, *last_line(text), "last line")


def _trimmed(text: str, start: int, end: int, rule: str) -> Reading:
    """`text[start:end]` without the punctuation and the spaces around it."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip(_EDGES))
    prediction = piece.strip(_EDGES)
    return Reading(prediction, (start, start + len(prediction)), rule) if prediction else NOTHING


def normalise(text: str) -> str:
    """Text as it is compared: one case, one encoding, no articles, no punctuation around words.

    After the SQuAD metric (Rajpurkar et al. 2016), which also drops the punctuation inside words.
    """
    words = unicodedata.normalize("NFKC", text).casefold().split()
    kept = [word.strip(_EDGES) for word in words]
    return " ".join([word for word in kept if word and word not in _ARTICLES] or words)
