"""Weights laid out for a processor's bfloat16 products. Imports torch.

torch's own product copies a weight into blocks at every call, which for the few rows of a decoding
step takes up to as long as the product itself. Here that is done once.
"""

import torch
from torch import nn
from transformers import PreTrainedModel


class PackedLinear(nn.Module):
    """A linear layer whose weight is kept in oneDNN's blocks, and nowhere else."""

    def __init__(self, linear: nn.Linear, rows: int) -> None:
        super().__init__()
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), rows)
        # For code that asks for shape or dtype. No parameter: those say where a model is.
        self.weight = linear.weight.detach().to("meta")
        self.bias = linear.bias

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """The product with the weight, and the bias."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            hidden, self._packed, self.bias, "none", [], ""
        )
        return product


def pack_weights(model: PreTrainedModel, rows: int) -> None:
    """Pack the linear layers of a bfloat16 model on a processor, for batches of so many rows.

    The model is for answering only after that. Others, and layers of other kinds (4 bits, adapters
    that are not merged), stay as they are.
    """
    if model.device.type != "cpu" or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return
    for module in list(model.modules()):
        for name, layer in module.named_children():
            if type(layer) is nn.Linear and layer.weight.dtype == torch.bfloat16:
                setattr(module, name, PackedLinear(layer, rows))
