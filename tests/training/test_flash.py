"""Flash attention over packed segments, with a plain kernel of the same signature.

Torch's own runs on a GPU only. What it is given (which keys, where each sequence begins, which
window) and what is made of its answer is the same for both; a run looks before its first step
whether the GPU's agrees with SDPA.
"""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from fair_app.training import flash
from fair_app.training.attention import (
    FLASH,
    SEGMENTED,
    agrees,
    attention_of,
    flash_attention,
    flash_serves,
    segmented_attention,
)
from fair_app.training.fused import fuse, kernels
from fair_app.training.loss import pack_loss
from fair_app.training.packing import Segment, group, pack
from tests.training.test_loss import EXAMPLES, WEIGHTS, plain_losses
from tests.training.tiny import tiny_model

CPU = torch.device("cpu")
PLACEHOLDER = torch.nn.Module()


def plain_kernel(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    begins_q: torch.Tensor,
    begins_k: torch.Tensor,
    longest_q: int,
    longest_k: int,
    *,
    scale: float | None,
    window_size: tuple[int, int],
    enable_gqa: bool,
    aligned_to_the_end: bool = True,
) -> torch.Tensor:
    """What the documentation of `varlen_attn` says, a sequence and a head at a time."""
    assert enable_gqa or query.shape[1] == key.shape[1]
    many = query.shape[1] // key.shape[1]
    rows = []
    for number in range(len(begins_q) - 1):
        asked = query[int(begins_q[number]) : int(begins_q[number + 1])]
        seen = slice(int(begins_k[number]), int(begins_k[number + 1]))
        length, count = len(asked), seen.stop - seen.start
        assert length <= longest_q
        assert count <= longest_k
        shift = count - length if aligned_to_the_end else 0
        place = torch.arange(length)[:, None] + shift
        other = torch.arange(count)[None]
        left, right = window_size
        hidden = other > place + right
        if left >= 0:
            hidden |= other < place - left
        heads = []
        for head in range(query.shape[1]):
            keys, values = key[seen, head // many], value[seen, head // many]
            scores = asked[:, head] @ keys.T * (scale or query.shape[2] ** -0.5)
            heads.append(torch.softmax(scores.masked_fill(hidden, -torch.inf), 1) @ values)
        rows.append(torch.stack(heads, 1))
    return torch.cat(rows)


def from_the_start(*arguments: object, **options: object) -> torch.Tensor:
    return plain_kernel(*arguments, **options, aligned_to_the_end=False)  # type: ignore[arg-type]


def missing(*_: object, **__: object) -> torch.Tensor:
    raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.")


def test_keys_stand_after_those_of_the_segment_that_is_followed() -> None:
    found = flash.layout([Segment(3), Segment(2, 3, 0), Segment(1, 3, 0), Segment(2)])
    assert found.queries.tolist() == [0, 3, 5, 6, 8]
    assert found.keys.tolist() == [0, 3, 8, 12, 14]
    assert found.places.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 5, 6, 7]
    assert (found.longest_query, found.longest_key) == (3, 5)


@st.composite
def rows(draw: st.DrawFn) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    for _ in range(draw(st.integers(1, 4))):
        shared = draw(st.integers(0, 6))
        if shared:
            segments.append(Segment(shared))
        before = len(segments) - 1 if shared else None
        for length in draw(st.lists(st.integers(1, 6), min_size=1, max_size=2)):
            segments.append(Segment(length, shared, before))
    return tuple(segments)


@settings(max_examples=40, deadline=None)
@given(rows(), st.sampled_from([None, 1, 3, 50]), st.sampled_from([(2, 2), (4, 2)]))
def test_it_has_the_outputs_and_gradients_of_sdpa(
    segments: Sequence[Segment], window: int | None, heads: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    length = sum(one.length for one in segments)
    given_rows = [torch.randn(length, count, 8, requires_grad=True) for count in (*heads, heads[1])]
    by_output = torch.randn(length, heads[0], 8)
    found = flash.attend(
        *given_rows, tuple(segments), scaling=0.3, window=window, kernel=plain_kernel
    )
    batch = (tensor.transpose(0, 1)[None] for tensor in given_rows)
    expected, _ = segmented_attention(
        PLACEHOLDER, *batch, None, segments=segments, scaling=0.3, sliding_window=window
    )
    torch.testing.assert_close(found, expected[0], rtol=1e-5, atol=1e-5)
    for one, other in zip(
        torch.autograd.grad(found, given_rows, by_output),
        torch.autograd.grad(expected[0], given_rows, by_output),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_only_a_kernel_that_agrees_with_sdpa_is_used(dtype: torch.dtype) -> None:
    for kernel, does in ((plain_kernel, True), (from_the_start, False), (missing, False)):
        attend = partial(flash.attend, kernel=kernel)
        assert agrees(attend, CPU, dtype, heads=4, key_heads=2, head_size=16) == does


def test_a_model_has_the_cross_entropies_of_one_sequence_at_a_time() -> None:
    name = f"{FLASH}_of_a_plain_kernel"
    ALL_ATTENTION_FUNCTIONS.register(name, partial(flash_attention, kernel=plain_kernel))
    model = tiny_model()
    expected = plain_losses(model, EXAMPLES)
    model.set_attn_implementation(name)
    packed = pack([group(EXAMPLES[:2]), group(EXAMPLES[2:4]), group(EXAMPLES[4:])], WEIGHTS)
    assert any(one.after is not None for one in packed.segments)
    with torch.no_grad():
        entropies = pack_loss(model, packed).entropies
    for part, is_feedback in (("feedback", True), ("rationale", False)):
        mean = entropies[packed.is_feedback == is_feedback].mean()
        torch.testing.assert_close(mean, expected[part].detach(), rtol=1e-5, atol=1e-5)


def test_on_a_processor_nothing_but_sdpa_is_chosen() -> None:
    model = tiny_model()
    assert not flash_serves(CPU, torch.bfloat16, 4, 2, 64)
    assert attention_of(model) == SEGMENTED
    assert fuse(model) is None
    assert kernels(model, None) == {
        "attention": "SDPA for each packed segment",
        "layers": "as transformers has them",
    }
