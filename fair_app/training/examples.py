"""What a student learns from: the committee's texts on its mistakes, and each epoch's draw.

Pure functions on plain values; nothing here loads a model.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from fair_app.training.balance import shares

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
    questions: Sequence[TrainingQuestion],
    epoch: int,
    seed: int,
    sampling: str = "epoch",
    balance: str = "none",
) -> list[Pair]:
    """Draw one rationale and one piece of feedback per question, in the shuffled order of an epoch.

    A question's draw depends on (seed, epoch, question id) and its own texts alone, so that adding
    a question changes no other's. With `sampling="once"` every epoch has the draw of epoch 0, as
    the reference has it, in an order of its own. Questions without any text are passed over.

    Every text of a question is as likely as the others. With `balance="teachers"` every teacher is
    drawn as often as the others over all questions, as far as the texts allow: then the likelihoods
    depend on all questions.
    """
    drawing_epoch = 0 if sampling == "once" else epoch
    asked = [
        question
        for question in sorted(questions, key=lambda question: question.question_id)
        if question.rationales or question.feedback
    ]
    weights = _weights(asked) if balance == "teachers" else [None] * len(asked)
    pairs = [
        _draw(question, own, Random(f"draw {seed} {drawing_epoch} {question.question_id}"))
        for question, own in zip(asked, weights, strict=True)
    ]
    Random(f"order {seed} {epoch}").shuffle(pairs)
    return pairs


Shares = dict[str, float]


def _weights(questions: Sequence[TrainingQuestion]) -> list[tuple[Shares, Shares]]:
    """How likely each teacher's rationale and feedback is drawn, a pair a question."""
    rationales, feedback = (
        shares([{text.teacher for text in texts} for texts in of])
        for of in (
            [question.rationales for question in questions],
            [question.feedback for question in questions],
        )
    )
    return list(zip(rationales, feedback, strict=True))


def _draw(
    question: TrainingQuestion, weights: tuple[Shares, Shares] | None, random: Random
) -> Pair:
    of_rationales, of_feedback = weights or (None, None)
    rationale = _one(question.rationales, of_rationales, random)
    feedback = _one(question.feedback, of_feedback, random)
    return Pair(question.question_id, rationale, feedback)


def _one(texts: Sequence[Text], weights: Shares | None, random: Random) -> Text | None:
    ordered = sorted(texts, key=_by_content)
    if weights and ordered:
        names = sorted(weights)
        (name,) = random.choices(names, [weights[one] for one in names])
        ordered = [text for text in ordered if text.teacher == name]
    return random.choice(ordered) if ordered else None


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
