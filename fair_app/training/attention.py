"""Attention within each of several sequences that lie one after another in one row.

Sequences packed without padding must not see each other. Registering an attention function is
transformers' own way to replace the attention of any model that supports it (its documentation:
"Attention Interface").
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

SEGMENTED = "segmented_sdpa"
PACKABLE_LAYERS = {"full_attention", "sliding_attention"}


def segmented_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segment_lengths: Sequence[int],
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment; transformers' attention interface.

    `query` is 1 x heads x tokens x head size, `key` and `value` the same with their own number of
    heads; `segment_lengths` add up to the tokens. Returns 1 x tokens x heads x head size.
    """
    lengths = list(segment_lengths)
    outputs = [
        scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=_window_mask(queries, sliding_window),
            is_causal=sliding_window is None or queries.shape[2] <= sliding_window,
            dropout_p=dropout,
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        ).transpose(1, 2)
        for queries, keys, values in zip(
            query.split(lengths, dim=2),
            key.split(lengths, dim=2),
            value.split(lengths, dim=2),
            strict=True,
        )
    ]
    return torch.cat(outputs, dim=1), None


def _window_mask(queries: torch.Tensor, sliding_window: int | None) -> torch.Tensor | None:
    """Which keys each token may see, where a window is shorter than the segment; else None."""
    length = queries.shape[2]
    if sliding_window is None or length <= sliding_window:
        return None
    position = torch.arange(length, device=queries.device)
    distance = position[:, None] - position[None, :]
    return (distance >= 0) & (distance < sliding_window)


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
    """Let a model attend within segments: its decoder must be called with `segment_lengths`."""
    before = model.config._attn_implementation
    model.set_attn_implementation(SEGMENTED)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
