"""The dual loss: alpha * feedback + (1 - alpha) * rationale, over response tokens only.

arXiv 2410.03663, section 3. Each part is the mean cross-entropy over its response tokens in the
optimizer step; prompts never count, and there is no padding that could. With a mentor's soft labels
(see `soft_labels`) the rationale's cross-entropy has a divergence beside it.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.nn import Parameter
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from fair_app.student.base import never_cancelled
from fair_app.student.encoder_decoder import is_encoder_decoder
from fair_app.training import encoder_decoder
from fair_app.training.attention import is_packable, segmented
from fair_app.training.packing import Pack, StepBatch
from fair_app.training.processes import Processes
from fair_app.training.soft_labels import PackTargets, SoftLabels, at_least_float32

LABELS_PER_CHUNK = 256

Head = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class StepLoss:
    """The losses of one optimizer step. A part without tokens has no loss of its own.

    `feedback` and `rationale` are cross-entropies, `soft` is the divergence from a mentor on the
    rationales' tokens (without its factor), None without a mentor.
    """

    total: float
    feedback: float | None
    rationale: float | None
    soft: float | None = None

    def over(self, processes: Processes) -> "StepLoss":
        """The loss of the whole step, of which each process has computed a part."""
        own = (self.feedback, self.rationale, self.soft)
        total, *parts = processes.added_up([self.total, *(part or 0.0 for part in own)])
        # whether there are such tokens at all is the same in all processes
        known = (None if mine is None else sum for mine, sum in zip(own, parts, strict=True))
        return StepLoss(total, *known)


def step_loss(
    model: PreTrainedModel,
    batch: StepBatch,
    cancelled: Callable[[], None] = never_cancelled,
    *,
    learn: bool = True,
    soft: SoftLabels | None = None,
) -> StepLoss:
    """Compute the loss of a step, pass by pass, and add its gradient to the parameters'.

    With `soft` the rationales are learned with a mentor's soft labels. Without `learn` there is no
    gradient. Of several processes each has its own packs and gets its part of the loss (see
    `StepLoss.over`) and of the gradient.

    `model` is the language model; with an adapter, the base model that holds its layers. One that
    cannot be packed must be given one sequence a pass, one with an encoder such as share nothing.
    `cancelled` is called before each pass.
    """
    total, feedback, rationale, divergence = 0.0, 0.0, 0.0, 0.0
    with segmented(model) if is_packable(model) else nullcontext():
        for pack in batch.packs:
            cancelled()
            on_device = pack.to(model.device)
            targets = soft.of(pack) if soft else None
            learned = learn and pack.weighs
            with torch.set_grad_enabled(learned):
                loss, entropies, divergences = pack_loss(model, on_device, targets)
            if learned:
                loss.backward()
            total += loss.item()
            feedback += entropies[on_device.is_feedback].sum().item()
            rationale += entropies[~on_device.is_feedback].sum().item()
            divergence += divergences.sum().item()
    rationales = batch.rationale_tokens
    return StepLoss(
        total,
        feedback=feedback / batch.feedback_tokens if batch.feedback_tokens else None,
        rationale=rationale / rationales if rationales else None,
        soft=divergence / rationales if soft and rationales else None,
    )


class PackLoss(NamedTuple):
    """The weighted sum of a pack's losses (a scalar), and without a gradient what it consists of.

    `entropies` has the cross-entropy of every label (L), `divergences` that from the mentor, 0
    where there is none.
    """

    total: torch.Tensor
    entropies: torch.Tensor
    divergences: torch.Tensor


def pack_loss(model: PreTrainedModel, pack: Pack, targets: PackTargets | None = None) -> PackLoss:
    """The loss of a pack, whose rationales have soft labels where there are `targets`.

    The head sees the hidden states at label positions only: most of the memory of a full forward
    pass would be logits that nothing is learned from.
    """
    states = label_states(model, pack)
    trained = head_weights(model) if torch.is_grad_enabled() else []
    return weighted_loss(states, head(model), pack.labels, pack.weights, trained, targets)


def label_states(model: PreTrainedModel, pack: Pack) -> torch.Tensor:
    """The hidden states that predict a pack's labels (L x hidden), as the head takes them."""
    if is_encoder_decoder(model):
        return encoder_decoder.label_states(model, pack)
    apart = {"segments": pack.segments} if is_packable(model) else {}
    hidden: torch.Tensor = model.get_decoder()(
        input_ids=pack.tokens, position_ids=pack.positions, use_cache=False, **apart
    ).last_hidden_state
    return hidden[0, pack.sources]


def head_weights(model: PreTrainedModel) -> list[Parameter]:
    """The head's weights that are trained: all with full fine-tuning, with an adapter mostly none.

    They may be those of the embedding, too.
    """
    return [weight for weight in model.get_output_embeddings().parameters() if weight.requires_grad]


@dataclass(frozen=True)
class Shaping:
    """What a model does to the logits of its head: a factor, and a cap on their size."""

    scale: float = 1.0
    cap: float | None = None

    def of(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits as the model gives them."""
        if self.scale != 1.0:
            logits = logits * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def shaping(model: PreTrainedModel) -> Shaping:
    """Scaled as Cohere and Granite models do, capped as Gemma models do."""
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    return Shaping(scale, getattr(config, "final_logit_softcapping", None))


def head(model: PreTrainedModel) -> Head:
    """Hidden states to logits."""
    project, shaped = model.get_output_embeddings(), shaping(model)
    return lambda hidden: shaped.of(project(hidden))


def weighted_loss(
    hidden: torch.Tensor,
    head: Head,
    labels: torch.Tensor,
    weights: torch.Tensor,
    trained: Sequence[Parameter] = (),
    targets: PackTargets | None = None,
) -> PackLoss:
    """Sum of `weights` (L) times the cross-entropy of `labels` (L) under `head(hidden)`; and each.

    Where a label has a soft one among the `targets`, its weight is divided between the two.
    `hidden` is L x hidden size. The logits exist for a few labels at a time and in float32 (in
    float64 where the model computes in that), and their gradient, by the hidden states and by the
    `trained` weights of the head, is taken in the same pass.
    """
    return PackLoss(*_ChunkedLoss.apply(hidden, head, labels, weights, targets, *trained))


class _ChunkedLoss(torch.autograd.Function):
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
        targets: PackTargets | None,
        *trained: Parameter,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        by_hidden, by_trained = ctx.needs_input_grad[0], any(ctx.needs_input_grad[5:])
        gradient = torch.empty_like(hidden) if by_hidden else None
        # a sum over many chunks, which bfloat16 would not hold
        sums = [torch.zeros_like(one, dtype=torch.float32) for one in trained if by_trained]
        entropies, divergences = torch.empty_like(weights), torch.zeros_like(weights)
        hard = targets.hardened(weights) if targets else weights
        for start in range(0, len(labels), LABELS_PER_CHUNK):
            chunk = slice(start, start + LABELS_PER_CHUNK)
            with torch.set_grad_enabled(by_hidden or by_trained):
                states = hidden[chunk].detach().requires_grad_(by_hidden)
                logits = at_least_float32(head(states))
                entropy = cross_entropy(logits, labels[chunk], reduction="none")
                losses, shares = [entropy], [hard[chunk]]
                if targets is not None:
                    rows, places = targets.within(start, start + len(states))
                    if len(places):
                        places = places.to(hidden.device)
                        losses.append(targets.targets.divergence(logits[places], rows))
                        shares.append(targets.soft * weights[chunk][places])
                        divergences[start + places] = losses[1].detach().to(weights.dtype)
                wanted = [*([states] if by_hidden else []), *(trained if by_trained else ())]
                if wanted:
                    by_losses = [share.to(logits.dtype) for share in shares]
                    found = list(torch.autograd.grad(losses, wanted, by_losses))
                    if gradient is not None:
                        gradient[chunk] = found.pop(0)
                    for place, part in enumerate(found):
                        sums[place] += part
            entropies[chunk] = entropy.detach()
        ctx.by_hidden = by_hidden
        ctx.save_for_backward(*([gradient] if by_hidden else []), *sums)
        ctx.mark_non_differentiable(entropies, divergences)
        total = (hard * entropies).sum()
        if targets is not None:
            total = total + targets.soft * (weights * divergences).sum()
        return total, entropies, divergences

    @staticmethod
    def backward(ctx: Any, by_loss: torch.Tensor, *_: torch.Tensor) -> tuple[Any, ...]:
        found = [gradient * by_loss.to(gradient.dtype) for gradient in ctx.saved_tensors]
        by_hidden = found.pop(0) if ctx.by_hidden else None
        return by_hidden, None, None, None, None, *found
