"""AdamW on float32 weights for a student that computes in another dtype, and its learning rates."""

import math
from collections.abc import Callable, Mapping

import torch
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_

from fair_app.training.processes import Processes
from fair_app.training.settings import TrainingSettings

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class MasterAdamW:
    """AdamW on float32 copies (masters) of a model's trainable parameters.

    The model may compute in bfloat16, whose 8 bits would swallow the small updates of a decayed
    learning rate. The gradients of a step's passes add up in float32, too.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._trained = {
            name: parameter
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
        self._masters = {
            name: Parameter(parameter.detach().float().clone())
            for name, parameter in self._trained.items()
        }
        for name, parameter in self._trained.items():
            parameter.register_post_accumulate_grad_hook(_collector(self._masters[name]))
        self._adam = torch.optim.AdamW(self._masters.values(), weight_decay=0.0)
        for master in self._masters.values():  # memory that is missing is missed at once
            self._adam.state[master] = {
                "step": torch.tensor(0.0),
                "exp_avg": torch.zeros_like(master),
                "exp_avg_sq": torch.zeros_like(master),
            }

    def step(self, learning_rate: float, max_gradient_norm: float) -> float:
        """Clip, update, clear the gradients; return the gradient's norm before clipping.

        Nothing is updated when that norm is not finite.
        """
        for group in self._adam.param_groups:
            group["lr"] = learning_rate
        norm = clip_grad_norm_(self._masters.values(), max_gradient_norm)
        if norm.isfinite():
            self._adam.step()
            self._to_model()
        self._adam.zero_grad()
        return norm.item()

    def gradients(self) -> list[torch.Tensor]:
        """The gradient of every weight, in float32; zero where nothing was learned."""
        for master in self._masters.values():
            if master.grad is None:
                master.grad = torch.zeros_like(master)
        return [master.grad for master in self._masters.values() if master.grad is not None]

    def forget_gradients(self) -> None:
        """Clear what passes have added so far, to begin the step again."""
        for name, parameter in self._trained.items():
            parameter.grad = None
            self._masters[name].grad = None

    def use(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Put float32 weights in place of the present ones. KeyError: of another student."""
        for name, master in self._masters.items():
            master.data.copy_(weights[name])
        self._to_model()

    def weights(self) -> dict[str, torch.Tensor]:
        """The float32 weights by parameter name."""
        return {name: master.detach() for name, master in self._masters.items()}

    def state(self) -> dict[str, torch.Tensor]:
        """Weights and moments as flat names to tensors."""
        tensors = {f"weight/{name}": weight for name, weight in self.weights().items()}
        for name, master in self._masters.items():
            for moment, value in self._adam.state[master].items():
                tensors[f"{moment}/{name}"] = value
        return tensors

    def load(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over what `state` gave. KeyError: of another student."""
        for name, master in self._masters.items():
            master.data.copy_(tensors[f"weight/{name}"])
            self._adam.state[master] = {
                # AdamW keeps its step count on the processor
                moment: tensors[f"{moment}/{name}"].to("cpu" if moment == "step" else master.device)
                for moment in MOMENTS
            }
        self._to_model()

    def synchronise(self, processes: Processes) -> None:
        """Take over the first process's weights and moments."""
        steps = [self._adam.state[master]["step"] for master in self._masters.values()]
        count = float(processes.from_first(str(steps[0].item()).encode()))
        for step in steps:
            step.fill_(count)
        processes.share(
            [
                tensor
                for master in self._masters.values()
                for tensor in (master.data, *(self._adam.state[master][one] for one in MOMENTS[1:]))
            ]
        )
        self._to_model()

    def _to_model(self) -> None:
        for name, parameter in self._trained.items():
            parameter.data.copy_(self._masters[name])


def _collector(master: Parameter) -> Callable[[torch.Tensor], None]:
    """A hook that moves a parameter's gradient to its master and frees it."""

    def collect(parameter: torch.Tensor) -> None:
        assert parameter.grad is not None
        gradient = parameter.grad.float()
        master.grad = gradient if master.grad is None else master.grad.add_(gradient)
        parameter.grad = None

    return collect


def learning_rate_at(step: int, total: int, settings: TrainingSettings) -> float:
    """The learning rate of a step, counted from 0.

    But for "constant", it rises over the first steps (the share that `warmup` says). "linear" falls
    to nothing after the last step, "cosine" along half a wave; "constant_with_warmup" stays.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    left = {
        "linear": (total - step) / total,
        "cosine": 0.5 * (1 + math.cos(math.pi * step / total)),
        "constant_with_warmup": 1.0,
    }[settings.schedule]
    warmup = max(1, int(total * settings.warmup))
    return settings.learning_rate * min((step + 1) / warmup, left)
