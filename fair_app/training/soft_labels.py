"""Soft labels: a student learns how likely its mentor finds every token, not only which one stands.

Mentor-KD (arXiv 2410.09037). Of a rationale's tokens the loss is
`(1 - lambda) * CE + lambda * factor * KL(mentor || student)`, both distributions softened by the
temperature tau. Feedback keeps its plain cross-entropy: a mentor was never taught to give any.
Pure functions on tensors; a divergence is in nats a token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from fair_app.training.packing import Example, Pack


class Targets(Protocol):
    """What a mentor says of the response tokens of some examples, one after another."""

    def divergence(self, logits: torch.Tensor, rows: slice) -> torch.Tensor:
        """KL(mentor || student) of the tokens in `rows` (n), with the student's n x V logits."""
        ...


class Source(Protocol):
    """Where soft labels are from."""

    def targets(self, examples: Sequence[Example]) -> Targets:
        """Those of the examples' responses."""
        ...


@dataclass(frozen=True)
class SoftLabels:
    """The soft labels of a run. `weight` is lambda, and `factor` stands beside it in the loss.

    `told` says in plain values whose they are and how they came about: it belongs to what decides
    how a run goes, and into its lineage.
    """

    weight: float
    factor: float
    source: Source
    told: dict[str, Any]

    def of(self, pack: Pack) -> "PackTargets | None":
        """Those of a pack's rationales; None where it has none."""
        rationales = [one for one in pack.examples if one.part == "rationale"]
        if not rationales:
            return None
        return PackTargets(
            self.source.targets(rationales),
            (~pack.is_feedback).nonzero().flatten(),
            1 - self.weight,
            self.weight * self.factor,
        )


@dataclass(frozen=True)
class PackTargets:
    """The targets of a pack's labels at `places` (on the processor, ascending).

    There the cross-entropy's weight is multiplied by `hard`, and the divergence has the weight of
    the label times `soft`.
    """

    targets: Targets
    places: torch.Tensor
    hard: float
    soft: float

    def hardened(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights of a pack's labels (L) in the cross-entropy."""
        scaled = weights.clone()
        scaled[self.places.to(weights.device)] *= self.hard
        return scaled

    def within(self, start: int, stop: int) -> tuple[slice, torch.Tensor]:
        """Which targets are of the labels from `start` to `stop`, and their places among those."""
        first, last = torch.searchsorted(self.places, torch.tensor([start, stop])).tolist()
        return slice(first, last), self.places[first:last] - start


def softened(logits: torch.Tensor, vocabulary: int, tau: float) -> torch.Tensor:
    """Log-probabilities of the first `vocabulary` tokens at a temperature, in float32 or better.

    Rows of logits may be wider: what is beyond the tokenizer's tokens is padding.
    """
    return torch.log_softmax(at_least_float32(logits[:, :vocabulary]) / tau, dim=-1)


def at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers in float32, or in what they are in where that has more bits."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def divergence(theirs: torch.Tensor, ours: torch.Tensor) -> torch.Tensor:
    """KL(theirs || ours) of n x V log-probabilities, a number a row."""
    return (theirs.exp() * (theirs - ours)).sum(dim=-1)


def truncated_divergence(
    ids: torch.Tensor | None, masses: torch.Tensor, ours: torch.Tensor
) -> torch.Tensor:
    """KL of what is known of a mentor: `masses` (n x k) of the tokens `ids`, and the mass left out;
    without `ids` they are those of all tokens.

    All tokens that are left out count as one: their mass P against the student's Q of them. By the
    log-sum inequality this is never more than the whole divergence D, and with n tokens left out
    whose softened student logits lie within a range R it is at least D - P * (log n + R). Its
    gradient by the softened logits differs from D's by at most 2 P in sum. (Proof of both:
    D - D' = P * sum of p/P * log((p/P) / (q/Q)) over the tokens left out, where log(p/P) <= 0 and
    log(Q/q) <= log n + R; and the gradient there is q - P * q/Q in place of q - p.)

    `ours` are n x V log-probabilities. Masses that rounding has brought to more than 1 in all are
    scaled to 1; where nothing is left out, always.
    """
    masses = at_least_float32(masses)
    total = masses.sum(dim=-1, keepdim=True)
    everything = masses.shape[-1] == ours.shape[-1]
    masses = masses / (total if everything else total.clamp(min=1))
    kept = ours if ids is None else ours.gather(-1, ids.long())
    inside = (torch.xlogy(masses, masses) - masses * kept).sum(dim=-1)
    if everything or ids is None:
        return inside
    rest = (1 - masses.sum(dim=-1)).clamp(min=0)
    ours_of_rest = ours.scatter(-1, ids.long(), -torch.inf).logsumexp(dim=-1)
    return inside + torch.xlogy(rest, rest) - rest * ours_of_rest


def smallest_enough(cumulative: torch.Tensor, share: float) -> int:
    """How many of the likeliest tokens are enough for a share of the mass.

    `cumulative` (V) is the mean mass of the 1, 2, … likeliest.
    """
    reached = (cumulative >= share).nonzero().flatten()
    return int(reached[0]) + 1 if len(reached) else len(cumulative)
