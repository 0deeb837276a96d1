"""The body of a training job: train on the frozen examples, then record the checkpoint."""

import shutil
from typing import Any

from db import checkpoints, committee
from fair_app.jobs.context import JobContext
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.adapter import save_checkpoint, with_adapter
from fair_app.training.frozen import EXAMPLES, thaw, work_folder
from fair_app.training.lineage import read_lineage, versions
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import StepMetrics, TrainingResult, train

STATE = "state.safetensors"


def run(job: JobContext) -> dict[str, Any]:
    """Train the adapter that the job's parameters describe (see `studio.training.train_params`).

    A run that was cut off goes on from its last saved step. Result: checkpoint, steps, loss,
    loss_feedback, loss_rationale, examples, shortened, left_out, seconds.
    """
    params = job.params
    name = params["name"]
    folder = job.settings.checkpoints / name
    work = work_folder(job.settings.checkpoints, name)
    # A process killed between the folder's appearance and its row left a complete checkpoint.
    lineage = read_lineage(folder) if folder.is_dir() else _train(job)
    checkpoints.add(
        job.store,
        job.project.id,
        job_id=job.job.id,
        name=name,
        base=params["student"],
        lineage=lineage,
    )
    shutil.rmtree(work, ignore_errors=True)
    return {"checkpoint": name, **lineage["result"]}


def _train(job: JobContext) -> dict[str, Any]:
    params = job.params
    settings = TrainingSettings(**params["settings"])
    work = work_folder(job.settings.checkpoints, params["name"])
    questions = thaw(work)
    ref = parse_ref(params["student"], job.settings.checkpoints, job.settings.models)

    def on_step(step: StepMetrics) -> None:
        values = {
            "loss": step.loss,
            "loss_feedback": step.loss_feedback,
            "loss_rationale": step.loss_rationale,
            "learning_rate": step.learning_rate,
            "tokens_per_second": step.tokens_per_second,
        }
        job.metrics(step.step, {key: value for key, value in values.items() if value is not None})
        job.progress("training", step.step, step.total_steps)

    with job.device():
        job.progress("loading the student", 0, 0)
        loaded = load(ref, settings.quantization)
        student = with_adapter(loaded.model, settings)
        job.log(f"{len(questions)} questions to learn from; data {params['data_sha256'][:12]}")
        result = train(
            student,
            loaded.tokenizer,
            questions,
            settings,
            work / STATE,
            on_step=on_step,
            cancelled=job.check_cancelled,
            resume=True,
            save_every=5,
        )
        if result.shortened or result.left_out:
            job.log(
                f"{result.shortened} prompts were shortened from their start to fit; "
                f"{result.left_out} texts were too long and left out"
            )
        lineage = _lineage(job, settings, loaded.description, result)
        folder = job.settings.checkpoints / params["name"]
        save_checkpoint(
            student, result.weights, loaded.tokenizer, folder, lineage, extra=[work / EXAMPLES]
        )
    return lineage


def _lineage(
    job: JobContext,
    settings: TrainingSettings,
    description: dict[str, object],
    result: TrainingResult,
) -> dict[str, Any]:
    params, project = job.params, job.project
    return {
        "base": params["student"],
        "quantization": settings.quantization,
        "project": project.name,
        "task": project.task,
        "exam": project.exam_id,
        "teacher": params["teacher"],
        "keep_rule": params["keep_rule"],
        "teachers": [
            {"name": one.name, "simulated": one.simulated, "spec": one.spec}
            for one in committee.teachers(job.store, project.id)
        ],
        "threshold": params["threshold"],
        "decisions": params["decisions"],
        "data_sha256": params["data_sha256"],
        "settings": settings.to_dict(),
        "student": description,
        "versions": versions(),
        "result": {
            "steps": result.steps,
            "loss": result.loss,
            "loss_feedback": result.loss_feedback,
            "loss_rationale": result.loss_rationale,
            "examples": result.examples,
            "shortened": result.shortened,
            "left_out": result.left_out,
            "seconds": round(result.seconds, 1),
        },
    }
