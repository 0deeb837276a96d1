"""A mentor's output head: what its hidden states say of every token. Imports torch.

Hidden states are those after the final norm, as the head takes them: with the head they say all
that the mentor does, in far fewer numbers than a large vocabulary has tokens.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn.functional import linear
from transformers import PreTrainedModel

from fair_app.errors import BadInput
from fair_app.training.loss import Head, Shaping, head, shaping
from fair_app.training.soft_labels import divergence, softened
from fair_app.whole_files import whole_file

TRIED = 4
"""Tokens by which it is seen whether a head is understood."""
ROUNDING = 2**-7
"""How far the largest logit may be off there: two roundings of bfloat16."""


@dataclass(frozen=True)
class MentorHead:
    """A head at a temperature. `logits` takes hidden states; `vocabulary` tokens are spoken of."""

    logits: Head
    vocabulary: int
    tau: float

    @torch.no_grad()
    def likelihoods(self, states: torch.Tensor) -> torch.Tensor:
        """The log-probabilities (n x vocabulary) at the temperature, of n hidden states."""
        return softened(self.logits(states), self.vocabulary, self.tau)


@dataclass(frozen=True)
class Computed:
    """Soft labels that a head computes from hidden states (n x hidden) when they are needed."""

    head: MentorHead
    states: torch.Tensor

    def divergence(self, logits: torch.Tensor, rows: slice) -> torch.Tensor:
        """KL(mentor || student) of the tokens in `rows`, with the student's logits."""
        ours = softened(logits, self.head.vocabulary, self.head.tau)
        return divergence(self.head.likelihoods(self.states[rows].to(logits.device)), ours)


@torch.no_grad()
def check_head(model: PreTrainedModel, name: str) -> None:
    """Raise BadInput when a model's logits are not what `loss.head` makes of its hidden states."""
    tokens = torch.arange(TRIED, device=model.device)[None]
    expected = model(input_ids=tokens, use_cache=False).logits[0].float()
    hidden = model.get_decoder()(input_ids=tokens, use_cache=False).last_hidden_state[0]
    off = (head(model)(hidden).float() - expected).abs().max()
    if not off <= ROUNDING * expected.abs().max():
        raise BadInput(
            f"How {name} makes its likelihoods is not known here ({model.config.model_type}): "
            "learn from its rationales without its soft labels (lambda 0)."
        )


def is_plain(model: PreTrainedModel) -> bool:
    """Whether a head is a single matrix, which can be kept without the rest of the model.

    Not so where an adapter lies beside it, or it is in 4 bits.
    """
    project = model.get_output_embeddings()
    return type(project) is torch.nn.Linear and project.weight.is_floating_point()


def keep_head(model: PreTrainedModel, vocabulary: int, file: Path) -> None:
    """Write a plain head, as far as it speaks of `vocabulary` tokens, to a file: whole or not.

    Raises WorkFailed when the disk is full.
    """
    project = model.get_output_embeddings()
    parts = {"weight": project.weight, "bias": project.bias}
    kept = {
        name: part.detach()[:vocabulary].cpu().contiguous()
        for name, part in parts.items()
        if part is not None
    }
    with whole_file(file) as partial:
        save_file(kept, partial, {"shaping": json.dumps(asdict(shaping(model)))})


def kept_shape(file: Path) -> Sequence[int]:
    """The shape of a kept head's matrix. Raises OSError or SafetensorError where there is none."""
    with safe_open(file, framework="pt") as opened:
        shape: list[int] = opened.get_slice("weight").get_shape()
        return shape


def kept_head(file: Path, tau: float, where: torch.device) -> MentorHead:
    """A head as it was kept, on a device. Raises OSError or SafetensorError for a damaged file."""
    with safe_open(file, framework="pt", device=str(where)) as opened:
        parts = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
        shaped = Shaping(**json.loads(opened.metadata()["shaping"]))
    weight, bias = parts["weight"], parts.get("bias")
    return MentorHead(lambda states: shaped.of(linear(states, weight, bias)), len(weight), tau)
