"""A checkpoint as one GGUF file for llama.cpp: checking what is asked for."""

from pathlib import Path
from typing import Any

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT, parse_ref

GGUF_TYPES = ("f16", "bf16", "q8_0")
"""What the matrices are stored as: 16 bits (bf16 are the student's own bits), or 8 by blocks."""


def gguf_params(
    settings: Settings, checkpoint: str | None, output: Path, kind: str = GGUF_TYPES[0]
) -> dict[str, Any]:
    """The parameters of a job that writes a checkpoint, merged, into the folder `output`.

    Raises BadInput for a checkpoint that is not there, and for a file that is there already.
    """
    if checkpoint is None:
        raise BadInput("Say which checkpoint becomes a GGUF file: --checkpoint NAME.")
    if kind not in GGUF_TYPES:
        raise BadInput(f"There is no GGUF type '{kind}': use one of {', '.join(GGUF_TYPES)}.")
    name = checkpoint.removeprefix(CHECKPOINT)
    ref = parse_ref(f"{CHECKPOINT}{name}", settings.checkpoints, settings.models)
    file = output.resolve() / f"{name}-{kind}.gguf"
    if file.exists():
        raise BadInput(f"{file} is there already: choose another folder.")
    if output.exists() and not output.is_dir():
        raise BadInput(f"{output} is a file: give a folder to write to.")
    return {"checkpoint": ref.ref, "name": name, "type": kind, "file": str(file)}
