"""Read the score out of a review, strictly: what is not clearly a score is none.

The prompt asks for `[5]`, a number in square brackets, and many models write something near it. No
other number of the text (a scale, an interval, a step, the gold answer) may become the score, as it
does where the last number anywhere is taken.
"""

import re
from collections.abc import Iterable

_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SCORE = (
    r"(?P<score>[1-5](?:\.0+)?|one|two|three|four|five)"
    r"(?!\w|%|[.,]\d|\s?[-–]\s?\d|\s(?:or|to)\s\d|\s\d/\d|\sand\sa\shalf"
    r"|\s?(?:/|out\sof)\s?\[?(?!(?:5|five)\b)\w)"
)
_OUT_OF_FIVE = r"(?:\s?(?:/|\(?out\sof)\s?\[?(?:5|five)\b[\])]?)"
_NAME = r"(?:score|rating|grade)"

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.S | re.I)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>", re.I)
_SCALE = re.compile(r"(?<![\d.])\[?1\]?\s?(?:-|–|—|to|through|and)\s?\[?5\]?(?!\d|[.,]\d)")
_EXAMPLE = re.compile(
    r"(?:such as|for example|for instance|e\.g\.|like)[\s,:]{0,3}\[[^\[\]\n]{0,20}\]", re.I
)
_JSON_FIELD = re.compile(
    rf"""["'](?:final_?|overall_?)?{_NAME}["']\s?:\s?["'\[]{{0,2}}(?P<value>[^,}}\]"'\n]{{0,20}})""",
    re.I,
)
_BRACKETS = re.compile(r"\[([^\[\]\n]{1,40})\]")
_IN_BRACKETS = re.compile(
    rf"[\s*\\\"']*(?P<named>(?:[a-z]+\s)?{_NAME}\s?(?:is|of|:|=)?\s?)?{_SCORE}{_OUT_OF_FIVE}?[\s*\\\"']*",
    re.I,
)
_DENOMINATOR = re.compile(r"(?:/|out\sof)\s?\Z", re.I)
_OTHER_SCALE = re.compile(r"\s?(?:/|out\sof)\s?\[?(?!(?:5|five)\b)\w", re.I)
_FINAL = re.compile(rf"(?:overall|final)(?:\s{_NAME})?\W{{0,4}}(?:is|of)?\W{{0,4}}\Z", re.I)
_NAMED = re.compile(rf"{_NAME}\W{{0,4}}(?:is|of)?\W{{0,4}}\Z", re.I)
_NAMED_PHRASE = re.compile(
    rf"\b{_NAME}\**(?:\s(?:is|of|would\sbe|should\sbe)|\s?[:=])[\s*:]{{0,3}}{_SCORE}", re.I
)
_GIVEN_PHRASE = re.compile(
    r"\b(?:rate|give|score|grade|assign|award)\s"
    r"(?:(?:it|this|the|a|an|rationale|answer|solution|submission|score|rating|of|as|with|at)\s)"
    rf"{{0,6}}\**{_SCORE}(?={_OUT_OF_FIVE}|\**\s?(?:[.,;:!)\n]|\Z|because|since|as\b|for\b|stars?|points?))",
    re.I,
)
_OUT_OF_PHRASE = re.compile(
    rf"(?<![\w.,/-]){_SCORE}\sout\sof\s(?:5|five)(?=\**\s?(?:[.,;!)\n]|\Z))", re.I
)
_AFTER_SCALE = re.compile(rf"\ban?\s\**{_SCORE}\**[.!]?\s*\Z", re.I)
_NOTHING_ELSE = re.compile(rf"[\s*]*(?:{_NAME}[\s:]{{1,3}})?{_SCORE}{_OUT_OF_FIVE}?[\s*.!]*", re.I)


def read_score(text: str) -> int | None:
    """The score 1 to 5 that a review gives, or None when none can be read for certain.

    In this order: a JSON field named score; square brackets, of several the one named overall or
    final, or named a score, or alone on the last line of them; a plain statement such as
    `I rate it 2` or `2 out of 5`. Thoughts, scales (`[1-5]`) and the prompt's own example are not
    read. Different scores with nothing to tell them apart are none. Takes time linear in the
    text's length.
    """
    text = _THOUGHT.sub(" ", text)
    text = _THOUGHT_ENDS.split(text)[-1]
    if fields := list(_JSON_FIELD.finditer(text)):
        return _only(_inside(field["value"]) for field in fields)
    text = _EXAMPLE.sub(" ", text)
    plain = _SCALE.sub(" ", text)
    found, score = _in_brackets(plain)
    return score if found else _in_words(plain, has_scale=plain != text)


def _in_brackets(text: str) -> tuple[bool, int | None]:
    """Whether any score stands in brackets, and which one counts."""
    final: list[int] = []
    named: list[int] = []
    alone: list[int] = []
    every: list[int] = []
    for match in _BRACKETS.finditer(text):
        before, after = (
            text[max(0, match.start() - 40) : match.start()],
            text[match.end() : match.end() + 40],
        )
        inside = _IN_BRACKETS.fullmatch(match[1])
        if not inside or _DENOMINATOR.search(before) or _OTHER_SCALE.match(after):
            continue
        score = _number(inside["score"])
        every.append(score)
        if _FINAL.search(before) or re.match(r"overall|final", inside["named"] or "", re.I):
            final.append(score)
        elif inside["named"] or _NAMED.search(before):
            named.append(score)
        elif before.rpartition("\n")[2].strip(" *") or after.partition("\n")[0].strip(" *."):
            alone.clear()
        else:
            alone.append(score)
    if len(set(every)) <= 1:
        return bool(every), _only(every)
    return True, _only(next((group for group in (final, named, alone) if group), every))


def _in_words(text: str, has_scale: bool) -> int | None:
    if whole := _NOTHING_ELSE.fullmatch(text):
        return _number(whole["score"])
    patterns = [_NAMED_PHRASE, _GIVEN_PHRASE, _OUT_OF_PHRASE, *([_AFTER_SCALE] * has_scale)]
    return _only(
        _number(match["score"]) for pattern in patterns for match in pattern.finditer(text)
    )


def _inside(value: str) -> int | None:
    match = _IN_BRACKETS.fullmatch(value)
    return _number(match["score"]) if match else None


def _number(score: str) -> int:
    return _WORDS.get(score.lower()) or int(score[0])


def _only(scores: Iterable[int | None]) -> int | None:
    """The one score that all of them are, or None."""
    different = set(scores)
    return different.pop() if len(different) == 1 else None
