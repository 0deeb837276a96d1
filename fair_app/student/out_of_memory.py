"""The memory where models lie: how much is free, and how it is seen that it ran out."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from safetensors import SafetensorError

from fair_app.errors import BadInput

_SAID_BY_TORCH = ("can't allocate memory", "bad_alloc", "Cannot allocate memory")
"""On a processor torch has no class of its own for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID_BY_TORCH)
    )


def free_bytes(where: torch.device | None = None) -> int:
    """Bytes that are free on a device; None: on the GPU where there is one, else the machine's."""
    if torch.cuda.is_available() if where is None else where.type == "cuda":
        return int(torch.cuda.mem_get_info(where)[0])
    return int(psutil.virtual_memory().available)


def free_what_is_left_over() -> None:
    """Give back what a failed attempt, or a model that was forgotten, left behind."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def adapter_must_fit(adapter: Path) -> Iterator[None]:
    """Load an adapter within. Raises BadInput for one that does not fit its base student.

    That memory ran out says nothing of the adapter, and is raised as it is.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        first_line = str(error).strip().split("\n")[0].rstrip(".")
        raise BadInput(
            f"The adapter in {adapter} does not fit its base student ({first_line}): train "
            "it again."
        ) from error
