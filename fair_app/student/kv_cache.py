"""Keys and values of a batch whose rows come and go. Imports torch.

transformers' own cache copies everything at every step to append one column, and cannot take rows
in. This one appends in place, and is made anew, with other rows and further room, now and then.
"""

from collections.abc import Sequence

import torch
from transformers import Cache, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

DECODING_SDPA = "decoding_sdpa"


class RoomyLayer(DynamicLayer):
    """One layer's keys and values, rows x heads x columns x head size.

    All columns are handed to the attention, also those not written yet: the mask leaves them out.
    """

    filled = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append columns. The first are kept as they come; later ones need room (`regroup`)."""
        end = self.filled + key_states.shape[-2]
        if self.filled == 0:
            self.hold(key_states, value_states, end)
        else:
            self.keys[:, :, self.filled : end] = key_states
            self.values[:, :, self.filled : end] = value_states
            self.filled = end
        return self.keys, self.values

    def hold(self, keys: torch.Tensor, values: torch.Tensor, filled: int) -> None:
        """Take these buffers, of which the first columns are written."""
        self.keys, self.values, self.filled = keys, values, filled
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True

    def get_seq_length(self) -> int:
        """The columns written so far."""
        return self.filled

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The columns that the attention gets, and that they start at 0."""
        return (self.keys.shape[-2] if self.filled else query_length), 0


def can_regroup(model: PreTrainedModel) -> bool:
    """Whether every layer keeps keys and values and nothing else, such as a recurrent state.

    Sliding windows qualify: the whole past is kept, and their mask leaves out what is too old.
    """
    layers = DynamicCache(config=model.config).layers
    return bool(layers) and {type(layer) for layer in layers} <= {
        DynamicLayer,
        DynamicSlidingWindowLayer,
    }


def new_cache(model: PreTrainedModel) -> Cache:
    """An empty cache for one prefill."""
    return Cache(layers=[RoomyLayer() for _ in DynamicCache(config=model.config).layers])


def can_share(model: PreTrainedModel) -> bool:
    """Whether rows may have a gap behind columns that they share: not where a window counts."""
    return {type(layer) for layer in DynamicCache(config=model.config).layers} == {DynamicLayer}


def begin_with(cache: Cache, shared: Cache, rows: int, width: int) -> None:
    """Let every row of an empty cache begin with the columns of another, of one row.

    The cache then has `width` columns in all, of which the others are still to be written.
    """
    for layer, first in zip(cache.layers, shared.layers, strict=True):
        keys, values = (
            held.new_zeros(rows, held.shape[1], width, held.shape[3])
            for held in (first.keys, first.values)
        )
        keys[:, :, : first.filled] = first.keys
        values[:, :, : first.filled] = first.values
        layer.hold(keys, values, first.filled)


def regroup(
    parts: Sequence[tuple[Cache, torch.Tensor]], width: int, room: int, shared: int = 0
) -> Cache:
    """Put the chosen rows of several caches into one, aligned at the right end of `width` columns.

    The first `shared` columns of every part stay the first, whatever padding comes behind them.
    `width` may be less than a part has where its chosen rows need no more (the rest is padding).
    `room` columns stay free behind. The parts are used up, layer by layer, to keep the peak low.
    """
    joined = Cache(layers=[RoomyLayer() for _ in parts[0][0].layers])
    for number, layer in enumerate(joined.layers):
        sources = [(cache.layers[number], rows) for cache, rows in parts]
        keys = [(old.keys[:, :, : old.filled], rows) for old, rows in sources]
        values = [(old.values[:, :, : old.filled], rows) for old, rows in sources]
        layer.hold(
            _aligned(keys, width, room, shared), _aligned(values, width, room, shared), width
        )
        for old, _ in sources:
            old.keys = old.values = None
    return joined


def _aligned(
    parts: list[tuple[torch.Tensor, torch.Tensor]], width: int, room: int, shared: int
) -> torch.Tensor:
    first = parts[0][0]
    total = sum(len(rows) for _, rows in parts)
    # Zeros, not empty memory: what the mask leaves out is still multiplied, and may not be NaN.
    joined = first.new_zeros(total, first.shape[1], width + room, first.shape[3])
    start = 0
    for part, rows in parts:
        columns = min(width, part.shape[2]) - shared
        joined[start : start + len(rows), :, :shared] = part[rows, :, :shared]
        joined[start : start + len(rows), :, width - columns : width] = part[
            rows, :, part.shape[2] - columns :
        ]
        start += len(rows)
    return joined


def use_decoding_attention(model: PreTrainedModel) -> None:
    """On a processor, replace the attention of single new tokens: torch's is half as fast there.

    Other models and devices keep what they have.
    """
    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        ALL_ATTENTION_FUNCTIONS.register(DECODING_SDPA, _decoding_sdpa)
        ALL_MASK_ATTENTION_FUNCTIONS.register(DECODING_SDPA, sdpa_mask)
        model.set_attn_implementation(DECODING_SDPA)


def _decoding_sdpa(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """transformers' SDPA attention; for one query a row, as two batched products.

    The heads that share a key head are taken together as its queries, so that no key is copied.
    """
    rows, heads, queries, size = query.shape
    special = any(kwargs.get(name) is not None for name in ("position_bias", "softcap", "s_aux"))
    if queries > 1 or special:
        attended: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **kwargs
        )
        return attended
    grouped = query.reshape(rows, key.shape[1], heads // key.shape[1], size)
    scores = grouped @ key.transpose(-1, -2)
    scores = scores * (size**-0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(value.dtype)
    return (weights @ value).reshape(rows, 1, heads, value.shape[-1]), None
