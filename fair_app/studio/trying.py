"""Trying students: a question put to one or two of them, from whom it is asked, and its answers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from db import exams, jobs, trials
from db import questions as stored
from db.jobs import Job
from db.projects import Project
from db.questions import QuestionRow
from db.store import connect, writing
from db.trials import Trial
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.jobs.kinds import KINDS, needs_device
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.stored_questions import as_question, store_questions
from fair_app.student.base import DECODINGS
from fair_app.student.lending import GIVING_BACK
from fair_app.student.registry import parse_ref
from fair_app.studio.exams import server_of
from fair_app.tasks.base import Question
from fair_app.tasks.readers.choice import LETTERS
from fair_app.tasks.registry import task_of

KIND = "try"
IDLE_S = 300.0
"""After so many seconds without a question a lent model is given back."""
MOST_STUDENTS = 2
LONGEST_QUESTION = 20_000
"""Characters."""
TEST_QUESTIONS = 200
"""How many questions of a split are read to draw from, where none was asked yet."""

Asking = list[Trial]
"""The answers to one question, in the order of its students."""


@dataclass(frozen=True)
class Lender:
    """The job that lends this project's students: `state` says where it stands.

    `starting` (or waiting for its turn), `lent`, or `gone`, with why it was given back.
    """

    job: Job
    state: str
    why: str = ""


def lender(settings: Settings, project: Project) -> Lender | None:
    """The newest job that lends or lent this project's students on this machine, or None."""
    store = connect(settings.database)
    mark_orphans(store)
    found = [job for job in jobs.listed(store, project.id) if job.kind == KIND and not _served(job)]
    if not found:
        return None
    job = found[0]
    if job.state not in queue.ACTIVE:
        return Lender(job, "gone", _why_gone(job))
    begun = job.state == "running" and job.stage not in ("", "starting")
    return Lender(job, "lent" if begun else "starting")


def in_the_way(settings: Settings) -> Job | None:
    """The job that has the device, or waits for it, and is more than a lent model; or None."""
    store = connect(settings.database)
    mark_orphans(store)
    for job in [*jobs.in_state(store, "running"), *jobs.waiting(store)]:
        if job.kind != KIND and needs_device(job.kind, job.params):
            return job
    return None


def ask(
    settings: Settings,
    project: Project,
    *,
    students: Sequence[str],
    question: str,
    question_id: int | None = None,
    decoding: str = "greedy",
    owner: str = "",
) -> int:
    """Put a question to students, as the project's exam would; return the id of the asking.

    A job that lends them answers, the one that is at it or a new one; those behind a server are
    asked there. `question_id` names the test question that it is. `owner` is the person whose typed
    keys may be used.

    Raises BadInput for what cannot be asked, and while another job computes on the device.
    """
    rows = asked_rows(settings, project, students, question, question_id, decoding)
    if any(row["server"] is None for row in rows):
        check_device(settings)
    store = connect(settings.database)
    with writing(store):
        for row in rows:
            row["job_id"] = _lender_for(settings, project, row["server"], owner)
        return trials.add(store, rows)


def asked_rows(
    settings: Settings,
    project: Project,
    students: Sequence[str],
    question: str,
    question_id: int | None = None,
    decoding: str = "greedy",
    max_new_tokens: int | None = None,
) -> list[dict[str, Any]]:
    """The rows of a question, one a student, without the job that answers. Raises BadInput."""
    if not question.strip():
        raise BadInput("Write a question first.")
    if len(question) > LONGEST_QUESTION:
        raise BadInput(f"The question is too long: ask with at most {LONGEST_QUESTION} characters.")
    students = list(dict.fromkeys(student.strip() for student in students if student.strip()))
    if not students:
        raise BadInput("Choose the student to ask.")
    if len(students) > MOST_STUDENTS:
        raise BadInput(f"Ask at most {MOST_STUDENTS} students at a time.")
    servers = [server_of(settings, project, student) for student in students]
    for student, server in zip(students, servers, strict=True):
        if server is None:
            parse_ref(student, settings.checkpoints, settings.models)
    how = _as_the_exam(settings, project, decoding, max_new_tokens)
    return [
        {
            "project_id": project.id,
            "student": student,
            "server": server,
            "question": question.strip(),
            "question_id": question_id,
            "settings": how,
        }
        for student, server in zip(students, servers, strict=True)
    ]


def lend_params(
    server: str | None, ask: list[dict[str, Any]] | None = None, idle_s: float = IDLE_S
) -> dict[str, Any]:
    """The parameters of a job that lends students: those behind a server, or of this machine.

    With `ask`, rows of `asked_rows`, it answers these and ends.
    """
    return {"server": server, "ask": ask, "idle_s": idle_s}


def check_device(settings: Settings) -> None:
    """Raise BadInput, saying what to do, while a job computes or waits to compute."""
    if (job := in_the_way(settings)) is not None:
        raise BadInput(busy_sentence(job))


def busy_sentence(job: Job) -> str:
    """What to do about a job that is in the way of a lent model."""
    does = "computes on the device" if job.state == "running" else "waits for the device"
    return (
        f"Job {job.id} ({KINDS[job.kind].title}) {does}: wait until it is done, or pause it, and "
        "then ask."
    )


def stop(settings: Settings, project: Project, asking: int) -> None:
    """Let the answers to a question be written no further."""
    trials.request_stop(connect(settings.database), project.id, asking)


def give_back(settings: Settings, project: Project) -> None:
    """End every job that lends this project's students."""
    store = connect(settings.database)
    for job in jobs.in_state(store, *queue.ACTIVE):
        if job.kind == KIND and job.project_id == project.id:
            queue.cancel(settings, job.id)


def asking(settings: Settings, project: Project, asked: int) -> Asking:
    """The answers to one question as far as they are; empty when there is no such question."""
    _settle(settings)
    return trials.asked(connect(settings.database), project.id, asked)


def history(
    settings: Settings, project: Project, limit: int, offset: int = 0
) -> tuple[list[Asking], int]:
    """A project's newest questions with their answers, and how many there are in all."""
    _settle(settings)
    store = connect(settings.database)
    by_asking: dict[int, Asking] = {}
    for trial in trials.newest(store, project.id, limit, offset):
        by_asking.setdefault(trial.asking, []).append(trial)
    return list(by_asking.values()), trials.count_askings(store, project.id)


def test_question(settings: Settings, project: Project) -> tuple[int, str]:
    """The id of a test question, any of them, and how it is shown.

    Of those that the project has asked; where it has asked none, of the task's own. Raises BadInput
    or WorkFailed when these cannot be read.
    """
    store, task = connect(settings.database), task_of(project)
    drawn = stored.drawn(store, project.id, task.name, "test")
    if drawn is None:
        read = task.load("test", limit=TEST_QUESTIONS)
        with writing(store):
            store_questions(store, project.id, task.name, "test", read)
        drawn = stored.drawn(store, project.id, task.name, "test")
    if drawn is None:
        raise BadInput(f"The test split of {task.name} has no question: ask one of your own.")
    return drawn.id, shown(as_question(drawn))


def as_test_question(
    settings: Settings, project: Project, question_id: int | None, question: str
) -> int | None:
    """The test question that a person took and left as it is; None once they changed it."""
    if not question_id:
        return None
    found: list[QuestionRow] = stored.by_ids(connect(settings.database), [question_id])
    own = [row for row in found if row.project_id == project.id]
    return question_id if own and shown(as_question(own[0])) == question.strip() else None


def shown(question: Question) -> str:
    """A question as a person reads it: its context, its text and its options."""
    options = [f"{letter}. {text}" for letter, text in zip(LETTERS, question.options, strict=False)]
    parts = (question.context, "\n".join([question.text, *options]))
    return "\n\n".join(part for part in parts if part).strip()


def _as_the_exam(
    settings: Settings, project: Project, decoding: str, max_new_tokens: int | None
) -> dict[str, Any]:
    """How a question is put and answered: as in the project's exam, but for the decoding."""
    if decoding not in DECODINGS:
        raise BadInput(f"There is no decoding '{decoding}': choose {' or '.join(DECODINGS)}.")
    if max_new_tokens is not None and max_new_tokens < 1:
        raise BadInput("The limit of new tokens must be 1 or more.")
    store = connect(settings.database)
    known = exams.get(store, project.exam_id).settings if project.exam_id is not None else {}
    chosen = DECODINGS[decoding]
    limit = max_new_tokens or known.get("decoding", {}).get("max_new_tokens")
    if limit:
        chosen = replace(chosen, max_new_tokens=limit)
    return {
        "decoding": asdict(chosen),
        "prompts": known.get("prompts", "chat"),
        "quantization": known.get("quantization", "none"),
    }


def _lender_for(settings: Settings, project: Project, server: str | None, owner: str) -> int:
    """The job of a project that takes a question now, or a new one.

    What is lent on this machine is lent to all; with a typed key only its owner's questions go out.
    """
    for job in jobs.in_state(connect(settings.database), *queue.ACTIVE):
        lends = job.kind == KIND and job.project_id == project.id and job.params["ask"] is None
        leaves = job.cancel_requested or job.stage == GIVING_BACK
        whose = not server or job.owner == owner
        if lends and not leaves and whose and _served(job) == bool(server):
            return job.id
    return queue.submit(settings, KIND, lend_params(server), project, owner)


def _served(job: Job) -> bool:
    return bool(job.params["server"])


def _why_gone(job: Job) -> str:
    match job.state:
        case "succeeded":
            return str((job.result or {}).get("why") or "")
        case "cancelled":
            return "a person gave it back"
    return job.error or ""


def _settle(settings: Settings) -> None:
    """End answers whose job has ended before them."""
    store = connect(settings.database)
    mark_orphans(store)
    for trial, state in trials.lost(store):
        if state == "cancelled":
            trials.end(store, trial.id, "stopped", error="The model was given back before it.")
        else:
            trials.end(
                store,
                trial.id,
                "failed",
                error=f"Job {trial.job_id}, which lent the model, ended before the answer was "
                "written: ask again.",
            )
