"""How much of a step is computed at once: found before the first, less when memory runs out.

The estimate comes first. Where it is near what is free, it is tried with the fullest pass that the
run can have: what does not fit is seen before the first step and not in its last epoch. Estimates
are of models like Llama; where another needs less, its passes are smaller than they could be.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
from transformers import PreTrainedModel

from fair_app.student.check import GB, size, this_machine
from fair_app.training.limits import memory_free, within_memory
from fair_app.training.loss import step_loss
from fair_app.training.memory import (
    MOST_ON_A_GPU,
    MOST_ON_A_PROCESSOR,
    Room,
    first_room,
    pass_need,
    tighter,
)
from fair_app.training.optimizer import MasterAdamW
from fair_app.training.packing import StepBatch
from fair_app.training.processes import Processes
from fair_app.training.settings import TrainingSettings
from fair_app.training.soft_labels import SoftLabels

GRADIENT_BYTES = 4
SURELY = 2.0
"""How many times an estimate must be free for a pass to fit without being tried."""
Result = TypeVar("Result")


class Passes:
    """The room of a run's passes on this machine. It changes no loss.

    Where the weights are divided, a pass is one of all processes: nothing is tried, or tried again,
    by one of them alone. Passes are then as small as surely fit the process with the least memory.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        optimizer: MasterAdamW,
        settings: TrainingSettings,
        processes: Processes,
        say: Callable[[str], None],
        soft: SoftLabels | None = None,
    ) -> None:
        self._model, self._optimizer, self._settings = model, optimizer, settings
        self._processes, self._say, self._soft = processes, say, soft
        self._limit_gb = settings.memory_gb or this_machine().memory_bytes / GB
        self.room = Room(settings.tokens_per_pass or 0, settings.checkpointing)

    def use(self, room: Room) -> None:
        """Compute in this room from now on."""
        self.room = room
        if room.checkpointing:
            self._model.activation_checkpointing_enable()

    def find(self, fullest: Callable[[Room], StepBatch], cancelled: Callable[[], None]) -> None:
        """Find how many tokens a pass may hold, unless the settings say it.

        `fullest` gives the fullest pass of the run. Raises WorkFailed when nothing fits.
        """
        if self._settings.tokens_per_pass is not None:
            return
        config = self._model.config.get_text_config()
        hidden, layers, vocabulary = (
            int(getattr(config, name, 0))
            for name in ("hidden_size", "num_hidden_layers", "vocab_size")
        )
        need = partial(pass_need, hidden, layers, vocabulary)
        gradients = GRADIENT_BYTES * sum(one.numel() for one in self._optimizer.weights().values())
        free = memory_free(self._settings.memory_gb, self._processes.size) - gradients
        most = MOST_ON_A_GPU if torch.cuda.is_available() else MOST_ON_A_PROCESSOR
        sharded = self._processes.sharding is not None
        if sharded:
            free = -self._processes.most([-free])[0]
        surely = free / SURELY if sharded else free
        self.use(first_room(surely, need, most, self._settings.checkpointing))
        # else the trial alone decides
        is_known = hidden and layers and vocabulary and self._soft is None
        if sharded or (is_known and SURELY * need(self.room) <= free):
            self._say(self._found(need(self.room), free))
            return

        def attempt(room: Room) -> int:
            batch = fullest(room)
            step_loss(self._model, batch, cancelled, soft=self._soft)
            return batch.tokens

        tried = self.within_memory(attempt)
        self._optimizer.forget_gradients()
        self._say(f"{self._found(need(self.room), free)}; tried with {tried}")

    def _found(self, need: float, free: float) -> str:
        return (
            f"passes of up to {self.room.tokens_per_pass} tokens{_twice(self.room)}: about "
            f"{size(need)} of the {size(free)} that are free"
        )

    def within_memory(self, attempt: Callable[[Room], Result]) -> Result:
        """Try in the present room, and in ever tighter ones while memory runs out.

        Raises WorkFailed when there is none left.
        """
        return within_memory(self._limit_gb, lambda: attempt(self.room), self._tighten)

    def _tighten(self) -> bool:
        self._optimizer.forget_gradients()
        room = None if self._processes.sharding else tighter(self.room)
        if room is None:
            return False
        self.use(room)
        self._say(
            f"out of memory: tried again with {room.tokens_per_pass} tokens a pass{_twice(room)}; "
            f"a step has its {self._settings.batch_size} questions still, and the same loss"
        )
        return True


def _twice(room: Room) -> str:
    return ", activations computed twice" if room.checkpointing else ""
