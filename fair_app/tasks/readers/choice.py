"""Reads which option an answer chooses: a letter, or the text of an option."""

import re
from collections.abc import Sequence

from fair_app.tasks.readers.declarations import (
    NOTHING,
    Declaration,
    Reading,
    declarations,
    last_line,
    last_sentence,
)

LETTERS = "ABCDEFGHIJ"
SHORTEST_OPTION = 4
"""Characters. A shorter option's text is looked for only where an answer is declared."""

_LEAD = re.compile(
    r"[\s\"'`*_{$:,]{0,8}(?:\\(?:text|boxed|textbf|mathrm)\{\s?){0,2}"
    r"(?:(?:the\s{1,2})?(?:option|choice|letter|answer)\s{1,2})?",
    re.IGNORECASE,
)
_NO_OTHER = r"(?!\)?\s{0,2}(?:or|and|/|,|&)\s{0,2}(?:option\s)?\(?[A-J]\b)"
_LETTER = re.compile(
    rf"[\"'`*]{{0,3}}(?:[(\[]\s?(?P<bracketed>[A-Ja-j])\s?[)\]]{_NO_OTHER}"
    rf"|(?P<pointed>[A-Ja-j])[.):](?=[\s\"'*)\]}}$]|\Z)"
    rf"|(?P<bare>[A-J])(?=\s{{0,3}}(?:\Z|[\n.,;:!?)\]\"'`*}}$–—-]|because\b|since\b|as\b|is\b|which\b|"
    rf"and\b|due\b)){_NO_OTHER}"
    rf"|(?P<upper>[B-HJ])(?=\s){_NO_OTHER})"
)
_LISTED = re.compile(
    rf"^[\s*_(\-]{{0,6}}(?P<letter>[A-J])[.):]{{1,2}}(?=[\s*]){_NO_OTHER}", re.MULTILINE
)
_ALONE = re.compile(
    r"[\s*_\"'`(\[{$]{0,8}(?:(?:option|choice)\s)?[(\[]?(?P<letter>[A-Ja-j])[\s*_\"'`)\]}$.,!]{0,8}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<![\w'])\(?(?P<subject>[A-J])\)?[.)]?(?:\*\*)?,?\s(?:is|must\sbe|would\sbe)\s(?:the\s)?"
    r"(?:most\s|only\s|clearly\s)?(?:correct|right|best|valid|answer|true)\b"
    r"|\b(?:choose|select|pick|is|with|chose)\s(?:option|choice|answer)\s\(?(?P<object>[A-J])\b"
)
_BRACKETED = re.compile(r"\((?P<letter>[A-J])\)")
_WORDS = re.compile(r"\w+")


def read_choice(text: str, options: Sequence[str]) -> Reading:
    """Read the letter that `text` chooses. `options` are the texts, in the order A, B, C, …"""
    letters = LETTERS[: len(options)] if options else LETTERS[:5]
    patterns = {letter: _pattern(option) for letter, option in zip(letters, options, strict=False)}
    for place in declarations(text):
        if (reading := _declared(text, place, letters, patterns)) is not None:
            return reading
    listed = {match["letter"] for match in _LISTED.finditer(text)}
    for reading in (
        _last_line(text, letters, patterns, listed),
        _letter(list(_NAMED.finditer(text)), letters, "option named"),
        _first_letter(text, letters, listed),
        _concluding_option(text, patterns, listed),
        _only_option(text, 0, len(text), patterns),
    ):
        if reading is not None:
            return reading
    bracketed = list(_BRACKETED.finditer(text))
    if len({match["letter"] for match in bracketed}) == 1:
        return _letter(bracketed, letters, "one letter") or NOTHING
    return NOTHING


def _declared(
    text: str, place: Declaration, letters: str, patterns: dict[str, re.Pattern[str]]
) -> Reading | None:
    """The option at a declared place: a text at its start, a letter, or a text further on."""
    start = _lead_end(text, place.start, place.end)
    line_end = text.find("\n", start, place.end)
    end = place.end if line_end < 0 or place.closed else line_end
    texts = sorted(_options_in(text, start, end, patterns), key=lambda found: found[1])
    opening = next((found for found in texts if found[1][0] == start), None)
    if opening is None and (match := _LETTER.match(text, start, end)) is not None:
        return _letter([match], letters, place.rule)
    if texts:
        letter, span = opening or texts[0]
        return Reading(letter, span, place.rule)
    return None


def _lead_end(text: str, start: int, end: int) -> int:
    match = _LEAD.match(text, start, end)
    return match.end() if match else start


def _letter(matches: Sequence[re.Match[str]], letters: str, rule: str) -> Reading | None:
    """The letter of the last of `matches` whose letter is an option's."""
    for match in reversed(matches):
        for group, letter in match.groupdict().items():
            if letter is not None and letter.upper() in letters:
                return Reading(letter.upper(), match.span(group), rule)
    return None


def _last_line(
    text: str, letters: str, patterns: dict[str, re.Pattern[str]], listed: set[str]
) -> Reading | None:
    start, end = last_line(text)
    if (match := _ALONE.fullmatch(text, start, end)) is not None:
        return _letter([match], letters, "last line")
    lettered = _LISTED.match(text, start, end)
    if lettered is not None and len(listed) == 1:
        return _letter([lettered], letters, "last line")
    for letter, pattern in patterns.items():
        match = pattern.search(text, start, end)
        if match and not _WORDS.search(text, start, match.start()) and len(listed) <= 1:
            rest = _WORDS.search(text, match.end(), end)
            if rest is None:
                return Reading(letter, match.span(), "last line")
    return None


def _first_letter(text: str, letters: str, listed: set[str]) -> Reading | None:
    start = _lead_end(text, 0, len(text))
    match = _LETTER.match(text, start)
    if match is None or match["upper"] or len(listed) > 1:
        return None
    return _letter([match], letters, "first letter")


def _concluding_option(
    text: str, patterns: dict[str, re.Pattern[str]], listed: set[str]
) -> Reading | None:
    """The one option that the last sentence holds, unless that is the last of a list of options."""
    start, end = last_sentence(text)
    line_start = text.rfind("\n", 0, start) + 1
    if len(listed) > 1 and _LISTED.match(text, line_start):
        return None
    return _only_option(text, start, end, patterns)


def _only_option(
    text: str, start: int, end: int, patterns: dict[str, re.Pattern[str]]
) -> Reading | None:
    """The one option whose text stands in `text[start:end]`."""
    found = [
        (letter, span)
        for letter, span in _options_in(text, start, end, patterns)
        if span[1] - span[0] >= SHORTEST_OPTION
    ]
    return Reading(*found[0], "option text") if len(found) == 1 else None


def _options_in(
    text: str, start: int, end: int, patterns: dict[str, re.Pattern[str]]
) -> list[tuple[str, tuple[int, int]]]:
    """The options whose texts stand in `text[start:end]`, without those inside a longer one."""
    found = [
        (letter, match.span())
        for letter, pattern in patterns.items()
        if (match := pattern.search(text, start, end)) is not None
    ]
    return [
        (letter, span)
        for letter, span in found
        if not any(
            other[0] <= span[0] and span[1] <= other[1] and other != span for _, other in found
        )
    ]


def _pattern(option: str) -> re.Pattern[str]:
    """A pattern for the option's words, whatever case and punctuation is between them."""
    words = _WORDS.findall(option)
    if not words:
        return re.compile(re.escape(option.strip()) or r"(?!)")
    return re.compile(
        r"(?<!\w)" + r"[\W_]{1,4}".join(map(re.escape, words)) + r"(?!\w)", re.IGNORECASE
    )
