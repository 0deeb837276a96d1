"""The dual loss: alpha * feedback + (1 - alpha) * rationale, over response tokens only.

arXiv 2410.03663, section 3. Each part is the mean cross-entropy over its response tokens in the
optimizer step; prompts never count, and there is no padding that could.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import Parameter
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from fair_app.student.base import never_cancelled
from fair_app.training.attention import is_packable, segmented
from fair_app.training.packing import Pack, StepBatch
from fair_app.training.processes import Processes

LABELS_PER_CHUNK = 256

Head = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class StepLoss:
    """The losses of one optimizer step. A part without tokens has no loss of its own."""

    total: float
    feedback: float | None
    rationale: float | None

    def over(self, processes: Processes) -> "StepLoss":
        """The loss of the whole step, of which each process has computed a part."""
        total, feedback, rationale = processes.added_up(
            [self.total, self.feedback or 0.0, self.rationale or 0.0]
        )
        # whether there are such tokens at all is the same in all processes
        return StepLoss(
            total,
            None if self.feedback is None else feedback,
            None if self.rationale is None else rationale,
        )


def step_loss(
    model: PreTrainedModel,
    batch: StepBatch,
    cancelled: Callable[[], None] = never_cancelled,
    *,
    learn: bool = True,
) -> StepLoss:
    """Compute the loss of a step, pass by pass, and add its gradient to the parameters'.

    Without `learn` there is no gradient. Of several processes each has its own packs and gets its
    part of the loss (see `StepLoss.over`) and of the gradient.

    `model` is a causal language model; with an adapter, the base model that holds its layers.
    One that cannot be packed must be given one sequence a pass. `cancelled` is called before each.
    """
    total, feedback, rationale = 0.0, 0.0, 0.0
    with segmented(model) if is_packable(model) else nullcontext():
        for pack in batch.packs:
            cancelled()
            on_device = pack.to(model.device)
            learned = learn and bool(pack.weights.any())
            with torch.set_grad_enabled(learned):
                loss, entropies = pack_loss(model, on_device)
            if learned:
                loss.backward()
            total += loss.item()
            feedback += entropies[on_device.is_feedback].sum().item()
            rationale += entropies[~on_device.is_feedback].sum().item()
    return StepLoss(
        total,
        feedback=feedback / batch.feedback_tokens if batch.feedback_tokens else None,
        rationale=rationale / batch.rationale_tokens if batch.rationale_tokens else None,
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
    trained = head_weights(model) if torch.is_grad_enabled() else []
    return weighted_cross_entropy(
        hidden[0, pack.sources], head(model), pack.labels, pack.weights, trained
    )


def head_weights(model: PreTrainedModel) -> list[Parameter]:
    """The head's weights that are trained: all with full fine-tuning, with an adapter mostly none.

    They may be those of the embedding, too.
    """
    return [weight for weight in model.get_output_embeddings().parameters() if weight.requires_grad]


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
    hidden: torch.Tensor,
    head: Head,
    labels: torch.Tensor,
    weights: torch.Tensor,
    trained: Sequence[Parameter] = (),
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of `weights` (L) times the cross-entropy of `labels` (L) under `head(hidden)`; and each.

    `hidden` is L x hidden size. The logits exist for a few labels at a time and in float32, and
    their gradient, by the hidden states and by the `trained` weights of the head, is taken in the
    same pass.
    """
    loss, entropies = _ChunkedCrossEntropy.apply(hidden, head, labels, weights, *trained)
    return loss, entropies


class _ChunkedCrossEntropy(torch.autograd.Function):
    """The gradient, computed chunk by chunk in the forward pass.

    The order of work is that of Liger's fused linear cross-entropy (arXiv 2410.10989, section 3.2).
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        head: Head,
        labels: torch.Tensor,
        weights: torch.Tensor,
        *trained: Parameter,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        by_hidden, by_trained = ctx.needs_input_grad[0], any(ctx.needs_input_grad[4:])
        gradient = torch.empty_like(hidden) if by_hidden else None
        # a sum over many chunks, which bfloat16 would not hold
        sums = [torch.zeros_like(one, dtype=torch.float32) for one in trained if by_trained]
        entropies = torch.empty_like(weights)
        for start in range(0, len(labels), LABELS_PER_CHUNK):
            chunk = slice(start, start + LABELS_PER_CHUNK)
            with torch.set_grad_enabled(by_hidden or by_trained):
                states = hidden[chunk].detach().requires_grad_(by_hidden)
                losses = cross_entropy(head(states).float(), labels[chunk], reduction="none")
                wanted = [*([states] if by_hidden else []), *(trained if by_trained else ())]
                if wanted:
                    found = list(torch.autograd.grad(losses, wanted, weights[chunk]))
                    if gradient is not None:
                        gradient[chunk] = found.pop(0)
                    for place, part in enumerate(found):
                        sums[place] += part
            entropies[chunk] = losses.detach()
        ctx.by_hidden = by_hidden
        ctx.save_for_backward(*([gradient] if by_hidden else []), *sums)
        ctx.mark_non_differentiable(entropies)
        return (weights * entropies).sum(), entropies

    @staticmethod
    def backward(ctx: Any, by_loss: torch.Tensor, _: torch.Tensor) -> tuple[Any, ...]:
        found = [gradient * by_loss.to(gradient.dtype) for gradient in ctx.saved_tensors]
        by_hidden = found.pop(0) if ctx.by_hidden else None
        return by_hidden, None, None, None, *found
