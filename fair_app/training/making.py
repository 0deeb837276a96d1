"""How a run makes a checkpoint: under a name that is still its own, and once, however often it is
begun."""

import shutil
from collections.abc import Callable
from typing import Any

from db import checkpoints, jobs
from fair_app.errors import BadInput
from fair_app.jobs.context import JobContext
from fair_app.training.frozen import name_given_up, work_folder
from fair_app.training.lineage import read_lineage

STATE = "state.safetensors"
"""What a run goes on from, in its work folder."""


def made(job: JobContext, make: Callable[[JobContext], None]) -> dict[str, Any]:
    """Let `make` bring the checkpoint of a job into its folder, and record it; its lineage.

    Raises BadInput where another run has taken the name since, and what `make` raises.
    """
    name, checkpoints_folder = job.params["name"], job.settings.checkpoints
    if _is_taken_since(job, name):
        raise BadInput("Another run has taken this one's name since: start a new one.")
    folder, work = checkpoints_folder / name, work_folder(checkpoints_folder, name)
    # A process killed between the folder's appearance and its row left a complete checkpoint.
    if not folder.is_dir():
        with name_given_up(work, STATE, is_part=job.job.parent_id is not None):
            make(job)
    lineage = read_lineage(folder)
    checkpoints.add(
        job.store,
        job.project.id,
        job_id=job.job.id,
        name=name,
        base=job.params["student"],
        lineage=lineage,
    )
    shutil.rmtree(work, ignore_errors=True)
    return lineage


def _is_taken_since(job: JobContext, name: str) -> bool:
    """Whether a later run has the name: it was free once this one could not begin."""
    return any(
        one.params["name"] == name
        for one in jobs.in_state(job.store, "queued", "running", *jobs.ENDED)
        if one.id > job.job.id and one.kind in ("train", "merge", "prefer")
    )
