"""AdamW on float32 weights for an adapter that computes in the model's dtype."""

from collections.abc import Callable, Mapping

import torch
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_

from fair_app.training.settings import TrainingSettings

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class AdapterOptimizer:
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
        """Take over what `state` gave, after at least one step. KeyError: of another adapter."""
        for name, master in self._masters.items():
            master.data.copy_(tensors[f"weight/{name}"])
            self._adam.state[master] = {
                # AdamW keeps its step count on the processor
                moment: tensors[f"{moment}/{name}"].to("cpu" if moment == "step" else master.device)
                for moment in MOMENTS
            }
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

    "linear" rises over the first twentieth of the steps and falls to nothing after the last one;
    "constant" stays.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup = max(1, total // 20)
    return settings.learning_rate * min((step + 1) / warmup, (total - step) / total)
