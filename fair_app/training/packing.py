"""From texts to rows of tokens: tokenised once, cut where too long, packed without padding."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
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

RenderPrompt = Callable[[PreTrainedTokenizerBase, str], str]


@dataclass(frozen=True)
class Example:
    """One prompt with one response, as tokens. The response ends with the end token.

    `shortened` says that the prompt lost tokens at its start to make room.
    """

    part: Part
    tokens: torch.Tensor
    prompt_length: int
    shortened: bool

    @property
    def response_length(self) -> int:
        """How many tokens are learned: those of the response and the end token."""
        return len(self.tokens) - self.prompt_length


def encode(
    tokenizer: PreTrainedTokenizerBase,
    render_prompt: RenderPrompt,
    part: Part,
    prompt: str,
    response: str,
    max_tokens: int,
) -> Example | None:
    """Tokenise a user message and its response; None when the response alone is too long.

    The two are tokenised apart, for in generation the prompt's tokens are fixed before the response
    begins. Where both exceed `max_tokens`, the prompt is cut from its start; the response never is.
    """
    if tokenizer.eos_token_id is None:
        raise BadInput("This model's tokenizer has no end token: choose another student.")
    prompt_tokens = tokenizer.encode(render_prompt(tokenizer, prompt), add_special_tokens=False)
    response_tokens = tokenizer.encode(response.strip(), add_special_tokens=False)
    response_tokens.append(tokenizer.eos_token_id)
    room = max_tokens - len(response_tokens)
    if room < 1:
        return None
    kept = prompt_tokens[-room:]
    return Example(
        part=part,
        tokens=torch.tensor(kept + response_tokens),
        prompt_length=len(kept),
        shortened=len(kept) < len(prompt_tokens),
    )


class ExamplePool:
    """All that can be drawn, tokenised once.

    `questions` are those given, less the texts that are too long to be learned whole; `shortened`
    and `left_out` count the texts whose prompt was cut and those left out.
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
            for question in questions
        ]
        self.shortened = sum(example.shortened for example in self._examples.values())

    def examples(self, pairs: Iterable[Pair]) -> list[Example]:
        """The tokenised parts of drawn pairs, two a pair or one where the other is missing."""
        return [
            self._examples[part, pair.question_id, text.text]
            for pair in pairs
            for part, text in _parts(pair)
            if text is not None
        ]


def _parts(pair: Pair) -> tuple[tuple[Part, Text | None], ...]:
    return ("rationale", pair.rationale), ("feedback", pair.feedback)


@dataclass(frozen=True)
class Pack:
    """Sequences one after another in a row of T tokens, of which L are to be predicted.

    `tokens` and `positions` are 1 x T; positions start again with each sequence. `sources`
    (L) are the places whose hidden states predict `labels` (L), each with its `weights` (L) in the
    loss of the optimizer step; `is_feedback` (L) tells the two parts apart.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    segment_lengths: tuple[int, ...]
    sources: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    is_feedback: torch.Tensor

    def to(self, device: torch.device | str) -> "Pack":
        """The same pack on a device."""
        moved = {
            name: value.to(device, non_blocking=True)
            for name, value in vars(self).items()
            if isinstance(value, torch.Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class StepBatch:
    """All packs of one optimizer step, and how many tokens each part predicts in it."""

    packs: tuple[Pack, ...]
    feedback_tokens: int
    rationale_tokens: int

    @property
    def tokens(self) -> int:
        """The tokens of all sequences, prompts too."""
        return sum(sum(pack.segment_lengths) for pack in self.packs)


def make_step(examples: Sequence[Example], alpha: float, tokens_per_pass: int) -> StepBatch:
    """Pack one optimizer step's examples into passes of at most `tokens_per_pass` tokens.

    Every label token gets its weight here: alpha over the number of feedback tokens of the whole
    step, 1 - alpha over the number of rationale tokens. So the loss of a step is a plain sum, and
    any partition into passes has the same loss and gradient. Examples of a part that weighs nothing
    (alpha 0 or 1) get passes of their own, which need no gradient.
    """
    totals = {
        part: sum(example.response_length for example in examples if example.part == part)
        for part in ("feedback", "rationale")
    }
    weight = {
        part: share / max(totals[part], 1)
        for part, share in (("feedback", alpha), ("rationale", 1 - alpha))
    }
    weighed = [example for example in examples if weight[example.part] > 0]
    weightless = [example for example in examples if weight[example.part] == 0]
    packs = [
        pack(group, [weight[example.part] for example in group])
        for kind in (weighed, weightless)
        for group in fill(kind, tokens_per_pass)
    ]
    return StepBatch(tuple(packs), totals["feedback"], totals["rationale"])


def fill(examples: Sequence[Example], tokens_per_pass: int) -> list[list[Example]]:
    """Split examples, in order, into groups of at most `tokens_per_pass` tokens, or one example."""
    groups: list[list[Example]] = []
    room = 0
    for example in examples:
        length = len(example.tokens)
        if length > room:
            groups.append([])
            room = tokens_per_pass
        groups[-1].append(example)
        room -= length
    return groups


def pack(examples: Sequence[Example], weights: Sequence[float]) -> Pack:
    """Lay sequences one after another; `weights` are those of each example's label tokens."""
    lengths = [len(example.tokens) for example in examples]
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    responses = [example.response_length for example in examples]
    return Pack(
        tokens=torch.cat([example.tokens for example in examples])[None],
        positions=torch.cat([torch.arange(length) for length in lengths])[None],
        segment_lengths=tuple(lengths),
        sources=torch.cat(
            [
                torch.arange(start + example.prompt_length - 1, start + length - 1)
                for start, length, example in zip(starts, lengths, examples, strict=True)
            ]
        ),
        labels=torch.cat([example.tokens[example.prompt_length :] for example in examples]),
        weights=torch.tensor(weights).repeat_interleave(torch.tensor(responses)),
        is_feedback=torch.tensor(
            [example.part == "feedback" for example in examples]
        ).repeat_interleave(torch.tensor(responses)),
    )
