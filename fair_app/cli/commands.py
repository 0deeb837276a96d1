"""Committee distillation from the command line: exam, collect, curate, train, evaluate, compare."""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from fair_app.committee.committee_file import load_committee
from fair_app.errors import BadInput
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.studio import collecting, exams, exchange, projects, teachers
from fair_app.studio import demo as demo_loop
from fair_app.studio.quote import Quote, quote
from fair_app.tasks.custom import TaskSpec, make_spec
from fair_app.tasks.registry import task as task_named

Result = dict[str, Any]


def exam(settings: Settings, arguments: Namespace) -> Result:
    """The student answers training questions; its mistakes are kept. Creates the project."""
    spec = _task_spec(arguments)
    params = _exam_params(settings, arguments, arguments.task, spec)
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
        return _quoted(quote(settings, project, batch=arguments.batch))
    params = collecting.collect_params(
        settings, project, arguments.concurrency, arguments.budget, batch=arguments.batch
    )
    return worker.run_now(settings, "collect", params, project.id)


def evaluate(settings: Settings, arguments: Namespace) -> Result:
    """A student answers the test questions."""
    project = projects.open_project(settings, arguments.project)
    name, spec = arguments.task or project.task, _task_spec(arguments)
    if spec is None and name != project.task:
        task_named(name)
    params = _exam_params(settings, arguments, name, spec)
    result = worker.run_now(settings, "evaluate", params, project.id)
    return {"evaluation": result.pop("exam"), "n": result.pop("questions"), **result}


def compare(settings: Settings, arguments: Namespace) -> Result:
    """Two evaluations of the same items, with McNemar's exact test."""
    project = projects.open_project(settings, arguments.project)
    first, second = (
        exams.find_evaluation(settings, project, which)
        for which in (arguments.first, arguments.second)
    )
    found = exams.compare(settings, first, second)
    return {
        "fixed": found.fixed,
        "broken": found.broken,
        "both_right": found.both_right,
        "both_wrong": found.both_wrong,
        "p_value": found.p_value,
    }


def import_files(settings: Settings, arguments: Namespace) -> Result:
    """The reference's JSON files of a committee run."""
    return exchange.import_reference(
        settings,
        arguments.project,
        arguments.task,
        mistakes=arguments.mistakes,
        feedback=arguments.feedback,
        rationale=arguments.rationale,
    )


def export(settings: Settings, arguments: Namespace) -> Result:
    """The project as the reference's JSON files, or as training examples."""
    project = projects.open_project(settings, arguments.project)
    write = {"reference": exchange.export_reference, "sft": exchange.export_sft}
    files = write[arguments.format](settings, project, arguments.output)
    return {"files": [str(file) for file in files]}


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
    """List jobs, cancel or resume one, or run the next one here."""
    match arguments.action:
        case "cancel":
            queue.cancel(settings, arguments.id)
        case "resume":
            queue.resume(settings, arguments.id)
        case "run-next":
            waiting = queue.next_queued(settings)
            if waiting is None:
                raise BadInput("No job is waiting: `jobs resume ID` queues one again.")
            worker.run_job(settings, waiting.id, echo=True)
    return {"jobs": [_job(job) for job in queue.listed(settings)]}


def demo(settings: Settings, arguments: Namespace) -> Result:
    """The offline default from exam to comparison."""
    return demo_loop.run(settings, arguments.limit)


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


def _task_spec(arguments: Namespace) -> TaskSpec | None:
    """How to read a task of one's own, where --map and --grader say so."""
    if arguments.map is None and arguments.grader is None:
        return None
    if arguments.map is None or arguments.grader is None:
        raise BadInput("A task of your own needs both --map and --grader.")
    return make_spec(arguments.map, arguments.grader)


def _exam_params(
    settings: Settings, arguments: Namespace, task: str, spec: TaskSpec | None
) -> dict[str, Any]:
    return exams.exam_params(
        settings,
        student=arguments.student,
        task=task,
        split=arguments.split,
        rows=arguments.rows,
        limit=arguments.limit,
        decoding=arguments.decoding,
        max_new_tokens=arguments.max_new_tokens,
        quantization=arguments.quantization,
        server=arguments.server,
        samples=arguments.samples,
        prompts=arguments.prompts,
        task_spec=spec,
    )


def _job(job: queue.Job) -> Result:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "result": job.result,
    }
