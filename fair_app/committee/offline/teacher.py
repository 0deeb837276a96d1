"""Three rule-based teachers for a machine without keys and network; every reply says `simulated`.

They work on the derivation in a gold solution and on the texts they are given. Whatever varies is
drawn from a seed of teacher, role, question and text, so the same request has the same answer.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from fair_app.committee.base import (
    Access,
    CallFailed,
    Fault,
    Finish,
    Reply,
    Request,
    Role,
    TeacherSpec,
)
from fair_app.committee.equations import number_text, numbers_in
from fair_app.committee.offline.derivation import (
    Derivation,
    Line,
    read_derivation,
    wrong_arithmetic,
    wrong_steps_right_answer,
)
from fair_app.committee.offline.feedback import Voice, explain_mistake
from fair_app.committee.offline.review import Temper, review
from fair_app.errors import BadInput


@dataclass(frozen=True)
class Character:
    """How one of the teachers writes and how often it errs.

    `wrong`: probability that a wrong number goes on into the final answer; `flawed`: that a step is
    wrong and the final answer right, which is what peer review is for.
    """

    tell: Callable[[Derivation, str, Random], str]
    """(derivation, question's text, rng) to the steps, with the space or line end after them."""
    wrong: float
    flawed: float
    voice: Voice
    temper: Temper


class OfflineTeacher:
    """A rule-based teacher; `spec.model` names its character. Safe to ask concurrently."""

    def __init__(self, spec: TeacherSpec) -> None:
        self.spec = spec
        self._character = CHARACTERS[spec.model]

    async def ask(self, request: Request) -> Reply:
        """Answer at once. Raises CallFailed when a rationale has no derivation to work on."""
        rng = self._random(request)
        match request.role:
            case Role.RATIONALE:
                text = self._rationale(request, rng)
            case Role.FEEDBACK:
                voice = self._character.voice
                text = explain_mistake(request.question, request.student_answer, voice)
            case Role.REVIEW:
                text = review(request.question, request.rationale, self._character.temper, rng)
        return Reply(text, Finish.COMPLETE, simulated=True)

    async def close(self) -> None:
        """Nothing is held."""

    def _random(self, request: Request) -> Random:
        seed = "\0".join(
            [
                self.spec.name,
                self.spec.model,
                request.role,
                request.question.text,
                request.rationale,
            ]
        )
        return Random(hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest())

    def _rationale(self, request: Request, rng: Random) -> str:
        right = read_derivation(request.question.gold_text)
        if right is None:
            raise CallFailed(
                Fault.REQUEST,
                "offline teachers need a gold solution with equations; this question has none",
            )
        draw = rng.random()
        written = None
        if draw < self._character.wrong:
            written = wrong_arithmetic(right, numbers_in(request.question.text), rng)
        elif draw < self._character.wrong + self._character.flawed:
            written = wrong_steps_right_answer(right, rng)
        written = written or right
        answer = request.question.gold_answer
        if written.answer is not None and written.answer != right.answer:
            answer = number_text(written.answer)
        return f"{self._character.tell(written, request.question.text, rng)}The answer is {answer}."


def build(spec: TeacherSpec, access: Access) -> OfflineTeacher:
    """Make the offline teacher that `spec.model` names. Raises BadInput when there is none such."""
    if spec.model not in CHARACTERS:
        raise BadInput(
            f"teacher '{spec.name}': there is no offline teacher '{spec.model}': "
            f"use model = one of {', '.join(CHARACTERS)}"
        )
    return OfflineTeacher(spec)


def _in_steps(derivation: Derivation, question: str, rng: Random) -> str:
    """Numbered steps, one a line."""
    return "".join(
        f"Step {number}: {_sentence(line)}\n" for number, line in enumerate(derivation.lines, 1)
    )


def _in_equations(derivation: Derivation, question: str, rng: Random) -> str:
    """The equations with the words that name what was counted."""
    link = rng.choice(["Then ", "Next, ", ""])
    counted = [
        f"{calculation}{_unit(text)}. "
        for line in derivation.lines
        for calculation, text in zip(line.calculations, line.texts[1:], strict=True)
    ]
    return link.join(counted)


def _in_prose(derivation: Derivation, question: str, rng: Random) -> str:
    """Sentences that follow on each other."""
    first = rng.choice(["To begin, ", "First, ", "We start here: "])
    middle = rng.choice(
        [["Then ", "After that, "], ["Next, ", "Now "], ["From there, ", "So now "]]
    )
    last = rng.choice(["Finally, ", "In the end, ", "Last of all, "])
    count = len(derivation.lines)
    links = [first, *(middle[i % 2] for i in range(count - 2)), *([last] * (count > 1))]
    return "".join(
        f"{link}{_continuing(_sentence(line), question)} "
        for link, line in zip(links, derivation.lines, strict=True)
    )


def _sentence(line: Line) -> str:
    """A line of the solution as one sentence."""
    pieces = [line.texts[0]]
    for calculation, text in zip(line.calculations, line.texts[1:], strict=True):
        pieces += [str(calculation), text]
    words = " ".join("".join(pieces).split())
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _unit(text: str) -> str:
    """The word after a result, when it can name what was counted: ` clips` of ` clips in May`."""
    word = re.match(r"\s([a-z]+)", text)
    return f" {word[1]}" if word and word[1] not in _NO_UNITS else ""


def _continuing(sentence: str, question: str) -> str:
    """A sentence as it goes on after a few words: without a link of its own and without a capital.

    A name keeps its capital: it is known from the question, where the opening words are not.
    """
    sentence = _LINK.sub("", sentence)
    first = re.match(r"[A-Z][a-z]*", sentence)
    if first and (first[0] in _OPENINGS or not re.search(rf"\b{first[0]}\b", question)):
        return sentence[0].lower() + sentence[1:]
    return sentence


_NO_UNITS = frozenset({"a", "an", "and", "are", "as", "at", "by", "each", "every", "for", "from",
    "if", "in", "is", "left", "less", "more", "of", "on", "or", "per", "so", "than", "the", "to",
    "total", "when", "which", "with"})  # fmt: skip
_LINK = re.compile(r"(?:First|Then|Next|So|Thus|Therefore|Finally|Now)\b,?\s+(?=\w)")
_OPENINGS = frozenset({"A", "After", "All", "An", "And", "As", "At", "Because", "Before", "Each",
    "Every", "For", "From", "He", "Her", "His", "If", "In", "It", "Its", "Of", "On", "One", "She",
    "Since", "That", "The", "Their", "There", "These", "They", "This", "To", "When",
    "With"})  # fmt: skip

CHARACTERS = {
    "methodical": Character(
        tell=_in_steps,
        wrong=0.15,
        flawed=0.08,
        voice=Voice(
            false="Your step {left} = {right} is wrong: {left} = {value}.",
            operation="You worked out {done}, which is not what is needed here.",
            stopped="You stopped after {done}.",
            go_on="The next step is {steps}.",
            path="The right way is {steps}.",
        ),
        temper=Temper(overlooks=0.04, misjudges=0.02, strict=0.25),
    ),
    "terse": Character(
        tell=_in_equations,
        wrong=0.20,
        flawed=0.12,
        voice=Voice(
            false="Wrong: {left} is {value}, not {right}.",
            operation="Not {done}.",
            stopped="{done} is not the end.",
            go_on="Next: {steps}.",
            path="Right: {steps}.",
        ),
        temper=Temper(overlooks=0.10, misjudges=0.03, strict=0.10),
    ),
    "storyteller": Character(
        tell=_in_prose,
        wrong=0.25,
        flawed=0.10,
        voice=Voice(
            false="You went astray at {left} = {right}, because {left} makes {value}.",
            operation="You thought of {done}, but the question tells another story.",
            stopped="You came as far as {done}.",
            go_on="From there it goes on: {steps}.",
            path="It goes like this: {steps}.",
        ),
        temper=Temper(overlooks=0.20, misjudges=0.06, strict=0.05),
    ),
}
