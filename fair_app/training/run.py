"""The body of a training job: train on the frozen examples, then record the checkpoint."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from fair_app.errors import Cancelled, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.settings import Settings
from fair_app.student.check import GB
from fair_app.student.loading import LoadedModel, device, load
from fair_app.student.registry import parse_ref
from fair_app.training.checkpoint import save_checkpoint
from fair_app.training.dividing import check_method
from fair_app.training.examples import TrainingQuestion, examples_hash
from fair_app.training.frozen import (
    EXAMPLES,
    as_questions,
    check_frozen,
    read_examples,
    work_folder,
)
from fair_app.training.fused import fuse, kernels
from fair_app.training.launch import launch
from fair_app.training.limits import memory_in_a_sentence
from fair_app.training.lineage import other_versions, versions
from fair_app.training.making import STATE, made
from fair_app.training.mentoring import soft_labels
from fair_app.training.methods import Trainee, trainee
from fair_app.training.processes import Processes, joined, launched
from fair_app.training.settings import TrainingSettings, one_sided
from fair_app.training.sharding import PROCESSOR, divide, in_turn, mesh_of
from fair_app.training.soft_labels import SoftLabels
from fair_app.training.telling import Telling
from fair_app.training.trainer import Diverged, Reports, StepMetrics, TrainingResult, train
from fair_app.training.validation import Validation, best


def run(job: JobContext) -> dict[str, Any]:
    """Train the student that the job's parameters describe (see `studio.training.train_params`).

    A run that was cut off goes on from its last saved step. Result: checkpoint, steps, loss,
    loss_feedback, loss_rationale, examples, shortened, left_out, seconds; with a mentor also
    loss_soft, how the soft labels were come by and mentor_seconds, what that took before the first
    step in this attempt; with held-out questions validation_loss, and for
    a run from a lineage whether it had the same losses.

    Raises BadInput and WorkFailed as `trainer.train` does. When the loss is no longer a number, the
    last good state is a checkpoint all the same.
    """
    lineage = made(job, _train)
    if stopped := lineage["result"].get("stopped"):
        raise WorkFailed(stopped)
    return {"checkpoint": job.params["name"], **lineage["result"]}


def _train(job: JobContext) -> None:
    if job.params.get("launch") and launched() == 1:
        launch(job, work_folder(job.settings.checkpoints, job.params["name"]))
    else:
        train_here(job)


def train_here(job: JobContext) -> None:
    """Train in this process, and in those that were launched with it, and save the checkpoint."""
    params, checkpoints_folder = job.params, job.settings.checkpoints
    settings = TrainingSettings(**params["settings"])
    work = work_folder(checkpoints_folder, params["name"])
    questions = read_examples(work)
    check_frozen(examples_hash(questions), params["data_sha256"])
    for line in other_versions(params, versions()):
        job.log(line)
    with job.device(), memory_in_a_sentence(), joined() as processes:
        if processes.size > 1:
            job.log(f"{processes.size} processes train together")
            sent = {"params": params, "examples": [asdict(one) for one in questions]}
            processes.from_first(json.dumps(sent).encode())
        telling = Telling(job.log, job.progress, job.check_cancelled)
        began = time.monotonic()
        soft = _soft(job.settings, params, settings, questions, telling, processes)
        prepared = time.monotonic() - began
        _compare(job, soft)
        job.progress("loading the student", 0, 0)
        loaded, student, computed = _student(job.settings, params, settings, processes)
        job.log(f"{len(questions)} questions to learn from; data {params['data_sha256'][:12]}")
        job.log("; ".join(f"{what}: {how}" for what, how in computed.items()))
        if said := one_sided(settings):
            job.log(said)
        stopped = None
        try:
            result = train(
                student,
                loaded.tokenizer,
                questions,
                settings,
                work / STATE,
                reports=_reports(job),
                cancelled=job.check_cancelled,
                resume=True,
                processes=processes,
                soft=soft,
            )
        except Diverged as fault:
            if fault.result is None:
                raise
            result = fault.result
            stopped = f"{fault} What it was after step {result.steps} is kept as {params['name']}."
        if result.shortened or result.left_out:
            job.log(
                f"{result.shortened} prompts were shortened from their start to fit; "
                f"{result.left_out} texts were too long and left out"
            )
        description = {**loaded.description, "kernels": computed}
        lineage = _lineage(params, settings, description, result, stopped, soft, prepared)
        folder = checkpoints_folder / params["name"]
        save_checkpoint(
            student, result.weights, loaded.tokenizer, folder, lineage, extra=[work / EXAMPLES]
        )


def follow(home: Settings) -> None:
    """Train along with the first of several launched processes: it says what, and it alone saves.

    The student must be found here as it is there. Raises WorkFailed when the first process is gone.
    """
    with memory_in_a_sentence(), joined() as processes:
        sent = json.loads(processes.from_first(b""))
        settings = TrainingSettings(**sent["params"]["settings"])
        questions = as_questions(sent["examples"])
        nowhere = home.checkpoints / STATE  # only the first process keeps a state
        with suppress(Cancelled, Diverged):
            soft = _soft(home, sent["params"], settings, questions, Telling(), processes)
            loaded, student, _ = _student(home, sent["params"], settings, processes)
            train(
                student,
                loaded.tokenizer,
                questions,
                settings,
                nowhere,
                processes=processes,
                soft=soft,
            )


def _student(
    home: Settings, params: dict[str, Any], settings: TrainingSettings, processes: Processes
) -> tuple[LoadedModel, Trainee, dict[str, str]]:
    """The student as it was loaded, as it is trained, and by which kernels."""
    folders = home.checkpoints, home.models
    start = params.get("start")
    adapter = parse_ref(start, *folders).adapter if start else None
    ref, sharding = parse_ref(params["student"], *folders), processes.sharding
    if sharding is None:
        loaded = load(ref, settings.quantization)
        fused = fuse(loaded.model)
        return loaded, trainee(loaded.model, settings, adapter), kernels(loaded.model, fused)
    check_method(settings.method, processes.size)
    mesh = mesh_of(processes, device())
    with in_turn(processes):
        loaded = load(ref, settings.quantization, PROCESSOR)
        student = trainee(loaded.model, settings, adapter)
        divide(student, sharding, mesh, device())
    divided = {"weights": f"divided among {processes.size} processes (FSDP2)"}
    return loaded, student, {**kernels(loaded.model, None), **divided}


def _soft(
    home: Settings,
    params: dict[str, Any],
    settings: TrainingSettings,
    questions: Sequence[TrainingQuestion],
    telling: Telling,
    processes: Processes,
) -> SoftLabels | None:
    student = parse_ref(params["student"], home.checkpoints, home.models)
    work = work_folder(home.checkpoints, params["name"])
    return soft_labels(home, student, settings, questions, work, telling, processes)


def _compare(job: JobContext, soft: SoftLabels | None) -> None:
    """Say where a run that is made again has another mentor than its lineage."""
    known = ((job.params.get("again") or {}).get("mentor") or {}).get("weights_sha256")
    if soft and known and known != soft.told["weights_sha256"]:
        job.log("the lineage's mentor had other weights than the one here")


def _reports(job: JobContext) -> Reports:
    def on_step(step: StepMetrics) -> None:
        values = {
            "loss": step.loss,
            "loss_feedback": step.loss_feedback,
            "loss_rationale": step.loss_rationale,
            "loss_soft": step.loss_soft,
            "learning_rate": step.learning_rate,
            "tokens_per_second": step.tokens_per_second,
            "memory_gb": step.memory / GB,
        }
        _write(job, step.step, values)
        job.progress("training", step.step, step.total_steps)

    def on_validation(found: Validation) -> None:
        values = {
            "validation_loss": found.total,
            "validation_feedback": found.feedback,
            "validation_rationale": found.rationale,
            "validation_soft": found.soft,
        }
        _write(job, found.step, values)

    return Reports(on_step, on_validation, job.log)


def _write(job: JobContext, step: int, values: dict[str, float | None]) -> None:
    job.metrics(step, {key: value for key, value in values.items() if value is not None})


def _lineage(
    params: dict[str, Any],
    settings: TrainingSettings,
    description: dict[str, object],
    result: TrainingResult,
    stopped: str | None,
    soft: SoftLabels | None,
    prepared: float,
) -> dict[str, Any]:
    known = (params.get("again") or {}).get("losses")
    held_out = best(result.validations)
    told = {
        "steps": result.steps,
        "loss": result.loss,
        "loss_feedback": result.loss_feedback,
        "loss_rationale": result.loss_rationale,
        "loss_soft": result.loss_soft,
        "soft_labels": soft.told["how"] if soft else None,
        "mentor_seconds": round(prepared, 1) if soft else None,
        "validation_loss": held_out.total if held_out else None,
        "best_step": result.best_step,
        "examples": result.examples,
        "held_out": result.held_out,
        "shortened": result.shortened,
        "left_out": result.left_out,
        "tokens_per_pass": result.room.tokens_per_pass,
        "checkpointing": result.room.checkpointing,
        "seconds": round(result.seconds, 1),
        "same_losses": [tuple(one) for one in known] == result.losses if known else None,
        "stopped": stopped,
    }
    always = ("loss_feedback", "loss_rationale")
    return {
        "base": params["student"],
        "start": params.get("start"),
        "quantization": settings.quantization,
        **(params.get("origin") or {}),
        "data_sha256": params["data_sha256"],
        "settings": settings.to_dict(),
        "student": description,
        **({"mentor": soft.told} if soft else {}),
        "versions": versions(),
        "result": {key: value for key, value in told.items() if value is not None or key in always},
        "losses": [list(one) for one in result.losses],
        "validations": [
            [
                *(one.step, one.total, one.feedback, one.rationale),
                *([] if soft is None else [one.soft]),
            ]
            for one in result.validations
        ],
    }
