"""Several processes that train one student: each takes a share of a step, and all add up.

`accelerate launch` (or torchrun) starts them and tells each its place in the environment. Since
every label token has its weight in the loss beforehand, adding up gradients is all there is to it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from fair_app.errors import Cancelled, WorkFailed
from fair_app.training.dividing import FSDP, Sharding, told

BUCKET = 2**24
"""How many numbers are added up at a time."""
PATIENCE = timedelta(hours=1)
"""How long processes wait for one another: a large student takes its time to load."""


@dataclass(frozen=True)
class Processes:
    """This process's place among those of a run. The first keeps the files and the store.

    `sharding` says how they divide the student's weights; None: each holds all of them.
    """

    rank: int = 0
    size: int = 1
    sharding: Sharding | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that saves and reports."""
        return self.rank == 0

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace tensors by their sums over all processes."""
        if self.size == 1:
            return
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.flatten() for tensor in bucket])
            distributed.all_reduce(flat)
            parts = flat.split([tensor.numel() for tensor in bucket])
            for tensor, part in zip(bucket, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def added_up(self, numbers: Sequence[float]) -> list[float]:
        """The sums of numbers over all processes."""
        if self.size == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64, device=_device())
        distributed.all_reduce(sums)
        return [float(one) for one in sums]

    def most(self, numbers: Sequence[float]) -> list[float]:
        """The largest that any process has, of each of these numbers."""
        if self.size == 1:
            return list(numbers)
        found = torch.tensor(numbers, dtype=torch.float64, device=_device())
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return [float(one) for one in found]

    def from_first(self, content: bytes) -> bytes:
        """What the first process gives; what the others give is not looked at."""
        if self.size == 1:
            return content
        length = torch.tensor([len(content)], device=_device())
        distributed.broadcast(length, 0)
        if not int(length):
            return b""
        sent = torch.empty(int(length), dtype=torch.uint8, device=_device())
        if self.is_first:
            sent.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        distributed.broadcast(sent, 0)
        return bytes(sent.cpu().numpy())

    def obey(self, cancelled: Callable[[], None]) -> None:
        """Let all processes stop at the same place, by Cancelled, when the first is `cancelled`."""
        if self.size == 1:
            cancelled()
            return
        stop = False
        if self.is_first:
            try:
                cancelled()
            except Cancelled:
                stop = True
        if self.from_first(b"stop" if stop else b"") == b"stop":
            raise Cancelled

    def share(self, tensors: Sequence[torch.Tensor]) -> None:
        """Give the first process's tensors to all."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)


ALONE = Processes()


def launched() -> int:
    """How many processes were launched together with this one, itself included."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_launched() -> bool:
    """Whether this is the first of the processes launched together, or the only one."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that were launched together; ALONE where there is only this one.

    Each takes the GPU of its local rank where there are GPUs (NCCL), else the processor (Gloo).
    Raises BadInput when accelerate was told to divide the weights in a way that is not done here.
    """
    if launched() == 1:
        yield ALONE
        return
    sharding = told(os.environ)
    # read by transformers too, which would then load the weights in one process of a machine alone
    os.environ[FSDP] = "false"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), sharding)
    except distributed.DistError as error:
        raise WorkFailed("Another process of this run is gone: start all of them again.") from error
    finally:
        distributed.destroy_process_group()


def _device() -> torch.device:
    """Where small messages lie: NCCL takes none that are not on a GPU."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    bucket: list[torch.Tensor] = []
    for tensor in tensors:
        if bucket and sum(one.numel() for one in bucket) + tensor.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
