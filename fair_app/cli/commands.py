"""Committee distillation from the command line: exam, collect, curate, train, evaluate, compare."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from db.projects import Project
from fair_app.cli.evaluating import exam_params, task_spec
from fair_app.committee.committee_file import load_committee
from fair_app.errors import BadInput
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.studio import bundle, collecting, exchange, mentor_kd, projects, teachers
from fair_app.studio import demo as demo_loop
from fair_app.studio.gguf_export import GGUF_TYPES, gguf_params
from fair_app.studio.giving_up import give_up
from fair_app.studio.quote import Quote, quote
from fair_app.studio.wrong_predictions import export_wrong_predictions

Result = dict[str, Any]


def exam(settings: Settings, arguments: Namespace) -> Result:
    """The student answers training questions; its mistakes are kept. Creates the project."""
    spec = task_spec(arguments)
    params = exam_params(settings, arguments, arguments.task, spec)
    project = projects.create_project(
        settings, arguments.project, arguments.task, arguments.student, spec
    )
    return worker.run_now(settings, "exam", params, project.id)


def collect(settings: Settings, arguments: Namespace) -> Result:
    """All missing rationales, feedback and reviews of the committee."""
    project = projects.open_project(settings, arguments.project)
    if arguments.budget is not None and not arguments.budget > 0:
        raise BadInput("--budget is an amount in USD: give more than 0.")
    if arguments.committee:
        teachers.set_committee(settings, project, load_committee(arguments.committee))
    if arguments.dry_run:
        return _quoted(
            quote(settings, project, batch=arguments.batch, review_mentor=arguments.review_mentor)
        )
    params = collecting.collect_params(
        settings,
        project,
        arguments.concurrency,
        arguments.budget,
        batch=arguments.batch,
        review_mentor=arguments.review_mentor,
    )
    return worker.run_now(settings, "collect", params, project.id)


def import_files(settings: Settings, arguments: Namespace) -> Result:
    """The reference's JSON files of a committee run, or Mentor-KD's of rationales."""
    if arguments.format == "mentor-kd":
        if arguments.mistakes or arguments.feedback:
            raise BadInput(
                "--mistakes and --feedback are of the reference's files: leave them out."
            )
        return mentor_kd.import_mentor_kd(
            settings,
            arguments.project,
            arguments.task,
            rationales=arguments.rationale,
            author=arguments.author or mentor_kd.AUTHOR,
            augmentations=arguments.augmentations,
        )
    if arguments.author or arguments.augmentations:
        raise BadInput("--author and --augmentations are of --format mentor-kd: leave them out.")
    return exchange.import_reference(
        settings,
        arguments.project,
        arguments.task,
        mistakes=arguments.mistakes,
        feedback=arguments.feedback,
        rationale=arguments.rationale,
    )


def export(settings: Settings, arguments: Namespace) -> Result:
    """The project as the reference's or Mentor-KD's files, training examples, a report, a bundle;
    or a GGUF."""
    project = projects.open_project(settings, arguments.project)
    if arguments.format == "gguf":
        kind = arguments.quantization or GGUF_TYPES[0]
        params = gguf_params(settings, arguments.checkpoint, arguments.output, kind)
        return worker.run_now(settings, "gguf", params, project.id)
    if arguments.checkpoint or arguments.quantization:
        raise BadInput("--checkpoint and --quantization are of --format gguf: leave them out.")
    write = {
        "reference": _reference_files,
        "sft": exchange.export_sft,
        "mentor-kd": mentor_kd.export_mentor_kd,
        "report": bundle.export_report,
        "bundle": bundle.export_bundle,
    }
    files = write[arguments.format](settings, project, arguments.output)
    left_out = exchange.left_out(settings, project) if arguments.format == "reference" else ""
    return {"files": [str(file) for file in files], **({"left_out": left_out} if left_out else {})}


def status(settings: Settings, arguments: Namespace) -> Result:
    """Where everything stands."""
    if arguments.project:
        shown = [projects.open_project(settings, arguments.project)]
    else:
        shown = projects.all_projects(settings)
    one = shown[0] if arguments.project else None
    return {
        "projects": [projects.status(settings, project) for project in shown],
        "jobs": [_job(job) for job in queue.listed(settings, one)],
    }


def jobs(settings: Settings, arguments: Namespace) -> Result:
    """List jobs, cancel, resume or give up one, or run the next one here."""
    match arguments.action:
        case "cancel":
            queue.cancel(settings, arguments.id)
        case "resume":
            queue.resume(settings, arguments.id)
        case "give-up":
            freed = give_up(settings, arguments.id)
            return {"names": freed, "jobs": [_job(job) for job in queue.listed(settings)]}
        case "run-next":
            waiting = queue.next_queued(settings)
            if waiting is None:
                raise BadInput("No job is waiting: `jobs resume ID` queues one again.")
            worker.run_job(settings, waiting.id, echo=True)
    return {"jobs": [_job(job) for job in queue.listed(settings)]}


def demo(settings: Settings, arguments: Namespace) -> Result:
    """The offline default from exam to comparison."""
    return demo_loop.run(settings, arguments.limit)


def _reference_files(settings: Settings, project: Project, folder: Path) -> list[Path]:
    """The run, and the wrong predictions of its evaluations."""
    run = exchange.export_reference(settings, project, folder)
    return [*run, *export_wrong_predictions(settings, project, folder)]


def _quoted(found: Quote) -> Result:
    return {
        "calls": found.calls - found.from_ledger,
        "cached": found.done + found.from_ledger,
        "failed": 0,
        "rationales": sum(line.calls for line in found.lines if line.role == "rationale"),
        "feedback": sum(line.calls for line in found.lines if line.role == "feedback"),
        "reviews": sum(line.calls for line in found.lines if line.role == "review"),
        "mistakes": found.mistakes,
        "teachers": found.teachers,
        "tokens": found.tokens,
        "cost_usd": found.cost_usd,
        "price_unknown": found.unpriced,
        "spent_usd": found.spent_usd,
        "minutes": found.minutes,
        "stopped_by_budget": False,
        "lines": [asdict(line) for line in found.lines],
    }


def _job(job: queue.Job) -> Result:
    return {
        "id": job.id,
        "kind": job.kind,
        "parent": job.parent_id,
        "state": job.state,
        "given_up": job.given_up,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "result": job.result,
    }
