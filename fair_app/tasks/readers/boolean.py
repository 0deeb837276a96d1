"""Reads the verdict of a yes/no answer: `true` or `false`."""

import re

from fair_app.tasks.readers.declarations import (
    NOTHING,
    Reading,
    declarations,
    last_line,
    last_sentence,
)

_WORD = r"(?P<verdict>yes|no|true|false)\b"
# Punctuation, a reason or nothing follows a verdict: "no evidence" and "true story" hold none.
_AFTER = (
    r"(?=[\s\"'`*_)\]}$]{0,4}"
    r"(?:\Z|[.,;:!?\n–—-]|because\b|since\b|as\b|and\b|but\b|for\b|due\b|if\b))"
    r"(?![\s\"'`*_)\]}$.]{0,4}(?:,?\s?(?:or|and)\b|/)[\s\"'`*]{0,3}(?:yes|no|true|false|not)\b)"
)
_LEAD = r"[\s\"'`*_(\[{$:,]{0,8}(?:\\(?:text|boxed|textbf|mathrm)\{\s?){0,2}"
_ADVERBS = (
    r"(?:(?:most|very|probably|likely|definitely|clearly|certainly|actually|indeed|simply|therefore|"
    r"obviously|a|an|clear|resounding|definitive|still|also)\s{1,3}){0,3}"
)
_SUBJECT = (
    r"(?:(?:that\s{1,2})?(?:it|this|that|(?:the|this)\s{1,2}(?:above\s{1,2})?"
    r"(?:statement|claim|assertion|premise|answer)(?:\s{1,2}to[\w\s]{0,30}?)?)\s{1,2}"
    r"(?:is|was|would\s{1,2}be|must\s{1,2}be))"
)
_NOT = r"(?P<negation>not\s{1,3}(?:necessarily\s{1,3}|entirely\s{1,3})?)?"

_DECLARED = re.compile(
    rf"{_LEAD}(?:{_SUBJECT}\s{{1,3}})?{_ADVERBS}{_NOT}[\"'`*]{{0,3}}{_WORD}{_AFTER}", re.IGNORECASE
)
_WHOLE = re.compile(rf"[\W_]{{0,12}}{_NOT}{_WORD}[\W_]{{0,12}}", re.IGNORECASE)
_CONCLUSION = re.compile(
    rf"(?:\b(?:so|therefore|thus|hence|conclusion|overall|consequently|then),?\s{{1,3}}|"
    rf"\b{_SUBJECT}\s{{1,3}}){_ADVERBS}{_NOT}[\"'`*]{{0,3}}{_WORD}{_AFTER}",
    re.IGNORECASE,
)
_MEANING = {"yes": "true", "true": "true", "no": "false", "false": "false"}
_OPPOSITE = {"true": "false", "false": "true"}


def read_boolean(text: str) -> Reading:
    """Read the verdict of `text`: `true`, `false`, or nothing."""
    for place in declarations(text):
        if (match := _DECLARED.match(text, place.start, place.end)) is not None:
            return _reading(match, place.rule)
    start, end = last_line(text)
    if (match := _WHOLE.fullmatch(text, start, end)) is not None:
        return _reading(match, "last line")
    start, end = last_sentence(text)
    conclusions = list(_CONCLUSION.finditer(text, start, end))
    if conclusions:
        return _reading(conclusions[-1], "conclusion")
    if (match := _DECLARED.match(text)) is not None:
        return _reading(match, "first word")
    return NOTHING


def _reading(match: re.Match[str], rule: str) -> Reading:
    meaning = _MEANING[match["verdict"].lower()]
    negation = match["negation"]
    start = match.start("negation") if negation else match.start("verdict")
    span = (start, match.end("verdict"))
    return Reading(_OPPOSITE[meaning] if negation else meaning, span, rule)
