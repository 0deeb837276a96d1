"""The body of a merging job: an adapter becomes part of its base's weights, as a checkpoint."""

from typing import Any

from db import checkpoints
from fair_app.jobs.context import JobContext
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.checkpoint import save_checkpoint
from fair_app.training.frozen import EXAMPLES
from fair_app.training.lineage import read_lineage
from fair_app.training.preferences import PREFERENCES


def run(job: JobContext) -> dict[str, Any]:
    """Merge the adapter that the job's parameters name; result: checkpoint, parameters.

    An adapter that was trained on 4-bit weights is merged into those weights' values, so that the
    whole model is the student that was trained. Raises as `student.loading.load` does, WorkFailed
    when the disk is full.
    """
    folders = job.settings.checkpoints, job.settings.models
    origin, name = job.params["checkpoint"], job.params["name"]
    folder = job.settings.checkpoints / name
    with job.device():
        if not folder.is_dir():  # a process killed before the row was written left it complete
            job.progress(f"merging {origin}", 0, 0)
            loaded = load(parse_ref(f"checkpoint:{origin}", *folders))
            lineage = {
                **read_lineage(job.settings.checkpoints / origin),
                "quantization": "none",
                "merged_from": origin,
                "student": loaded.description,
            }
            texts = [job.settings.checkpoints / origin / one for one in (EXAMPLES, PREFERENCES)]
            extra = [file for file in texts if file.is_file()]
            save_checkpoint(loaded.model, {}, loaded.tokenizer, folder, lineage, extra)
    lineage = read_lineage(folder)
    checkpoints.add(
        job.store,
        job.project.id,
        job_id=job.job.id,
        name=name,
        base=lineage["base"],
        lineage=lineage,
    )
    return {"checkpoint": name, "parameters": lineage["student"]["parameters"]}
