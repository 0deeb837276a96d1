"""What an interrupted preference run goes on from: one safetensors file (TRL's own are pickled)."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from fair_app.errors import BadInput
from fair_app.training.state import read_state_file, write_tensors


@dataclass(frozen=True)
class PreferenceStep:
    """One optimizer step. `margin`: how much more the chosen texts are rewarded than the rejected
    ones, on average; `accuracy`: the share of preferences where they are."""

    loss: float
    margin: float
    accuracy: float


@dataclass(frozen=True)
class PreferenceRoom:
    """What bounds the memory of a pass: its preferences, and whether activations are computed again
    in the backward pass. Neither changes the loss of a step, nor its gradient."""

    preferences: int
    checkpointing: bool


def tighter(room: PreferenceRoom) -> PreferenceRoom | None:
    """The next smaller room after memory ran out; None when there is none."""
    if room.preferences > 1:
        return PreferenceRoom(room.preferences // 2, room.checkpointing)
    return None if room.checkpointing else PreferenceRoom(1, checkpointing=True)


@dataclass(frozen=True)
class PreferenceProgress:
    """How far a run is. `room` is what memory allowed; None while no step was taken."""

    fingerprint: str
    seconds: float = 0.0
    steps: list[PreferenceStep] = field(default_factory=list)
    room: PreferenceRoom | None = None


def write_state(
    path: Path, before: Path, progress: PreferenceProgress, tensors: Mapping[str, torch.Tensor]
) -> None:
    """Replace the state; the one that was there stays as `before`. WorkFailed: the disk is full."""
    if path.exists():
        before.unlink(missing_ok=True)
        os.link(path, before)
    write_tensors(path, tensors, {"progress": json.dumps(asdict(progress))})


def read_state(path: Path, fingerprint: str) -> tuple[PreferenceProgress, dict[str, torch.Tensor]]:
    """Read a state. Raises BadInput when it is damaged, or another run's."""
    progress, tensors = read_state_file(path, _progress)
    if progress.fingerprint != fingerprint:
        raise BadInput(
            "The settings or the preferences changed since this run was interrupted: start a new "
            "one."
        )
    return progress, tensors


def _progress(text: str) -> PreferenceProgress:
    told = json.loads(text)
    room = told.get("room")
    return PreferenceProgress(
        told["fingerprint"],
        told["seconds"],
        [PreferenceStep(**step) for step in told["steps"]],
        PreferenceRoom(**room) if room else None,
    )
