"""Flash attention over packed segments: one call of torch's own kernel for a whole row.

`torch.nn.attention.varlen` has FlashAttention 2 (arXiv 2307.08691) for sequences of their own
lengths, so that no package beside torch is needed. It runs on NVIDIA GPUs from Ampere on.

What two sequences share stands in the row once. Here each segment asks with its own tokens alone
and is answered from the keys of what it follows and its own, laid one after another: the kernel's
causal mask is aligned to the end of both, so the last token of a segment sees all of its keys and
the first one just what is before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Protocol

import torch
from torch.nn.attention.varlen import varlen_attn

from fair_app.training.packing import Segment

OLDEST = (8, 0)
"""The compute capability of Ampere, the first with bfloat16 and with this kernel."""

Kernel = Callable[..., torch.Tensor]


class Attend(Protocol):
    """Attention over segments. `query` is tokens x heads x head size; so is what it returns.

    `key` and `value` have their own number of heads. With a `window` a token sees so many at most,
    itself included.
    """

    def __call__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        segments: tuple[Segment, ...],
        /,
        *,
        scaling: float | None,
        window: int | None,
    ) -> torch.Tensor: ...


@dataclass(frozen=True)
class Layout:
    """Where a kernel finds the segments: `queries` and `keys` are where each begins and the last
    ends, `places` the row's places whose keys stand one after another, `longest_*` in tokens."""

    queries: torch.Tensor
    keys: torch.Tensor
    places: torch.Tensor
    longest_query: int
    longest_key: int


def layout(segments: Sequence[Segment]) -> Layout:
    """Lay out the keys of segments, each after those of the one that it follows."""
    ends = list(accumulate(one.length for one in segments))
    own = [range(end - one.length, end) for one, end in zip(segments, ends, strict=True)]
    seen = [
        [*(own[one.after] if one.after is not None else ()), *places]
        for one, places in zip(segments, own, strict=True)
    ]
    counts = [len(places) for places in seen]
    return Layout(
        queries=torch.tensor([0, *ends], dtype=torch.int32),
        keys=torch.tensor([0, *accumulate(counts)], dtype=torch.int32),
        places=torch.tensor([place for places in seen for place in places]),
        longest_query=max(one.length for one in segments),
        longest_key=max(counts),
    )


@lru_cache(maxsize=8)
def _layout_on(segments: tuple[Segment, ...], device: torch.device) -> Layout:
    """Every layer of a model asks for the same."""
    found = layout(segments)
    return Layout(
        found.queries.to(device),
        found.keys.to(device),
        found.places.to(device),
        found.longest_query,
        found.longest_key,
    )


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: tuple[Segment, ...],
    /,
    *,
    scaling: float | None,
    window: int | None,
    kernel: Kernel = varlen_attn,
) -> torch.Tensor:
    """Causal attention within each segment and to the one that it follows (see `Attend`).

    `kernel` has the signature of torch's `varlen_attn`. RuntimeError: it does not run here.
    """
    where = _layout_on(segments, query.device)
    return kernel(
        query,
        key.index_select(0, where.places),
        value.index_select(0, where.places),
        where.queries,
        where.keys,
        where.longest_query,
        where.longest_key,
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
