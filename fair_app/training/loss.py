"""The dual loss: alpha * feedback + (1 - alpha) * rationale, over response tokens only.

arXiv 2410.03663, section 3. Each part is the mean cross-entropy over its response tokens in the
optimizer step; prompts never count, and there is no padding that could.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from fair_app.student.base import never_cancelled
from fair_app.training.attention import is_packable, segmented
from fair_app.training.packing import Pack, StepBatch

LABELS_PER_CHUNK = 256

Head = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class StepLoss:
    """The losses of one optimizer step. A part without tokens has no loss of its own."""

    total: float
    feedback: float | None
    rationale: float | None


def step_loss(
    model: PreTrainedModel, batch: StepBatch, cancelled: Callable[[], None] = never_cancelled
) -> StepLoss:
    """Compute the loss of a step, pass by pass, and add its gradient to the parameters'.

    `model` is a causal language model; with LoRA, the base model that holds the adapter's layers.
    One that cannot be packed must be given one sequence a pass. `cancelled` is called before each.
    """
    total = 0.0
    sums = {True: 0.0, False: 0.0}
    with segmented(model) if is_packable(model) else nullcontext():
        for pack in batch.packs:
            cancelled()
            on_device = pack.to(model.device)
            learned = bool(pack.weights.any())
            with torch.set_grad_enabled(learned):
                loss, entropies = pack_loss(model, on_device)
            if learned:
                loss.backward()
            total += loss.item()
            for feedback in sums:
                sums[feedback] += entropies[on_device.is_feedback == feedback].sum().item()
    return StepLoss(
        total,
        feedback=sums[True] / batch.feedback_tokens if batch.feedback_tokens else None,
        rationale=sums[False] / batch.rationale_tokens if batch.rationale_tokens else None,
    )


def pack_loss(model: PreTrainedModel, pack: Pack) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted sum of a pack's cross-entropies (a scalar), and each of them (L, no gradient).

    The head sees the hidden states at label positions only: most of the memory of a full forward
    pass would be logits that nothing is learned from.
    """
    apart = {"segments": pack.segments} if is_packable(model) else {}
    hidden = model.get_decoder()(
        input_ids=pack.tokens, position_ids=pack.positions, use_cache=False, **apart
    ).last_hidden_state
    return weighted_cross_entropy(hidden[0, pack.sources], head(model), pack.labels, pack.weights)


def head(model: PreTrainedModel) -> Head:
    """Hidden states to logits, scaled or capped as Cohere, Granite and Gemma models do."""
    project = model.get_output_embeddings()
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    cap = getattr(config, "final_logit_softcapping", None)

    def logits(hidden: torch.Tensor) -> torch.Tensor:
        projected = project(hidden)
        if scale != 1.0:
            projected = projected * scale
        return projected if cap is None else cap * torch.tanh(projected / cap)

    return logits


def weighted_cross_entropy(
    hidden: torch.Tensor, head: Head, labels: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of `weights` (L) times the cross-entropy of `labels` (L) under `head(hidden)`; and each.

    `hidden` is L x hidden size. The logits exist for a few labels at a time and in float32, and
    their gradient is taken in the same pass, since the head itself is not trained.
    """
    loss, entropies = _ChunkedCrossEntropy.apply(hidden, head, labels, weights)
    return loss, entropies


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The gradient by the hidden states, computed chunk by chunk in the forward pass.

    The order of work is that of Liger's fused linear cross-entropy (arXiv 2410.10989, section 3.2).
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: Head, labels: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        wanted = ctx.needs_input_grad[0]
        gradient = torch.empty_like(hidden) if wanted else None
        entropies = torch.empty_like(weights)
        for start in range(0, len(labels), LABELS_PER_CHUNK):
            chunk = slice(start, start + LABELS_PER_CHUNK)
            with torch.set_grad_enabled(wanted):
                states = hidden[chunk].detach().requires_grad_(wanted)
                losses = cross_entropy(head(states).float(), labels[chunk], reduction="none")
                if gradient is not None:
                    (gradient[chunk],) = torch.autograd.grad(losses, states, weights[chunk])
            entropies[chunk] = losses.detach()
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(entropies)
        return (weights * entropies).sum(), entropies

    @staticmethod
    def backward(ctx: Any, by_loss: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * by_loss.to(gradient.dtype), None, None, None
