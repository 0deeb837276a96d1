"""The memory that a run may take, held to for real, and how it is seen that it was too little."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psutil
import torch

from fair_app.errors import WorkFailed
from fair_app.student.check import GB, this_machine
from fair_app.student.out_of_memory import (
    free_bytes,
    free_what_is_left_over,
    is_out_of_memory,
)

Result = TypeVar("Result")
TOO_LITTLE = (
    "There is not enough memory for this run: train with fewer max_tokens, 4-bit weights or a "
    "smaller student."
)


@contextmanager
def memory_limit(gigabytes: float) -> Iterator[None]:
    """Let this process have so much memory (10^9 bytes) and no more, while torch computes.

    On a GPU it is a share of the GPU's. On a processor it is the process's private memory (Linux:
    RLIMIT_DATA), so that an allocation beyond it fails, where otherwise the system would kill the
    process without a word. Only torch's work belongs into such a block: other libraries abort when
    an allocation fails.
    """
    if torch.cuda.is_available():
        total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, gigabytes * GB / total))
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = round(gigabytes * GB)
    most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def within_memory(
    gigabytes: float, attempt: Callable[[], Result], tighten: Callable[[], bool]
) -> Result:
    """What `attempt` gives within a limit; after memory ran out, it is tried again.

    `tighten` is called in between: it clears what the attempt has done, lets the next take less,
    and says whether it can. Raises WorkFailed when it cannot.
    """
    while True:
        try:
            with memory_limit(gigabytes):
                return attempt()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # here the error and the tensors that it held on to are gone
        can = tighten()
        free_what_is_left_over()
        if not can:
            raise WorkFailed(TOO_LITTLE)


@contextmanager
def memory_in_a_sentence() -> Iterator[None]:
    """Turn memory that ran out for good into WorkFailed; other errors pass."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise WorkFailed(TOO_LITTLE) from error


def memory_free(limit_gb: float | None, processes: int = 1) -> float:
    """Bytes that this process can still take: of the limit, and of what is free now.

    What is free on a processor is divided among the `processes` of a run.
    """
    free: float
    if torch.cuda.is_available():
        used = torch.cuda.memory_allocated()
        free = free_bytes() + torch.cuda.memory_reserved() - used
    else:
        own = psutil.Process().memory_info()
        used = getattr(own, "data", own.rss)  # what RLIMIT_DATA counts
        free = min(free_bytes(), this_machine().memory_bytes - own.rss) / processes
    return free if limit_gb is None else min(free, limit_gb * GB - used)


def memory_in_use() -> int:
    """Bytes that this process takes now: on the GPU where there is one, else of the machine."""
    if torch.cuda.is_available():
        return int(torch.cuda.memory_allocated())
    return int(psutil.Process().memory_info().rss)
