"""A mentor's soft labels on disk: of every token its likeliest ones, computed once. Imports torch.

They are for a machine that cannot hold student and mentor at once. Every file is there whole or not
at all, so that making them goes on where it was cut off; a run reads the rows that it needs.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fair_app.errors import WorkFailed
from fair_app.training.files import whole_file
from fair_app.training.limits import within_memory
from fair_app.training.memory import SMALLEST_PASS
from fair_app.training.mentor_model import Mentor
from fair_app.training.packing import Example
from fair_app.training.soft_labels import smallest_enough, softened, truncated_divergence

ENOUGH = 0.99
"""The share of the mentor's mass that the stored tokens are to have on average."""
MOST_BYTES, LEAST_KEPT = 4 * 10**9, 1024
"""Where all would take more than so much disk, fewer tokens are stored, but not fewer than this: at
a high temperature a large vocabulary is flat. What is left out counts as one token (see
`soft_labels.truncated_divergence`)."""
SAMPLED = 2048
"""Response tokens, of texts drawn at random, by which it is found out how many are enough."""
SHARD, SHARD_BYTES = 8192, 64 * 10**6
"""Response tokens and bytes of a file, the most of either: what a killed process loses."""
MASS_BYTES = 2
Rows = tuple[Path, int, int]


@dataclass(frozen=True)
class Kept:
    """How many tokens are stored of each, and the mean mass that they have in the sample."""

    count: int
    mass: float


def enough(mentor: Mentor, examples: Sequence[Example], seed: int, tokens_per_pass: int) -> Kept:
    """How many of the likeliest tokens have `ENOUGH` of the mass, as far as the disk allows."""
    sampled, tokens = [], 0
    for one in Random(f"soft labels {seed}").sample(list(examples), len(examples)):
        sampled.append(one)
        tokens += one.response_length
        if tokens >= SAMPLED:
            break
    total = torch.zeros(mentor.vocabulary, dtype=torch.float64)
    for few in mentor.chunks(sampled, tokens_per_pass):
        ordered = few.exp().sort(dim=-1, descending=True).values
        total += ordered.sum(dim=0).cpu().double()
    cumulative = total.cumsum(0) / max(1, tokens)
    everything = sum(one.response_length for one in examples)
    count = kept_of(smallest_enough(cumulative, ENOUGH), everything, mentor.vocabulary)
    return Kept(count, float(cumulative[count - 1]))


def kept_of(wanted: int, tokens: int, vocabulary: int) -> int:
    """How many are stored of each of so many response tokens, where so many are wanted.

    All of the vocabulary needs no numbers beside the masses: it may take less than a part of it.
    """
    each = bytes_of(1, 1, vocabulary)
    whole = bytes_of(1, vocabulary, vocabulary)
    room = max(MOST_BYTES // max(1, tokens), LEAST_KEPT * each)
    if whole <= min(room, wanted * each):
        return vocabulary
    return min(wanted, room // each)


def bytes_of(tokens: int, kept: int, vocabulary: int) -> int:
    """What the soft labels of so many response tokens take on disk."""
    number = 0 if kept == vocabulary else _number_type(vocabulary).itemsize
    return tokens * kept * (MASS_BYTES + number)


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


class Store:
    """The files of one run's soft labels in a folder. `examples` are distinct.

    Without files of the right size it is not complete; `make` adds what is missing.
    """

    def __init__(
        self, folder: Path, examples: Sequence[Example], kept: int, vocabulary: int, tau: float
    ) -> None:
        self._folder, self._kept = folder, kept
        self._vocabulary, self._tau = vocabulary, tau
        self._names = ("masses",) if kept == vocabulary else ("ids", "masses")
        self._shards = shards(examples, bytes_of(1, kept, vocabulary))
        self._rows: dict[bytes, Rows] = {}
        for number, members in enumerate(self._shards):
            start = 0
            for one in members:
                stop = start + one.response_length
                self._rows[_key(one)] = self._file(number), start, stop
                start = stop

    def missing(self) -> list[int]:
        """The numbers of the files that are not there, or not whole."""
        return [number for number in range(len(self._shards)) if not self._is_whole(number)]

    def make(
        self,
        mentor: Mentor,
        number: int,
        tokens_per_pass: int,
        memory_gb: float,
    ) -> None:
        """Compute a file. WorkFailed: the disk is full, or one text does not fit into memory."""
        self._folder.mkdir(parents=True, exist_ok=True)
        content = self._computed(mentor, number, tokens_per_pass, memory_gb)
        with whole_file(self._file(number)) as partial:
            save_file(content, partial)

    def targets(self, examples: Sequence[Example]) -> "Truncated":
        """What is stored of the examples' responses. Raises WorkFailed for a damaged file."""
        rows = [self._rows[_key(one)] for one in examples]
        ids, masses = (
            torch.cat([self._read(name, *one) for one in rows]) if name in self._names else None
            for name in ("ids", "masses")
        )
        assert masses is not None
        return Truncated(ids, masses, self._vocabulary, self._tau)

    def _computed(
        self, mentor: Mentor, number: int, tokens_per_pass: int, memory_gb: float
    ) -> dict[str, torch.Tensor]:
        """The rows of a file; with fewer tokens a pass where memory runs out."""
        room = tokens_per_pass

        def attempt() -> dict[str, torch.Tensor]:
            ids, masses = [], []
            for few in mentor.chunks(self._shards[number], room):
                if "ids" in self._names:
                    top = few.topk(self._kept, dim=-1)
                    ids.append(top.indices.cpu().to(_number_type(self._vocabulary)))
                    masses.append(top.values.exp().half().cpu())
                else:
                    masses.append(few.exp().half().cpu())
            found = {"masses": torch.cat(masses)}
            return {**found, "ids": torch.cat(ids)} if ids else found

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
            raise WorkFailed(
                f"The soft labels in {file} cannot be read: delete the file and resume."
            ) from error
        return found.to(torch.int32) if name == "ids" else found

    def _is_whole(self, number: int) -> bool:
        tokens = sum(one.response_length for one in self._shards[number])
        try:
            with safe_open(self._file(number), framework="pt") as file:
                return all(
                    file.get_slice(name).get_shape() == [tokens, self._kept] for name in self._names
                )
        except (OSError, SafetensorError):
            return False

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:05}.safetensors"


@dataclass(frozen=True)
class Truncated:
    """Stored soft labels: of each response token the likeliest `ids` and their `masses` (n x k);
    without `ids` the masses of all tokens (n x V)."""

    ids: torch.Tensor | None
    masses: torch.Tensor
    vocabulary: int
    tau: float

    def divergence(self, logits: torch.Tensor, rows: slice) -> torch.Tensor:
        """What is known of KL(mentor || student) of the tokens in `rows`.

        Beside what `truncated_divergence` says of the masses that are left out, float16 rounds a
        mass by one part in 2,048 at most (one under 6e-5 by 3e-8).
        """
        masses = self.masses[rows].to(logits.device)
        ids = None if self.ids is None else self.ids[rows].to(logits.device)
        return truncated_divergence(ids, masses, softened(logits, self.vocabulary, self.tau))


def _number_type(vocabulary: int) -> torch.dtype:
    return torch.uint16 if vocabulary <= 2**16 else torch.int32


def _key(one: Example) -> bytes:
    tokens = one.tokens.numpy().tobytes()
    return hashlib.sha256(one.prompt_length.to_bytes(8, "little") + tokens).digest()


def most_bytes(tokens: int, vocabulary: int) -> int:
    """What soft labels take at most, before it is known how many tokens are enough."""
    return bytes_of(tokens, kept_of(vocabulary, tokens, vocabulary), vocabulary)
