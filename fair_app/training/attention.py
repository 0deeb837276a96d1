"""Attention within each of several sequences that lie one after another in one row.

Sequences packed without padding must not see each other. Registering an attention function is
transformers' own way to replace the attention of any model that supports it (its documentation:
"Attention Interface"). There are two: each segment for itself, which runs everywhere, and flash
attention for all segments at once on a GPU that has it (see `flash`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from fair_app.training import flash
from fair_app.training.packing import Segment

SEGMENTED = "segmented_sdpa"
FLASH = "segmented_varlen"  # transformers takes names with "flash" for its own
TOLERANCE = 0.02
"""Of the largest value: some roundings of bfloat16. One token too many changes more."""
SHORT = 512
"""Tokens that a segment on a processor may see for its attention to be computed as plain products.
Their probabilities are kept, which SDPA's kernel computes again in its backward pass: that takes
twice to four times as long."""
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
        if query.device.type == "cpu" and own_keys.shape[2] <= SHORT and not dropout:
            end = segment.start + segment.length
            bias = _bias(sliding_window, query.dtype)[segment.start : end, :end]
            output = _by_products(queries[index], own_keys, own_values, bias, scaling)
        else:
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


def _by_products(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    scaling: float | None,
) -> torch.Tensor:
    """softmax(query key + bias) value, the heads that share a key in one product. Shapes as SDPA's;
    `bias` is tokens x tokens seen."""
    _, heads, length, size = query.shape
    key_heads = key.shape[1]
    scaled = query * (size**-0.5 if scaling is None else scaling)
    scores = torch.bmm(scaled.reshape(key_heads, -1, size), key[0].transpose(1, 2))
    weights = scores.view(heads, length, -1).add_(bias).softmax(dim=-1)
    return torch.bmm(weights.view(key_heads, -1, key.shape[2]), value[0]).view_as(query)


@lru_cache
def _bias(sliding_window: int | None, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the scores of SHORT places, each for each: minus infinity where unseen.

    A segment's are the rows of its own places, up to its end.
    """
    place = torch.arange(SHORT)
    distance = place[:, None] - place[None, :]
    unseen = (distance < 0) | (distance >= (sliding_window or SHORT))
    return torch.zeros(SHORT, SHORT, dtype=dtype).masked_fill(unseen, float("-inf"))


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


def flash_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Sequence[Segment],
    scaling: float | None = None,
    sliding_window: int | None = None,
    kernel: flash.Kernel = flash.varlen_attn,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """What `segmented_attention` gives, computed at once by a kernel of a GPU."""
    queries, keys, values = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
    attended = flash.attend(
        queries,
        keys,
        values,
        tuple(segments),
        scaling=scaling,
        window=sliding_window,
        kernel=kernel,
    )
    return attended[None], None


ALL_ATTENTION_FUNCTIONS.register(SEGMENTED, segmented_attention)
ALL_ATTENTION_FUNCTIONS.register(FLASH, flash_attention)


@lru_cache
@torch.enable_grad()
def flash_serves(
    device: torch.device, dtype: torch.dtype, heads: int, key_heads: int, head_size: int
) -> bool:
    """Whether flash attention runs for such a model here, and gives what SDPA gives.

    Looked at once for every kind of model: outputs and gradients of a small row of segments, with
    and without a window.
    """
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < flash.OLDEST:
        return False
    if dtype not in (torch.bfloat16, torch.float16):
        return False
    return agrees(flash.attend, device, dtype, heads, key_heads, head_size)


def agrees(
    attend: flash.Attend,
    device: torch.device,
    dtype: torch.dtype,
    heads: int,
    key_heads: int,
    head_size: int,
) -> bool:
    """Whether `attend` gives the outputs and gradients of SDPA, as far as `dtype` rounds alike."""
    segments = (Segment(40), Segment(30, 40, 0), Segment(25, 40, 0), Segment(33))
    length = sum(one.length for one in segments)
    chance = torch.Generator().manual_seed(0)

    def drawn(count: int) -> torch.Tensor:
        made = torch.randn(length, count, head_size, generator=chance)
        return made.to(device, dtype).requires_grad_()

    rows = drawn(heads), drawn(key_heads), drawn(key_heads)
    by_output = drawn(heads).detach()
    for window in (None, 17):
        query, key, value = (tensor.transpose(0, 1)[None] for tensor in rows)
        one, _ = segmented_attention(
            torch.nn.Module(), query, key, value, None, segments=segments, sliding_window=window
        )
        expected = [one[0], *torch.autograd.grad(one[0], rows, by_output)]
        try:
            other = attend(*rows, segments, scaling=None, window=window)
            found = [other, *torch.autograd.grad(other, rows, by_output)]
        except RuntimeError:  # this GPU or this size of head is not served
            return False
        if any(
            (a.float() - b.float()).abs().max() > TOLERANCE * a.float().abs().max()
            for a, b in zip(expected, found, strict=True)
        ):
            return False
    return True


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


def attention_of(model: PreTrainedModel) -> str:
    """Which of the two serves a model where it is."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None)
    dropout = getattr(config, "attention_dropout", None)
    if not heads or dropout:  # flash attention drops nothing here
        return SEGMENTED
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    serves = flash_serves(model.device, model.dtype, heads, key_heads, size)
    return FLASH if serves else SEGMENTED


@contextmanager
def segmented(model: PreTrainedModel) -> Iterator[None]:
    """Let a model attend within segments: its decoder must be called with a pack's `segments`."""
    before = model.config._attn_implementation
    model.set_attn_implementation(attention_of(model))
    try:
        yield
    finally:
        model.set_attn_implementation(before)
