"""Batches of answers being written. Imports torch.

Every row of an exam is either waiting, or in its batch's `rows`, or returned as finished: when
memory runs out in between, `rows` has all that must be begun again.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from transformers import (
    Cache,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)

from fair_app.student.base import Decoding
from fair_app.student.kv_cache import begin_with, can_share, new_cache, regroup
from fair_app.student.sampling import choose

PREFILL_TOKENS = {"cpu": 1024, "cuda": 16384}
"""Prompt tokens read at once: on a processor, the activations of more fall out of its caches."""
REGROUP_AT = 0.75
"""Take finished rows out, and waiting ones in, when no more than this share is still writing."""
SHORTEST_PREFIX = 8
"""Tokens at the beginning of all prompts that are worth being read once for all of them."""
ROOM = 64
"""Columns of keys and values set aside for the steps until the next regrouping."""


@dataclass(eq=False)
class Row:
    """One question on its way: its place, its prompt, its random numbers, what was written."""

    index: int
    prompt: list[int]
    numbers: list[float]
    tokens: list[int] = field(default_factory=list)
    stopped: bool = False
    finished: bool = False

    def write(self, token: int, stop_tokens: frozenset[int], limit: int) -> None:
        """Take in the next token. A stop token ends the answer and is no part of it."""
        self.stopped = token in stop_tokens
        if not self.stopped:
            self.tokens.append(token)
        self.finished = self.stopped or len(self.tokens) == limit

    def begin_again(self) -> None:
        """Forget what was written."""
        self.tokens, self.stopped, self.finished = [], False, False

    @property
    def known(self) -> int:
        """Tokens whose keys and values are known before the next step: all but the newest."""
        return len(self.prompt) + len(self.tokens) - 1

    @property
    def number(self) -> float:
        """The random number for the next token; unused when greedy."""
        return self.numbers[len(self.tokens)] if self.numbers else 0.0


class Batch(Protocol):
    """Rows that are written together."""

    rows: list[Row]

    def advance(self, waiting: list[Row], most: int, cancelled: Callable[[], None]) -> list[Row]:
        """Go one step on, perhaps taking rows from the end of `waiting`; return finished rows."""
        ...


class RegroupingBatch:
    """A batch whose finished rows make room for waiting ones, for models that allow it.

    What all prompts begin with (a template, a system prompt) is read once; its keys and values are
    the first columns of every row. The rest of a row is padded on the left, so that a step writes
    one column for all of them.
    """

    def __init__(
        self, model: PreTrainedModel, stop_tokens: frozenset[int], decoding: Decoding
    ) -> None:
        self.rows: list[Row] = []
        self._model, self._stop_tokens, self._decoding = model, stop_tokens, decoding
        accepted = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        self._last_logits_only = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self._prefix: list[int] | None = None  # found in what waits first, then the same for all
        self._prefix_cache: Cache | None = None
        self._slots: list[Row] = []  # the rows of the cache, those that have finished too
        self._cache: Cache | None = None
        self._columns = 0  # written so far
        self._mask = torch.zeros(0, 0, dtype=torch.bool)  # slots x columns, those ahead too

    # Not around a generator: inference mode must not reach into the caller's code.
    @torch.inference_mode()
    def advance(self, waiting: list[Row], most: int, cancelled: Callable[[], None]) -> list[Row]:
        """Regroup when it is time, else write one token a row; return the rows just finished."""
        # One column stays free: transformers takes a mask without a gap for no mask at all.
        full = self._columns == self._mask.shape[1] - 1
        if full or len(self.rows) <= REGROUP_AT * len(self._slots):
            self._regroup(waiting, most, cancelled)
        else:
            self._step()
        done = [row for row in self.rows if row.finished]
        self.rows = [row for row in self.rows if not row.finished]
        return done

    def _step(self) -> None:
        self._mask[:, self._columns] = True
        self._columns += 1
        newest = [[row.tokens[-1] if row.tokens else 0] for row in self._slots]
        positions = [[row.known] for row in self._slots]
        self._forward(
            self._slots, torch.tensor(newest), self._mask, torch.tensor(positions), self._cache
        )

    def _regroup(self, waiting: list[Row], most: int, cancelled: Callable[[], None]) -> None:
        if self._prefix is None:
            self._read_prefix(waiting)
        shared = len(self._prefix or ())
        staying = [slot for slot, row in enumerate(self._slots) if not row.finished]
        parts = [(self._cache, self._numbers(staying))] if staying else []
        slots = [self._slots[slot] for slot in staying]
        arriving = [waiting.pop() for _ in range(min(most - len(slots), len(waiting)))]
        self.rows = [*slots, *arriving]
        while arriving:
            cancelled()
            longest = len(arriving[0].prompt) - shared
            together = max(1, PREFILL_TOKENS[self._model.device.type] // longest)
            chunk, arriving = arriving[:together], arriving[together:]
            cache = self._prefill(chunk)
            unfinished = [slot for slot, row in enumerate(chunk) if not row.finished]
            parts.append((cache, self._numbers(unfinished)))
            slots += [row for row in chunk if not row.finished]
        self._slots = slots
        self._columns = max((row.known for row in slots), default=0)
        self._cache = regroup(parts, self._columns, ROOM, shared) if slots else None
        column = torch.arange(self._columns + ROOM)
        padding = torch.tensor([self._columns - row.known for row in slots], dtype=torch.long)
        mask = (column >= shared + padding[:, None]) & (column < self._columns)
        self._mask = (mask | (column < shared)).to(self._model.device)

    def _numbers(self, slots: list[int]) -> torch.Tensor:
        return torch.tensor(slots, dtype=torch.long, device=self._model.device)

    def _read_prefix(self, waiting: list[Row]) -> None:
        """Read what all prompts begin with, but for the last token of the shortest."""
        prefix = common_beginning([row.prompt[:-1] for row in waiting])
        if len(waiting) < 2 or len(prefix) < SHORTEST_PREFIX or not can_share(self._model):
            prefix = []
        self._prefix = prefix
        if prefix:
            self._prefix_cache = new_cache(self._model)
            row = Row(0, prefix, [0.0])
            self._forward([row], *padded([row]), self._prefix_cache)

    def _prefill(self, rows: list[Row]) -> Cache:
        """Read prompts, but for what they share, and write the first token of each."""
        shared = len(self._prefix or ())
        width = max(len(row.prompt) for row in rows)
        cache = new_cache(self._model)
        if self._prefix_cache is not None:
            begin_with(cache, self._prefix_cache, len(rows), width)
        self._forward(rows, *padded(rows, shared), cache)
        return cache

    def _forward(
        self,
        rows: list[Row],
        tokens: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Cache | None,
    ) -> None:
        where = self._model.device
        output = self._model(
            input_ids=tokens.to(where),
            attention_mask=mask.to(where),
            past_key_values=cache,
            use_cache=True,
            **({"position_ids": positions.to(where)} if self._takes_positions else {}),
            **self._last_logits_only,
        )
        numbers = [row.number for row in rows]
        chosen = choose(output.logits[:, -1], self._decoding, numbers).tolist()
        for row, token in zip(rows, chosen, strict=True):
            if not row.finished:
                row.write(token, self._stop_tokens, self._decoding.max_new_tokens)


class FixedBatch:
    """A batch that stays together until its last row has finished: `generate` of transformers.

    For models with recurrent layers, whose states cannot be regrouped by column.
    """

    def __init__(
        self, model: PreTrainedModel, stop_tokens: frozenset[int], decoding: Decoding
    ) -> None:
        self.rows: list[Row] = []
        self._model, self._stop_tokens, self._decoding = model, stop_tokens, decoding

    @torch.inference_mode()
    def advance(self, waiting: list[Row], most: int, cancelled: Callable[[], None]) -> list[Row]:
        """Write a whole batch."""
        self.rows = [waiting.pop() for _ in range(min(most, len(waiting)))]
        tokens, mask, _ = padded(self.rows)
        limit, stop_tokens = self._decoding.max_new_tokens, sorted(self._stop_tokens)
        written = self._model.generate(
            input_ids=tokens.to(self._model.device),
            attention_mask=mask.to(self._model.device),
            generation_config=GenerationConfig(
                max_new_tokens=limit,
                do_sample=False,
                eos_token_id=stop_tokens or None,
                pad_token_id=stop_tokens[0] if stop_tokens else 0,
            ),
            logits_processor=LogitsProcessorList(
                [_OwnChoice(self.rows, self._decoding, tokens.shape[1])]
            ),
            stopping_criteria=StoppingCriteriaList([_Cancelling(cancelled)]),
        )
        for row, line in zip(self.rows, written[:, tokens.shape[1] :].tolist(), strict=True):
            for token in line:
                if not row.finished:
                    row.write(token, self._stop_tokens, limit)
        done, self.rows = self.rows, []
        return done


class _OwnChoice(LogitsProcessor):
    """Leaves only the token that `choose` draws, so that `generate` takes it."""

    def __init__(self, rows: list[Row], decoding: Decoding, prompt_length: int) -> None:
        self._rows, self._decoding, self._prompt_length = rows, decoding, prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = input_ids.shape[1] - self._prompt_length
        numbers = [row.numbers[step] if row.numbers else 0.0 for row in self._rows]
        chosen = choose(scores, self._decoding, numbers)
        return torch.full_like(scores, float("-inf")).scatter_(-1, chosen[:, None], 0.0)


class _Cancelling(StoppingCriteria):
    """Never stops by itself; lets a person's cancel through at every step."""

    def __init__(self, cancelled: Callable[[], None]) -> None:
        self._cancelled = cancelled

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        self._cancelled()
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)


def padded(rows: list[Row], shared: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prompts as rows x columns, padded on the left: tokens, mask and positions.

    The first `shared` tokens are known already: they are in the mask, and nowhere else.
    """
    width = max(len(row.prompt) for row in rows)
    tokens = torch.tensor([[0] * (width - len(row.prompt)) + row.prompt[shared:] for row in rows])
    padding = torch.tensor([[width - len(row.prompt)] for row in rows])
    column = torch.arange(width)
    mask = (column < shared) | (column >= shared + padding)
    return tokens, mask, (column[shared:] - padding).clamp(min=0)


def common_beginning(prompts: Sequence[list[int]]) -> list[int]:
    """The tokens that all of them begin with."""
    # What the first and the last in alphabetical order share, those between them share too.
    first, last = min(prompts), max(prompts)
    length = next(
        (place for place, both in enumerate(zip(first, last, strict=False)) if both[0] != both[1]),
        len(first),
    )
    return first[:length]
