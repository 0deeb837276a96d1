"""A checkpoint as one GGUF file for llama.cpp: checking what is asked for."""

from pathlib import Path
from typing import Any

from db import jobs
from db.store import connect
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT, parse_ref

GGUF_TYPES = ("f16", "bf16", "q8_0")
"""What the matrices are stored as: 16 bits (bf16 are the student's own bits), or 8 by blocks."""


def gguf_params(
    settings: Settings, checkpoint: str | None, output: Path, kind: str = GGUF_TYPES[0]
) -> dict[str, Any]:
    """The parameters of a job that writes a checkpoint, merged, into the folder `output`.

    Raises BadInput for a checkpoint that is not there, and for a file that is there already or is
    being written.
    """
    if checkpoint is None:
        raise BadInput("Say which checkpoint becomes a GGUF file: --checkpoint NAME.")
    if kind not in GGUF_TYPES:
        raise BadInput(f"There is no GGUF type '{kind}': use one of {', '.join(GGUF_TYPES)}.")
    name = checkpoint.removeprefix(CHECKPOINT)
    ref = parse_ref(f"{CHECKPOINT}{name}", settings.checkpoints, settings.models)
    file = gguf_file(output.resolve(), name, kind)
    if file.exists():
        raise BadInput(f"{file} is there already: choose another folder.")
    at_work = jobs.in_state(connect(settings.database), "queued", "running")
    if any(job.kind == "gguf" and job.params["file"] == str(file) for job in at_work):
        raise BadInput(f"{file} is being written already: wait for that job, or cancel it.")
    if output.exists() and not output.is_dir():
        raise BadInput(f"{output} is a file: give a folder to write to.")
    return {"checkpoint": ref.ref, "name": name, "type": kind, "file": str(file)}


def gguf_file(folder: Path, name: str, kind: str = GGUF_TYPES[0]) -> Path:
    """Where a checkpoint's file stands in a folder."""
    return folder / f"{name}-{kind}.gguf"
