"""What an interrupted training run goes on from: one safetensors file, replaced as a whole."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fair_app.errors import BadInput
from fair_app.training.files import write_whole


@dataclass(frozen=True)
class Progress:
    """How far a run is. `losses` holds (total, feedback, rationale) of every step so far.

    `fingerprint` says which settings and examples it belongs to.
    """

    fingerprint: str
    step: int = 0
    seconds: float = 0.0
    losses: list[tuple[float, float | None, float | None]] = field(default_factory=list)


def save_state(path: Path, progress: Progress, tensors: dict[str, torch.Tensor]) -> None:
    """Replace the state file. WorkFailed: the disk is full, and the old file is still there."""
    content = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, save(content, metadata={"progress": json.dumps(asdict(progress))}))


def load_state(path: Path, fingerprint: str) -> tuple[Progress, dict[str, torch.Tensor]] | None:
    """Read the state file; None when there is none.

    Raises BadInput when the file is damaged or belongs to other settings or examples.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"The saved state {path} is damaged: delete it and train again.") from error
    if progress.fingerprint != fingerprint:
        raise BadInput(
            "The settings or the examples changed since this training was interrupted: "
            "start a new one."
        )
    return progress, tensors
