"""Soft labels of which the likeliest tokens are stored, with their masses. Imports torch.

Where a mentor is sure of what comes next, or at a low temperature, they take less than its hidden
states do. What is left out counts as one token (see `soft_labels.truncated_divergence`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch

from fair_app.student.base import never_cancelled
from fair_app.training.mentor_model import Mentor
from fair_app.training.packing import Example
from fair_app.training.soft_labels import (
    Targets,
    smallest_enough,
    softened,
    truncated_divergence,
)
from fair_app.training.soft_store import Store, Tensors

ENOUGH = 0.99
"""The share of the mentor's mass that the stored tokens are to have on average."""
SAMPLED = 2048
"""Response tokens, of texts drawn at random, by which it is found out how many are enough."""
MASS_BYTES = 2


@dataclass(frozen=True)
class Kept:
    """How many tokens are stored of each, and the mean mass that they have in the sample."""

    count: int
    mass: float


def enough(
    mentor: Mentor,
    examples: Sequence[Example],
    seed: int,
    tokens_per_pass: int,
    cancelled: Callable[[], None] = never_cancelled,
) -> Kept:
    """How many of the likeliest tokens have `ENOUGH` of the mass."""
    sampled, tokens = [], 0
    for one in Random(f"soft labels {seed}").sample(list(examples), len(examples)):
        sampled.append(one)
        tokens += one.response_length
        if tokens >= SAMPLED:
            break
    vocabulary = mentor.head.vocabulary
    total = torch.zeros(vocabulary, dtype=torch.float64)
    for few in mentor.chunks(sampled, tokens_per_pass, cancelled):
        ordered = few.exp().sort(dim=-1, descending=True).values
        total += ordered.sum(dim=0).cpu().double()
    cumulative = total.cumsum(0) / max(1, tokens)
    count = kept_of(smallest_enough(cumulative, ENOUGH), vocabulary)
    return Kept(count, float(cumulative[count - 1]))


def kept_of(wanted: int, vocabulary: int) -> int:
    """How many tokens are stored of each place, where so many are wanted.

    All of the vocabulary needs no numbers beside the masses: it may take less than a part of it.
    """
    whole = top_k_bytes(1, vocabulary, vocabulary)
    return vocabulary if whole <= top_k_bytes(1, wanted, vocabulary) else wanted


def top_k_bytes(tokens: int, kept: int, vocabulary: int) -> int:
    """What the likeliest tokens of so many response tokens take on disk, with their masses."""
    number = 0 if kept == vocabulary else _number_type(vocabulary).itemsize
    return tokens * kept * (MASS_BYTES + number)


class TopKStore(Store):
    """The masses of the `kept` likeliest tokens of each place in float16, with their numbers."""

    def __init__(
        self, folder: Path, examples: Sequence[Example], kept: int, vocabulary: int, tau: float
    ) -> None:
        names = ("masses",) if kept == vocabulary else ("ids", "masses")
        each = top_k_bytes(1, kept, vocabulary)
        super().__init__(folder, examples, dict.fromkeys(names, kept), each)
        self._kept, self._vocabulary, self._tau = kept, vocabulary, tau

    def _of(
        self,
        mentor: Mentor,
        examples: Sequence[Example],
        tokens_per_pass: int,
        cancelled: Callable[[], None],
    ) -> Iterator[Tensors]:
        for few in mentor.chunks(examples, tokens_per_pass, cancelled):
            if self._kept == self._vocabulary:
                yield {"masses": few.exp().half().cpu()}
                continue
            top = few.topk(self._kept, dim=-1)
            yield {
                "ids": top.indices.cpu().to(_number_type(self._vocabulary)),
                "masses": top.values.exp().half().cpu(),
            }

    def _as_targets(self, rows: Tensors) -> Targets:
        ids = rows["ids"].to(torch.int32) if "ids" in rows else None
        return Truncated(ids, rows["masses"], self._vocabulary, self._tau)


@dataclass(frozen=True)
class Truncated:
    """Stored soft labels: of each response token the likeliest `ids` and their `masses` (n x k);
    without `ids` the masses of all tokens (n x V)."""

    ids: torch.Tensor | None
    masses: torch.Tensor
    vocabulary: int
    tau: float

    def divergence(self, logits: torch.Tensor, rows: slice) -> torch.Tensor:
        """What is known of KL(mentor || student) of the tokens in `rows`.

        Beside what `truncated_divergence` says of the masses that are left out, float16 rounds a
        mass by one part in 2,048 at most (one under 6e-5 by 3e-8).
        """
        masses = self.masses[rows].to(logits.device)
        ids = None if self.ids is None else self.ids[rows].to(logits.device)
        return truncated_divergence(ids, masses, softened(logits, self.vocabulary, self.tau))


def _number_type(vocabulary: int) -> torch.dtype:
    return torch.uint16 if vocabulary <= 2**16 else torch.int32
