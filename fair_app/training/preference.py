"""The body of a preference job: DPO on the frozen preferences, then record the checkpoint."""

from importlib.metadata import version
from typing import Any

from fair_app.errors import BadInput, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.checkpoint import save_checkpoint
from fair_app.training.frozen import check_frozen, work_folder
from fair_app.training.limits import memory_in_a_sentence
from fair_app.training.lineage import other_versions, versions
from fair_app.training.making import STATE, made
from fair_app.training.preferences import (
    PREFERENCES,
    STAGE,
    PreferenceSettings,
    preferences_hash,
    read_preferences,
)
from fair_app.training.processes import launched


def run(job: JobContext) -> dict[str, Any]:
    """Train the checkpoint that the job's parameters name (see `studio.preferring`).

    A run that was cut off goes on from its last saved step. Result: checkpoint, steps, loss,
    margin, accuracy, preferences, left_out, seconds; for a run from a lineage whether it had the
    same losses. Raises BadInput and WorkFailed as `dpo.optimise` does. When the loss is no longer a
    number, what was saved last is a checkpoint all the same.
    """
    if launched() > 1:
        raise BadInput("Preferences are learned in one process: leave out accelerate launch.")
    result = made(job, _prefer)["result"]
    if stopped := result.get("stopped"):
        raise WorkFailed(stopped)
    return {"checkpoint": job.params["name"], **result}


def _prefer(job: JobContext) -> None:
    # trl is an optional dependency, and torch is loaded with it
    from fair_app.training.dpo import PreferenceStep, optimise, preferring_student

    params, folders = job.params, (job.settings.checkpoints, job.settings.models)
    settings = PreferenceSettings(**params["settings"])
    work = work_folder(job.settings.checkpoints, params["name"])
    found = read_preferences(work)
    check_frozen(preferences_hash(found), params["data_sha256"])
    here = {**versions(), "trl": version("trl")}
    for line in other_versions(params, here):
        job.log(line)

    def report(step: int, total: int, rate: float, took: PreferenceStep) -> None:
        values = {"loss": took.loss, "margin": took.margin, "accuracy": took.accuracy}
        job.metrics(step, {**values, "learning_rate": rate})
        job.progress("preferring", step, total)

    with job.device(), memory_in_a_sentence():
        job.progress("loading the student", 0, 0)
        adapter = parse_ref(params["start"], *folders).adapter if params["start"] else None
        loaded = load(parse_ref(params["student"], *folders), params["quantization"])
        student = preferring_student(loaded.model, adapter, settings.seed)
        job.log(f"{len(found)} preferences to learn from; data {params['data_sha256'][:12]}")
        result = optimise(
            student,
            loaded.tokenizer,
            found,
            settings,
            work / STATE,
            report=report,
            say=job.log,
            cancelled=job.check_cancelled,
        )
        if result.left_out:
            job.log(f"{result.left_out} were longer than {settings.max_tokens} tokens: left out")
        end, known = result.at_end, (params.get("again") or {}).get("losses")
        losses = [[one.loss, one.margin, one.accuracy] for one in result.steps]
        kept = f"What it was after step {len(losses)} is kept as {params['name']}."
        told = {
            "steps": len(losses),
            "loss": end.loss,
            "margin": end.margin,
            "accuracy": end.accuracy,
            "preferences": result.preferences,
            "left_out": result.left_out,
            "seconds": round(result.seconds, 1),
            **({"stopped": f"{result.stopped} {kept}"} if result.stopped else {}),
            **({"same_losses": known == losses} if known else {}),
        }
        lineage = {
            "stage": STAGE,
            "base": params["student"],
            "start": params["start"],
            "quantization": params["quantization"],
            "method": params["method"],
            **params["origin"],
            "data_sha256": params["data_sha256"],
            "settings": params["settings"],
            "student": loaded.description,
            "versions": here,
            "result": told,
            "losses": losses,
        }
        folder = job.settings.checkpoints / params["name"]
        extra = [work / PREFERENCES]
        save_checkpoint(student, result.weights, loaded.tokenizer, folder, lineage, extra)
