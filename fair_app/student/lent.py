"""The students that a job lends: a base once, with the adapters of its checkpoints on top of it.

Imports torch. An adapter stays beside the weights here, where an exam merges it into them: the two
round differently in bfloat16, so that a greedy answer may differ from the exam's in its later part.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from peft import PeftModel

from fair_app.settings import Settings
from fair_app.student.base import Completion, Decoding, PromptStyle, never_cancelled
from fair_app.student.generation import TransformersStudent
from fair_app.student.loading import device, load
from fair_app.student.out_of_memory import (
    adapter_must_fit,
    free_bytes,
    free_what_is_left_over,
)
from fair_app.student.packed import PackedLinear
from fair_app.student.registry import (
    ADAPTER_CONFIG_FILE,
    Quantization,
    StudentRef,
    parse_ref,
)

MARGIN = 1.2
"""What a loaded model takes, over the size of its weights."""
NF4_SHARE = 0.3
"""What 4-bit weights take of plain ones, embeddings and scales included."""
LARGE = 1_000_000_000
"""Bytes of weights from which on several threads write faster than one. The steps of a smaller
model are many small operations, at which threads wait for one another, beside other work badly."""


@dataclass(frozen=True)
class Wanted:
    """A student as it is to answer."""

    student: str
    quantization: Quantization = "none"
    prompts: PromptStyle = "chat"


@dataclass(frozen=True)
class _Home:
    """What is loaded once: adapters of equal homes lie on one base.

    An adapter that was trained on 4-bit weights wants these weights' values below it.
    """

    ref: StudentRef
    quantization: Quantization
    prompts: PromptStyle


class LentModels:
    """Models in memory, loaded when they are first wanted; the rest goes when memory is short.

    `free` says how many bytes are free where the models lie.
    """

    def __init__(self, settings: Settings, free: Callable[[], int] | None = None) -> None:
        self._settings = settings
        self._free = free or free_bytes
        self._threads = torch.get_num_threads()
        self._loaded: dict[_Home, _Resident] = {}

    def fit_together(self, wanted: Collection[Wanted]) -> bool:
        """Whether these students can be in memory at once; True where one base serves them all.

        Raises BadInput for a student that is not there.
        """
        homes = {self._home(one)[0] for one in wanted}
        if len(homes) == 1:
            return True
        room = self._free() + sum(_size(home) for home in self._loaded if home not in homes)
        # A model that is still to come from the hub is taken for as large as the other one.
        largest = max(map(_size, homes))
        return sum(_size(home) or largest for home in homes if home not in self._loaded) <= room

    def load(self, wanted: Collection[Wanted]) -> None:
        """Bring students into memory, in place of others where there is no room for all.

        Raises as `student.loading.load` does.
        """
        placed = [self._home(one) for one in wanted]
        homes = {home for home, _ in placed}
        for home in homes:
            adapters = {adapter for own, adapter in placed if own == home and adapter is not None}
            resident = self._loaded.get(home)
            if resident is not None and not resident.can_take(adapters):
                adapters |= set(resident.adapters)
                resident = None  # nothing may hold what is to be freed
                self._drop(home)
            if resident is None:
                if _size(home) > self._free():
                    self._drop(*(other for other in list(self._loaded) if other not in homes))
                resident = self._loaded[home] = _Resident(home, adapters)
            resident.take(adapters)
        if device().type == "cpu":
            torch.set_num_threads(self._threads if max(map(_size, homes), default=0) > LARGE else 1)

    def stream(
        self,
        wanted: Wanted,
        prompt: str,
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> Iterator[Completion]:
        """Yield a loaded student's answer as it grows; see `TransformersStudent.stream`.

        Several may be read in turns, token by token.
        """
        home, adapter = self._home(wanted)
        resident = self._loaded[home]
        answer = resident.student.stream(prompt, decoding, cancelled)
        while True:
            resident.select(adapter)  # another answer may have been read in between
            written = next(answer, None)
            if written is None:
                return
            yield written

    def __len__(self) -> int:
        return len(self._loaded)

    def _home(self, wanted: Wanted) -> tuple[_Home, Path | None]:
        ref = parse_ref(wanted.student, self._settings.checkpoints, self._settings.models)
        values: Quantization = "4bit" if "4bit" in (wanted.quantization, ref.trained_on) else "none"
        if ref.adapter is not None and not _can_lie_on_top(ref.adapter):
            return _Home(ref, wanted.quantization, wanted.prompts), None
        base = replace(ref, ref=ref.base, kind=ref.base_kind, adapter=None, trained_on=values)
        return _Home(base, wanted.quantization, wanted.prompts), ref.adapter

    def _drop(self, *homes: _Home) -> None:
        for home in homes:
            del self._loaded[home]
        free_what_is_left_over()


class _Resident:
    """A base in memory, with any number of adapters, one of which or none is in force."""

    def __init__(self, home: _Home, adapters: Collection[Path]) -> None:
        loaded = load(home.ref, home.quantization)
        self.adapters: dict[Path, str] = {}
        self._adapted: PeftModel | None = None
        self._model = loaded.model
        self.take(adapters)
        # The adapters' layers are in their places before the weights below them are packed.
        self.student = TransformersStudent(loaded, batch_size=1, prompts=home.prompts)
        self._is_packed = any(isinstance(one, PackedLinear) for one in loaded.model.modules())

    def can_take(self, adapters: Collection[Path]) -> bool:
        """Whether these adapters are here, or can be put on top of what is loaded."""
        return not self._is_packed or set(adapters) <= set(self.adapters)

    def take(self, adapters: Collection[Path]) -> None:
        """Put adapters on top that are not there yet. Raises BadInput for one that does not fit."""
        for adapter in sorted(set(adapters) - set(self.adapters)):
            name = f"adapter{len(self.adapters)}"
            with adapter_must_fit(adapter):
                if self._adapted is None:
                    self._adapted = PeftModel.from_pretrained(
                        self._model, adapter, adapter_name=name, autocast_adapter_dtype=False
                    )
                else:
                    self._adapted.load_adapter(adapter, name, autocast_adapter_dtype=False)
            self.adapters[adapter] = name
            self._adapted.eval()
            self._selected: Path | None = None
            self._adapted.base_model.disable_adapter_layers()

    def select(self, adapter: Path | None) -> None:
        """Let the next tokens be written with this adapter, or by the base alone."""
        if self._adapted is None or adapter == self._selected:
            return
        layers = self._adapted.base_model
        if adapter is None:
            layers.disable_adapter_layers()
        else:
            layers.enable_adapter_layers()
            self._adapted.set_adapter(self.adapters[adapter], inference_mode=True)
        self._selected = adapter


def _can_lie_on_top(adapter: Path) -> bool:
    """Whether an adapter needs no more of the weights below it than their product.

    DoRA needs their norms, which packed weights do not give: such an adapter is merged.
    """
    config = json.loads((adapter / ADAPTER_CONFIG_FILE).read_text(encoding="utf-8"))
    return not config.get("use_dora")


def _size(home: _Home) -> int:
    """Bytes that a base takes in memory; 0 where its weights are not on this disk yet."""
    files = Path(home.ref.source).glob("*.safetensors")
    weights = sum(file.stat().st_size for file in files)
    return int(MARGIN * weights * (NF4_SHARE if home.quantization == "4bit" else 1))
