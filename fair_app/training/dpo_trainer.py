"""TRL's DPO trainer on rows that are tokenised already, in passes that memory allows.

A step's loss is the mean over its preferences. A pass that does not fit is computed in smaller
ones, each weighted by its share of the preferences: the loss and its gradient stay the same.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import DPOTrainer

from fair_app.errors import WorkFailed
from fair_app.training.dpo_state import PreferenceRoom, PreferenceStep, tighter
from fair_app.training.limits import within_memory

Inputs = dict[str, torch.Tensor]


class PassTrainer(DPOTrainer):
    """TRL's trainer in passes of `room`; `say` is told when they become smaller."""

    def __init__(
        self, *, room: PreferenceRoom, limit_gb: float, say: Callable[[str], None], **given: Any
    ) -> None:
        self.room = room
        self._limit_gb, self._say = limit_gb, say
        self._share = 1.0
        super().__init__(**given)

    def training_step(
        self, model: torch.nn.Module, inputs: Inputs, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Add the gradient of one pass, or of the smaller ones that fit; its loss."""
        trained = [one for one in model.parameters() if one.requires_grad]
        earlier = [one.grad for one in trained]
        told = self._told()

        def clear() -> None:
            for parameter in trained:
                parameter.grad = None
            for name, values in self._metrics["train"].items():
                del values[told.get(name, 0) :]

        def tighten() -> bool:
            clear()
            room = tighter(self.room)
            if room is None:
                return False
            if room.checkpointing and not self.room.checkpointing:
                model.get_base_model().activation_checkpointing_enable()
            self.room = room
            twice = ", activations computed twice" if room.checkpointing else ""
            self._say(
                f"out of memory: tried again with {room.preferences} at a time{twice}; a step has "
                "the same preferences still, and the same loss"
            )
            return True

        clear()
        loss = within_memory(
            self._limit_gb, lambda: self._in_passes(model, inputs, num_items_in_batch), tighten
        )
        for parameter, gradient in zip(trained, earlier, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else gradient + parameter.grad
        return loss

    def compute_loss(self, *given: Any, **named: Any) -> Any:
        """TRL's loss, weighted by the share of the preferences that it is of."""
        return self._share * super().compute_loss(*given, **named)

    def _in_passes(self, model: torch.nn.Module, inputs: Inputs, items: Any) -> torch.Tensor:
        parts, told = divided(inputs, self.room.preferences), self._told()
        losses = []
        for self._share, part in parts:
            losses.append(super().training_step(model, part, items))
        if len(parts) > 1:  # TRL takes the mean over what it was told of each pass
            for name, values in self._metrics["train"].items():
                found = values[told.get(name, 0) :]
                if len(found) == len(parts):
                    mean = sum(share * one for (share, _), one in zip(parts, found, strict=True))
                    values[told.get(name, 0) :] = [mean]
        return torch.stack(losses).sum()

    def _told(self) -> dict[str, int]:
        return {name: len(values) for name, values in self._metrics["train"].items()}

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _send_telemetry(self) -> None:
        """Nothing is told to anybody."""


def divided(inputs: Inputs, preferences: int) -> list[tuple[float, Inputs]]:
    """A pass as passes of so many preferences, each with its share of all; padding is cut off.

    The rows of a pass are all chosen texts, then all rejected ones.
    """
    count = len(inputs["input_ids"]) // 2
    if count <= preferences:
        return [(1.0, inputs)]
    parts = []
    for start in range(0, count, preferences):
        own = list(range(start, min(start + preferences, count)))
        rows = own + [count + one for one in own]
        width = int(inputs["attention_mask"][rows].sum(dim=1).max())
        part = {name: tensor[rows, :width] for name, tensor in inputs.items()}
        parts.append((len(own) / count, part))
    return parts


class Diverged(WorkFailed):
    """The loss is no longer a number. Weights of `good` steps, or fewer, still gave one that is."""

    def __init__(self, sentence: str, good: int) -> None:
        super().__init__(sentence)
        self.good = good


class Watching(TrainerCallback):
    """Hears of every step: `took` gets its number (from 1), the step, its seconds and its rate.

    `done` steps were taken before. `cancelled` is called after every pass.
    """

    def __init__(
        self,
        done: int,
        took: Callable[[int, PreferenceStep, float, float], None],
        cancelled: Callable[[], None],
    ) -> None:
        self._done, self._took, self._cancelled = done, took, cancelled
        self._began = time.monotonic()

    def on_substep_end(self, *_: Any, **__: Any) -> None:
        """A pass that did not end its step is over."""
        self._cancelled()

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        """A step is over. Raises Diverged when its loss is no number."""
        if not logs or "rewards/margins" not in logs:
            return  # the trainer's last words
        step = PreferenceStep(logs["loss"], logs["rewards/margins"], logs["rewards/accuracies"])
        number = self._done + 1
        if not (math.isfinite(step.loss) and math.isfinite(logs.get("grad_norm", 0.0))):
            raise Diverged(
                f"The loss is no longer a number in step {number}: prefer with a lower learning "
                "rate or a higher beta.",
                good=number - 1 if math.isfinite(step.loss) else number - 2,
            )
        now = time.monotonic()
        seconds, self._began = now - self._began, now
        self._done = number
        self._took(number, step, seconds, logs["learning_rate"])
        self._cancelled()
