"""What a student learns from: the committee's texts on its mistakes, and each epoch's draw.

Pure functions on plain values; nothing here loads a model.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Part = Literal["feedback", "rationale"]


@dataclass(frozen=True)
class Text:
    """Something that a teacher wrote."""

    teacher: str
    text: str


@dataclass(frozen=True)
class TrainingQuestion:
    """A mistake with the texts to learn from: accepted rationales, and feedback on the answer.

    `prompt` is what the student was asked in the exam. Either list may be empty.
    """

    question_id: int
    prompt: str
    student_answer: str
    rationales: tuple[Text, ...]
    feedback: tuple[Text, ...]


@dataclass(frozen=True)
class Pair:
    """What one question brings to one epoch; a part is None where the question has none."""

    question_id: int
    rationale: Text | None
    feedback: Text | None


def rationale_prompt(question: TrainingQuestion) -> str:
    """The user message whose response is a rationale: the question, as in the exam."""
    return question.prompt


def feedback_prompt(question: TrainingQuestion) -> str:
    """The user message whose response is feedback: the question, the answer, and what to do."""
    return (
        f"{question.prompt}\n\nA student answered:\n{question.student_answer.strip()}\n\n"
        "Point out the mistake in this answer."
    )


def draw_pairs(
    questions: Sequence[TrainingQuestion], epoch: int, seed: int, sampling: str = "epoch"
) -> list[Pair]:
    """Draw one rationale and one piece of feedback per question, in the shuffled order of an epoch.

    A question's draw depends on (seed, epoch, question id) and its own texts alone, so that adding
    a question changes no other's. With `sampling="once"` every epoch has the draw of epoch 0, as
    the reference has it, in an order of its own. Questions without any text are passed over.
    """
    drawing_epoch = 0 if sampling == "once" else epoch
    pairs = [
        _draw(question, Random(f"draw {seed} {drawing_epoch} {question.question_id}"))
        for question in sorted(questions, key=lambda question: question.question_id)
        if question.rationales or question.feedback
    ]
    Random(f"order {seed} {epoch}").shuffle(pairs)
    return pairs


def _draw(question: TrainingQuestion, random: Random) -> Pair:
    rationale, feedback = (
        random.choice(sorted(texts, key=_by_content)) if texts else None
        for texts in (question.rationales, question.feedback)
    )
    return Pair(question.question_id, rationale, feedback)


def _by_content(text: Text) -> tuple[str, str]:
    return text.teacher, text.text


def examples_hash(questions: Iterable[TrainingQuestion]) -> str:
    """SHA-256 (hexadecimal) of all that can be drawn, whatever order it came in."""
    content = [
        [
            question.question_id,
            question.prompt,
            question.student_answer,
            sorted(map(_by_content, question.rationales)),
            sorted(map(_by_content, question.feedback)),
        ]
        for question in sorted(questions, key=lambda question: question.question_id)
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
