"""Memory that ran out is told from an adapter that does not fit."""

from pathlib import Path

import pytest
import torch

from fair_app.errors import BadInput
from fair_app.student.out_of_memory import adapter_must_fit

ADAPTER = Path("checkpoints/first")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_that_memory_ran_out_says_nothing_of_the_adapter(error: RuntimeError) -> None:
    with pytest.raises(RuntimeError) as raised, adapter_must_fit(ADAPTER):
        raise error
    assert raised.value is error


def test_an_adapter_that_does_not_fit_is_bad_input() -> None:
    with (
        pytest.raises(
            BadInput,
            match=r"first does not fit its base student \(size mismatch\): train it again\.$",
        ),
        adapter_must_fit(ADAPTER),
    ):
        raise RuntimeError("size mismatch.\nand much more")
