"""All that a run can draw, tokenised once. Imports torch."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from transformers import PreTrainedTokenizerBase

from fair_app.errors import BadInput
from fair_app.training.examples import (
    Pair,
    Part,
    Text,
    TrainingQuestion,
    feedback_prompt,
    rationale_prompt,
)
from fair_app.training.packing import Example, RenderPrompt, encode


class ExamplePool:
    """All that can be drawn, tokenised once.

    `questions` are those given, less the texts that are too long to be learned whole; `shortened`
    and `left_out` count the texts whose prompt was cut and those left out.

    Raises BadInput when a question alone is longer than `max_tokens`. A prompt for feedback, which
    holds the student's answer too, is cut.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        render_prompt: RenderPrompt,
        questions: Iterable[TrainingQuestion],
        max_tokens: int,
    ) -> None:
        self._examples: dict[tuple[Part, int, str], Example] = {}
        self.left_out = 0
        asked = list(questions)
        _check_limit(tokenizer, render_prompt, asked, max_tokens)

        def fitting(
            question: TrainingQuestion, part: Part, prompt: str, texts: Sequence[Text]
        ) -> tuple[Text, ...]:
            fit = []
            for text in texts:
                example = encode(tokenizer, render_prompt, part, prompt, text.text, max_tokens)
                if example is None:
                    self.left_out += 1
                else:
                    self._examples[part, question.question_id, text.text] = example
                    fit.append(text)
            return tuple(fit)

        self.questions = [
            replace(
                question,
                rationales=fitting(
                    question, "rationale", rationale_prompt(question), question.rationales
                ),
                feedback=fitting(
                    question, "feedback", feedback_prompt(question), question.feedback
                ),
            )
            for question in asked
        ]
        self.shortened = sum(example.shortened for example in self.every())

    def every(self) -> list[Example]:
        """All that can be drawn."""
        return list(self._examples.values())

    def examples(self, pairs: Iterable[Pair]) -> list[list[Example]]:
        """For each drawn pair its tokenised parts: two, or one where the other is missing."""
        return [
            [
                self._examples[part, pair.question_id, text.text]
                for part, text in _parts(pair)
                if text is not None
            ]
            for pair in pairs
        ]

    def longest(self, questions: Iterable[TrainingQuestion]) -> list[list[Example]]:
        """For each question the longest text of either part; the longest questions come first."""
        found = []
        for question in questions:
            parts: tuple[tuple[Part, tuple[Text, ...]], ...] = (
                ("rationale", question.rationales),
                ("feedback", question.feedback),
            )
            found.append(
                [
                    max(
                        (self._examples[part, question.question_id, one.text] for one in texts),
                        key=lambda example: len(example.tokens),
                    )
                    for part, texts in parts
                    if texts
                ]
            )
        return sorted(found, key=lambda pair: -sum(len(one.tokens) for one in pair))


def _check_limit(
    tokenizer: PreTrainedTokenizerBase,
    render_prompt: RenderPrompt,
    questions: Sequence[TrainingQuestion],
    max_tokens: int,
) -> None:
    longest = max(
        (
            len(tokenizer.encode(render_prompt(tokenizer, prompt), add_special_tokens=False))
            for prompt in {rationale_prompt(question) for question in questions}
        ),
        default=0,
    )
    if longest >= max_tokens:
        raise BadInput(
            f"The longest question takes {longest} tokens, and max_tokens {max_tokens} leaves no "
            f"room for an answer: give more than {longest}."
        )


def _parts(pair: Pair) -> tuple[tuple[Part, Text | None], ...]:
    return ("rationale", pair.rationale), ("feedback", pair.feedback)
