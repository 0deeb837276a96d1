"""Attention within each of several sequences that lie one after another in one row.

Sequences packed without padding must not see each other. Registering an attention function is
transformers' own way to replace the attention of any model that supports it (its documentation:
"Attention Interface").
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from fair_app.training.packing import Segment

SEGMENTED = "segmented_sdpa"
PACKABLE_LAYERS = {"full_attention", "sliding_attention"}


def segmented_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Sequence[Segment],
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment and to the one that it follows.

    The signature is that of transformers' attention interface. `query` is 1 x heads x tokens x head
    size, `key` and `value` the same with their own number of heads. Returns 1 x tokens x heads x
    head size.
    """
    lengths = [segment.length for segment in segments]
    # `split` and no slices: the backward pass of a slice fills a tensor of the whole row
    queries, keys, values = (tensor.split(lengths, dim=2) for tensor in (query, key, value))
    outputs = []
    for index, segment in enumerate(segments):
        own_keys, own_values = keys[index], values[index]
        if segment.after is not None:
            own_keys = torch.cat([keys[segment.after], own_keys], dim=2)
            own_values = torch.cat([values[segment.after], own_values], dim=2)
        mask = _mask(segment, sliding_window, query.device)
        output = scaled_dot_product_attention(
            queries[index],
            own_keys,
            own_values,
            attn_mask=mask,
            is_causal=mask is None,
            dropout_p=dropout,
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        outputs.append(output.transpose(1, 2))
    return torch.cat(outputs, dim=1), None


@lru_cache(maxsize=512)
def _mask(
    segment: Segment, sliding_window: int | None, device: torch.device
) -> torch.Tensor | None:
    """Which tokens of its sequence each one of a segment sees; None where that is causal."""
    end = segment.start + segment.length
    window = sliding_window or end
    if segment.start == 0 and window >= end:
        return None
    position = torch.arange(end, device=device)
    distance = position[segment.start :, None] - position[None, :]
    return (distance >= 0) & (distance < window)


ALL_ATTENTION_FUNCTIONS.register(SEGMENTED, segmented_attention)


def is_packable(model: PreTrainedModel) -> bool:
    """Whether nothing but this attention lets one token of a row see another.

    Not so for models with recurrent layers, or with attention that SDPA cannot compute (capped
    scores, sinks): those take one sequence at a time.
    """
    config = model.config.get_text_config()
    return (
        model._supports_attention_backend
        and set(getattr(config, "layer_types", None) or PACKABLE_LAYERS) <= PACKABLE_LAYERS
        and getattr(config, "attn_logit_softcapping", None) is None
        and model._supports_sdpa
    )


@contextmanager
def segmented(model: PreTrainedModel) -> Iterator[None]:
    """Let a model attend within segments: its decoder must be called with a pack's `segments`."""
    before = model.config._attn_implementation
    model.set_attn_implementation(SEGMENTED)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
