"""From texts to rows of tokens: tokenised, cut where too long, packed without padding.

The two texts of a pair are asked for with prompts that begin alike, with the question: what they
share stands in the row once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedTokenizerBase

from fair_app.errors import BadInput
from fair_app.training.examples import Part

RenderPrompt = Callable[[PreTrainedTokenizerBase, str], str]


@dataclass(frozen=True)
class Example:
    """One prompt with one response, as tokens. The response ends with the end token.

    `cut` counts the tokens that the prompt lost at its start to make room.
    """

    part: Part
    tokens: torch.Tensor
    prompt_length: int
    cut: int

    @property
    def response_length(self) -> int:
        """How many tokens are learned: those of the response and the end token."""
        return len(self.tokens) - self.prompt_length

    @property
    def shortened(self) -> bool:
        """Whether the prompt lost tokens."""
        return self.cut > 0


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
        cut=len(prompt_tokens) - len(kept),
    )


@dataclass(frozen=True)
class Group:
    """Examples that begin with the same `shared` tokens, which are computed only once."""

    examples: tuple[Example, ...]
    shared: int

    @property
    def length(self) -> int:
        """How many tokens it takes in a row."""
        return sum(len(example.tokens) - self.shared for example in self.examples) + self.shared


def group(examples: Sequence[Example]) -> Group:
    """Find what examples share of their prompts, but for the last token, which has a label."""
    if len(examples) == 1:
        return Group(tuple(examples), 0)
    room = min(example.prompt_length for example in examples) - 1
    starts = torch.stack([example.tokens[:room] for example in examples])
    same = (starts == starts[0]).all(dim=0)
    return Group(tuple(examples), int(same.cumprod(0).sum()))


@dataclass(frozen=True)
class Segment:
    """A stretch of a row: `start` is its place in its sequence.

    It sees itself, each token what is before it, and the whole of one earlier segment or none.
    """

    length: int
    start: int = 0
    after: int | None = None


@dataclass(frozen=True)
class Pack:
    """Sequences in a row of T tokens, without padding, of which L are to be predicted.

    `tokens` and `positions` (within the sequence) are 1 x T. `sources` (L) are the places whose
    hidden states predict `labels` (L), each with its `weights` (L) in the loss of the optimizer
    step; `is_feedback` (L) tells the two parts apart. `examples` are those whose labels they are,
    in the same order. `weighs`: whether there is anything to learn from it.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    segments: tuple[Segment, ...]
    sources: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    is_feedback: torch.Tensor
    examples: tuple[Example, ...]
    weighs: bool = True

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
    """All packs of one optimizer step; the tokens of its sequences, and those to be predicted."""

    packs: tuple[Pack, ...]
    tokens: int
    feedback_tokens: int
    rationale_tokens: int


def make_step(
    pairs: Sequence[Sequence[Example]],
    alpha: float,
    tokens_per_pass: int,
    *,
    alone: bool = False,
    padded: bool = False,
    process: int = 0,
    processes: int = 1,
) -> StepBatch:
    """Pack one optimizer step's pairs into passes of at most `tokens_per_pass` tokens, or one pair.

    Every label token gets its weight here: alpha over the number of feedback tokens of the whole
    step, 1 - alpha over the number of rationale tokens. So the loss of a step is a plain sum, and
    any partition into passes has the same loss and gradient. Examples of a part that weighs nothing
    (alpha 0 or 1) get passes of their own, which need no gradient. With `alone` every sequence has
    a pass of its own, for models that cannot be packed; `padded` passes are for those with an
    encoder, which lay them out as rows (see `fill_padded`). Of several processes each gets the
    packs of its own pairs; the weights and the counts are those of the whole step.
    """
    examples = [example for pair in pairs for example in pair]
    totals = {
        part: sum(example.response_length for example in examples if example.part == part)
        for part in ("feedback", "rationale")
    }
    weights: dict[Part, float] = {
        "feedback": alpha / max(totals["feedback"], 1),
        "rationale": (1 - alpha) / max(totals["rationale"], 1),
    }
    lengths = [sum(len(example.tokens) for example in pair) for pair in pairs]
    own = [pairs[index] for index in divide(lengths, processes)[process]]
    packs = []
    for weighed in (True, False):
        chosen = [
            [example for example in pair if (weights[example.part] > 0) == weighed] for pair in own
        ]
        if alone:
            passes = [[group([example])] for members in chosen for example in members]
        elif padded:
            passes = fill_padded([one for members in chosen for one in members], tokens_per_pass)
        else:
            passes = fill([group(members) for members in chosen if members], tokens_per_pass)
        packs += [pack(groups, weights) for groups in passes]
    return StepBatch(
        tuple(packs),
        tokens=sum(len(example.tokens) for example in examples),
        feedback_tokens=totals["feedback"],
        rationale_tokens=totals["rationale"],
    )


def fullest(
    pairs: Sequence[Sequence[Example]],
    tokens_per_pass: int,
    *,
    alone: bool = False,
    padded: bool = False,
) -> StepBatch:
    """The pass of the most tokens that pairs, of which the longest come first, are packed into.

    It is for trying whether such a pass can be computed: each of its labels weighs the same.
    """
    enough, room = [], 4 * tokens_per_pass
    for pair in pairs:
        enough.append(pair)
        room -= sum(len(one.tokens) for one in pair)
        if room < 0:
            break
    step = make_step(enough, 0.5, tokens_per_pass, alone=alone, padded=padded)
    pack = max(step.packs, key=lambda one: one.tokens.numel())
    feedback = int(pack.is_feedback.sum())
    return StepBatch((pack,), pack.tokens.numel(), feedback, len(pack.labels) - feedback)


def divide(lengths: Sequence[int], shares: int) -> list[list[int]]:
    """Divide things by their lengths into shares about as long; each has indices in order.

    The longest comes first, and each goes to the share that is the shortest so far.
    """
    divided: list[list[int]] = [[] for _ in range(shares)]
    filled = [0] * shares
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        share = filled.index(min(filled))
        divided[share].append(index)
        filled[share] += lengths[index]
    return [sorted(indices) for indices in divided]


def fill(groups: Sequence[Group], tokens_per_pass: int) -> list[list[Group]]:
    """Split groups, in order, into passes of at most `tokens_per_pass` tokens, or of one group."""
    passes: list[list[Group]] = []
    room = 0
    for one in groups:
        if one.length > room:
            passes.append([])
            room = tokens_per_pass
        passes[-1].append(one)
        room -= one.length
    return passes


def fill_padded(examples: Sequence[Example], tokens_per_pass: int) -> list[list[Group]]:
    """Passes of rows, prompts padded to the longest prompt and responses to the longest response.

    A pass has at most `tokens_per_pass` places, padding included, or one row. Rows of like length
    come together, the longest first, and nothing is shared.
    """
    passes: list[list[Group]] = []
    widest = (0, 0)
    for one in sorted(examples, key=lambda one: -len(one.tokens)):
        wider = max(widest[0], one.prompt_length), max(widest[1], one.response_length)
        if not passes or (len(passes[-1]) + 1) * sum(wider) > tokens_per_pass:
            passes.append([])
            wider = one.prompt_length, one.response_length
        passes[-1].append(group([one]))
        widest = wider
    return passes


def pack(groups: Sequence[Group], weights: Mapping[Part, float]) -> Pack:
    """Lay groups one after another; `weights` are those of a label token of each part.

    What a group shares is a segment, and the rest of each of its sequences follows as another one.
    """
    segments: list[Segment] = []
    tokens, positions, sources, labels, label_weights, is_feedback = [], [], [], [], [], []
    place = 0
    for one in groups:
        shared = one.shared
        before = None
        if shared:
            before = len(segments)
            segments.append(Segment(shared))
            tokens.append(one.examples[0].tokens[:shared])
            positions.append(torch.arange(shared))
            place += shared
        for example in one.examples:
            length = len(example.tokens)
            labelled = example.response_length
            segments.append(Segment(length - shared, shared, before))
            tokens.append(example.tokens[shared:])
            positions.append(torch.arange(shared, length))
            place += length - shared
            sources.append(torch.arange(place - labelled - 1, place - 1))
            labels.append(example.tokens[-labelled:])
            label_weights.append(torch.full((labelled,), weights[example.part]))
            is_feedback.append(torch.full((labelled,), example.part == "feedback"))
    return Pack(
        tokens=torch.cat(tokens)[None],
        positions=torch.cat(positions)[None],
        segments=tuple(segments),
        sources=torch.cat(sources),
        labels=torch.cat(labels),
        weights=torch.cat(label_weights),
        is_feedback=torch.cat(is_feedback),
        examples=tuple(example for one in groups for example in one.examples),
        weighs=any(weights[example.part] > 0 for one in groups for example in one.examples),
    )
