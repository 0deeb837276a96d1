"""A mentor's soft labels on disk, computed once. Imports torch.

They are for a machine that cannot hold student and mentor at once. Here are the mentor's last
hidden states with its head, from which its likelihoods are computed again in the step: nothing is
lost. Its likeliest tokens are in `soft_top_k`. Every file is there whole or not at all, so that
making them goes on where it was cut off; a run reads the rows that it needs.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fair_app.errors import WorkFailed
from fair_app.student.base import never_cancelled
from fair_app.training.limits import within_memory
from fair_app.training.memory import SMALLEST_PASS
from fair_app.training.mentor_head import Computed, MentorHead, keep_head, kept_head, kept_shape
from fair_app.training.mentor_model import Mentor
from fair_app.training.packing import Example
from fair_app.training.soft_labels import Targets
from fair_app.whole_files import whole_file

SHARD, SHARD_BYTES = 8192, 64 * 10**6
"""Response tokens and bytes of a file, the most of either: what a killed process loses."""
HEAD = "head"
"""The file of a store that has the mentor's head; the others are called by numbers."""
Rows = tuple[Path, int, int]
Tensors = dict[str, torch.Tensor]


def hidden_bytes(tokens: int, width: int, vocabulary: int, number: int) -> int:
    """What hidden states of so many response tokens take on disk, with the head.

    `width` is the hidden size, `number` the bytes of a number.
    """
    return (tokens + vocabulary) * width * number


def distinct(examples: Sequence[Example]) -> list[Example]:
    """Each example once: the same text may be drawn from several places."""
    return list({_key(one): one for one in examples}.values())


def shards(examples: Sequence[Example], each: int) -> list[list[Example]]:
    """Distinct examples as they lie in the files, in their order; a token takes `each` bytes."""
    most = min(SHARD, SHARD_BYTES // each)
    found: list[list[Example]] = []
    room = 0
    for one in examples:
        if not found or one.response_length > room:
            found.append([])
            room = most
        found[-1].append(one)
        room -= one.response_length
    return found


class Store(ABC):
    """The files of one run's soft labels in a folder. `examples` are distinct.

    `widths` says how many numbers of a response token each tensor of a file has, and `each` how
    many bytes all of them take. Without files of the right size it is not complete; `make` adds
    what is missing.
    """

    def __init__(
        self, folder: Path, examples: Sequence[Example], widths: Mapping[str, int], each: int
    ) -> None:
        self._folder, self._widths = folder, widths
        self._shards = {
            f"{number:05}": members for number, members in enumerate(shards(examples, each))
        }
        self._rows: dict[bytes, Rows] = {}
        for name, members in self._shards.items():
            start = 0
            for one in members:
                stop = start + one.response_length
                self._rows[_key(one)] = self._file(name), start, stop
                start = stop

    @property
    def names(self) -> list[str]:
        """The names of all of its files, in the order in which they are made."""
        return list(self._shards)

    def missing(self) -> list[str]:
        """The names of the files that are not there, or not whole."""
        return [name for name in self.names if not self._is_whole(name)]

    def make(
        self,
        mentor: Mentor,
        name: str,
        tokens_per_pass: int,
        memory_gb: float,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> None:
        """Compute a file; `cancelled` is called before every forward pass.

        WorkFailed: the disk is full, or one text does not fit into memory.
        """
        content = self._computed(mentor, name, tokens_per_pass, memory_gb, cancelled)
        self._folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self._file(name)) as partial:
            save_file(content, partial)

    def targets(self, examples: Sequence[Example]) -> Targets:
        """What is stored of the examples' responses. Raises WorkFailed for a damaged file."""
        rows = [self._rows[_key(one)] for one in examples]
        return self._as_targets(
            {
                name: torch.cat([self._read(name, *one) for one in rows], dim=0)
                for name in self._widths
            }
        )

    @abstractmethod
    def _of(
        self,
        mentor: Mentor,
        examples: Sequence[Example],
        tokens_per_pass: int,
        cancelled: Callable[[], None],
    ) -> Iterator[Tensors]:
        """What is stored of examples, a few tokens at a time."""

    @abstractmethod
    def _as_targets(self, rows: Tensors) -> Targets:
        """Rows as they were stored, as targets."""

    def _computed(
        self,
        mentor: Mentor,
        name: str,
        tokens_per_pass: int,
        memory_gb: float,
        cancelled: Callable[[], None],
    ) -> Tensors:
        """The rows of a file; with fewer tokens a pass where memory runs out."""
        room = tokens_per_pass

        def attempt() -> Tensors:
            few = list(self._of(mentor, self._shards[name], room, cancelled))
            return {kind: torch.cat([one[kind] for one in few]) for kind in self._widths}

        def tighten() -> bool:
            nonlocal room
            room //= 2
            return room >= SMALLEST_PASS

        return within_memory(memory_gb, attempt, tighten)

    def _read(self, name: str, file: Path, start: int, stop: int) -> torch.Tensor:
        """A copy of some rows; an open file would count in full as memory that the run takes."""
        try:
            with safe_open(file, framework="pt") as opened:
                found: torch.Tensor = opened.get_slice(name)[start:stop].clone()
        except (OSError, SafetensorError) as error:
            raise _damaged(file) from error
        return found

    def _is_whole(self, name: str) -> bool:
        tokens = sum(one.response_length for one in self._shards[name])
        try:
            with safe_open(self._file(name), framework="pt") as file:
                return all(
                    file.get_slice(tensor).get_shape() == [tokens, width]
                    for tensor, width in self._widths.items()
                )
        except (OSError, SafetensorError):
            return False

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"


class HiddenStore(Store):
    """The hidden states (`width` numbers of `number` bytes) that predict each response token, as
    the mentor has them, and once its head.

    `where`: the device that the head is loaded onto when a step first needs it.
    """

    def __init__(
        self,
        folder: Path,
        examples: Sequence[Example],
        width: int,
        vocabulary: int,
        tau: float,
        number: int,
        where: torch.device,
    ) -> None:
        super().__init__(folder, examples, {"states": width}, width * number)
        self._head_shape = [vocabulary, width]
        self._tau, self._where = tau, where

    @property
    def names(self) -> list[str]:
        """As of any store; the head comes first."""
        return [HEAD, *super().names]

    def make(
        self,
        mentor: Mentor,
        name: str,
        tokens_per_pass: int,
        memory_gb: float,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> None:
        """As of any store; the head is not computed, but written as it is."""
        if name != HEAD:
            super().make(mentor, name, tokens_per_pass, memory_gb, cancelled)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        keep_head(mentor.model, mentor.head.vocabulary, self._file(HEAD))

    def _of(
        self,
        mentor: Mentor,
        examples: Sequence[Example],
        tokens_per_pass: int,
        cancelled: Callable[[], None],
    ) -> Iterator[Tensors]:
        for states in mentor.passes(examples, tokens_per_pass, cancelled):
            yield {"states": states.cpu()}

    def _as_targets(self, rows: Tensors) -> Targets:
        return Computed(self._head, rows["states"])

    @cached_property
    def _head(self) -> MentorHead:
        try:
            return kept_head(self._file(HEAD), self._tau, self._where)
        except (OSError, SafetensorError) as error:
            raise _damaged(self._file(HEAD)) from error

    def _is_whole(self, name: str) -> bool:
        if name != HEAD:
            return super()._is_whole(name)
        try:
            return kept_shape(self._file(HEAD)) == self._head_shape
        except (OSError, SafetensorError):
            return False


def _key(one: Example) -> bytes:
    tokens = one.tokens.numpy().tobytes()
    return hashlib.sha256(one.prompt_length.to_bytes(8, "little") + tokens).digest()


def _damaged(file: Path) -> WorkFailed:
    return WorkFailed(f"The soft labels in {file} cannot be read: delete the file and resume.")
