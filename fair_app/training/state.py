"""What an interrupted training run goes on from: a safetensors file, replaced as a whole.

The one before it is kept: when the loss is no longer a number, the newest state may be what led
there.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fair_app.errors import BadInput
from fair_app.training.memory import Room
from fair_app.training.validation import Validation
from fair_app.whole_files import whole_file

PACE = 20
"""A state is saved so often that it takes at most about one part in so many of the time."""

Tensors = dict[str, torch.Tensor]
Told = TypeVar("Told")


@dataclass(frozen=True)
class Progress:
    """How far a run is. `losses` holds (total, feedback, rationale) of every step so far, and with
    a mentor the divergence from it.

    `fingerprint` says which settings and examples it belongs to; `room` is what memory allowed,
    None while it is not found out yet.
    """

    fingerprint: str
    room: Room | None = None
    step: int = 0
    seconds: float = 0.0
    losses: list[tuple[float | None, ...]] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)

    def to_json(self) -> str:
        """As text, for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Progress":
        """Read what `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        values = json.loads(text)
        return cls(
            **{
                **values,
                "room": values["room"] and Room(**values["room"]),
                "losses": [tuple(losses) for losses in values["losses"]],
                "validations": [Validation(**one) for one in values["validations"]],
            }
        )


class StateFiles:
    """The files of one run: the state saved last, the one before, and the best weights so far;
    and, from before the first of them, the room that was found.

    All are beside `path`. With `every` a state is kept after so many steps, else as `PACE` says.
    """

    def __init__(self, path: Path, every: int | None = None) -> None:
        self._path = path
        self._before = path.with_name(f"{path.name}.before")
        self._best = path.with_name(f"{path.name}.best")
        self._room = path.with_name(f"{path.name}.room")
        self._every = every
        self._saved_step = 0
        self._saved_at = time.monotonic()
        self._took = 0.0

    def keep_room(self, found: Progress) -> None:
        """Keep the room of a run that has not taken a step. WorkFailed: the disk is full."""
        self._room.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._room) as partial:
            partial.write_text(found.to_json(), encoding="utf-8")

    def kept_room(self, fingerprint: str) -> Room | None:
        """The room that was kept; None without one, or where it is another run's."""
        try:
            found = Progress.from_json(self._room.read_text(encoding="utf-8"))
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return found.room if found.fingerprint == fingerprint else None

    def is_due(self, progress: Progress) -> bool:
        """Whether a state is to be saved after this step."""
        if self._every is not None:
            return progress.step % self._every == 0
        return time.monotonic() - self._saved_at >= PACE * self._took

    def save(self, progress: Progress, tensors: Mapping[str, torch.Tensor]) -> None:
        """Replace the state, unless this step is the one that was saved last.

        WorkFailed: the disk is full, and the old state is still there.
        """
        if progress.step == self._saved_step:
            return
        began = time.monotonic()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        following = self._path.with_name(f"{self._path.name}.next")
        write_tensors(following, tensors, {"progress": progress.to_json()})
        if self._path.exists():
            self._path.replace(self._before)
        following.replace(self._path)
        self._saved_step, self._saved_at = progress.step, time.monotonic()
        self._took = self._saved_at - began

    def load(self, fingerprint: str) -> tuple[Progress, Tensors] | None:
        """The newest state; None when there is none.

        Raises BadInput when the file is damaged or belongs to other settings or examples.
        """
        found = next((path for path in (self._path, self._before) if path.exists()), None)
        if found is None:
            return None
        progress, tensors = _read(found, fingerprint)
        self._saved_step = progress.step
        return progress, tensors

    def last_good(self, fingerprint: str, step: int) -> tuple[Progress, Tensors] | None:
        """The newest state after at most `step` steps, and at least one; None without one."""
        for path in (self._path, self._before):
            if path.exists():
                progress, tensors = _read(path, fingerprint)
                if 1 <= progress.step <= step:
                    return progress, tensors
        return None

    def save_best(self, step: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights after a step aside. WorkFailed: the disk is full."""
        self._best.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(self._best, weights, {"step": str(step)})

    def best(self, step: int) -> Tensors | None:
        """The weights kept aside; None when they are not those after this step."""
        if not self._best.exists():
            return None
        with safe_open(self._best, framework="pt") as file:
            if file.metadata().get("step") != str(step):
                return None
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    def clear(self) -> None:
        """Remove what an older run left."""
        for path in (self._path, self._before, self._best, self._room):
            path.unlink(missing_ok=True)


def write_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: dict[str, str]
) -> None:
    """Write a safetensors file as a whole. WorkFailed: the disk is full."""
    content = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    with whole_file(path) as partial:
        save_file(content, partial, metadata)


def read_state_file(path: Path, decode: Callable[[str], Told]) -> tuple[Told, Tensors]:
    """Read a state: its `progress` as `decode` understands it, and its tensors.

    Raises BadInput when the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = decode(file.metadata()["progress"])
            return told, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"The saved state {path} is damaged: delete it and train again.") from error


def _read(path: Path, fingerprint: str) -> tuple[Progress, Tensors]:
    progress, tensors = read_state_file(path, Progress.from_json)
    if progress.fingerprint != fingerprint:
        raise BadInput(
            "The settings or the examples changed since this training was interrupted: "
            "start a new one."
        )
    return progress, tensors
