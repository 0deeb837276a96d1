"""Where an answer says what the answer is: `#### 12`, `\\boxed{12}`, "the answer is 12".

Every grader reads the same places in the same order (`declarations`), and each reads its own kind
of value there. All patterns are bounded, and so is the number of places, so that the time stays
linear in the length of the answer.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

MOST_PLACES = 20
"""Places looked at for each rule, from the last one back."""
LONGEST_REGION = 600
"""Characters read after a marker that opens a sentence."""


@dataclass(frozen=True)
class Reading:
    """What was read ("" is nothing), the characters it stands at, and the rule that read it."""

    prediction: str
    span: tuple[int, int] | None
    rule: str


NOTHING = Reading("", None, "none")


@dataclass(frozen=True)
class Declaration:
    """Where an answer is declared: `text[start:end]` holds it. `rule` is what found it.

    `own_line`: the text starts on a line below the marker (`Answer:` as a heading). `closed`: an
    explanation follows, so that the region ends where the answer ends.
    """

    rule: str
    start: int
    end: int
    own_line: bool = False
    closed: bool = False


_HASHES = re.compile(r"####(?!#)[ \t]*")
_BOXED = re.compile(r"\\boxed\s{0,3}\{")
_ANSWER_IS = re.compile(
    r"\b(?:answers?|correct (?:option|choice)|right (?:option|choice))\b"
    r"(?:\*\*)?[^.!?\n:=0-9]{0,40}?\s"
    r"(?:is|are|was|would be|should be|must be|will be|equals)\b(?!\s+not\s+[^a-zA-Z]{0,3}\d)"
    r"(?:\s+(?:therefore|thus|then|also|indeed)\b)?[\s:,*]{0,10}",
    re.IGNORECASE,
)
_ANSWER_COLON = re.compile(
    r"\b(?:answers?|ans)\b[ \t*_\"'`)]{0,6}(?::|=(?!=)|(?=\n))[ \t*_]{0,6}(?P<below>\n?)",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    r"\b(?:explanation|rationale|reasoning|justification|solution|working|calculation)s?"
    r"[ \t*_]{0,6}:",
    re.IGNORECASE,
)


def declarations(text: str) -> Iterator[Declaration]:
    """Yield the places that declare an answer: rule by rule, and the last place of a rule first."""
    for match in _last(_HASHES, text):
        yield Declaration("####", match.end(), _line_end(text, match.end()))
    for match in _last(_BOXED, text):
        yield Declaration("boxed", match.end(), _brace_end(text, match.end()))
    for match in _last(_ANSWER_IS, text):
        end = min(_line_end(text, match.end()), match.end() + LONGEST_REGION)
        yield Declaration("answer is", match.end(), end)
    explanations = [match.start() for match in _EXPLANATION.finditer(text)]
    for match in _last(_ANSWER_COLON, text):
        place = bisect_left(explanations, match.end())
        closed = place < len(explanations)
        end = explanations[place] if closed else len(text)
        yield Declaration("answer:", match.end(), end, bool(match["below"]), closed)


def _last(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(pattern.finditer(text))[: -MOST_PLACES - 1 : -1]


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _brace_end(text: str, start: int) -> int:
    """The position of the brace that closes the one before `start`; the line's end if none does."""
    line_end = min(_line_end(text, start), start + LONGEST_REGION)
    depth = 1
    for index in range(start, line_end):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return line_end


def last_line(text: str) -> tuple[int, int]:
    """The span of the last line that isn't blank; (0, 0) when there is none."""
    end = len(text.rstrip())
    return text.rfind("\n", 0, end) + 1, end


_SENTENCE_END = re.compile(r"[.!?][\"'*)\]]{0,3}\s|\n")


def last_sentence(text: str) -> tuple[int, int]:
    """The span of the last sentence: from the last full stop or line end inside the text."""
    end = len(text.rstrip())
    starts = [match.end() for match in _SENTENCE_END.finditer(text, 0, end)]
    return (starts[-1] if starts else 0), end
