"""Rounds of a project: checking what is asked for, and reading how far they are.

What rounds are is in `fair_app.evaluation.rounds`; the job itself in `fair_app.studio.rounds_run`.
The parts of a round are jobs of their own, and all that is told here is read from what they came
to.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlite_utils import Database

from db import evaluations, exams, jobs, projects
from db.jobs import Job
from db.projects import Project
from db.store import connect
from fair_app.curation.training_set import MIXED
from fair_app.errors import BadInput
from fair_app.evaluation.rounds import (
    FROM_ADAPTER,
    WAYS,
    Calls,
    Round,
    StopRule,
    checkpoint_of,
    free_calls,
    gain,
)
from fair_app.evaluation.score import Score
from fair_app.evaluation.statistics import holm, paired
from fair_app.jobs import queue
from fair_app.jobs.children import children_of
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT
from fair_app.studio.ablation_results import outcomes_of
from fair_app.studio.collecting import CONCURRENCY, check_committee
from fair_app.studio.exams import exam_params
from fair_app.studio.soft_labels import with_mentor
from fair_app.studio.training import check_name, free_name, student_to_train
from fair_app.studio.training_start import checked_settings, launch_of
from fair_app.training.dividing import shares
from fair_app.training.settings import QUICK

KIND = "rounds"
NAME = "round"
TEST_QUESTIONS = 150
FIRST_TEST = "first test"
EXAM, COMMITTEE, TRAINING, TEST = "exam", "committee", "training", "test"
PARTS = (EXAM, COMMITTEE, TRAINING, TEST)
"""What a round consists of, in its order."""


@dataclass(frozen=True)
class Course:
    """A job of rounds as far as it is. `base` is the test of the student that began it.

    `stopped` says why there is no further round; None while there may be one.
    """

    job: Job
    base: Score | None
    rounds: list[Round]
    stopped: str | None


@dataclass(frozen=True)
class Change:
    """A round's test against the first one, item by item: wrong before and right now, and reverse.

    `p_value` is McNemar's exact, `p_holm` corrected for there being several rounds.
    """

    fixed: int
    broken: int
    p_value: float
    p_holm: float


# ---- what is asked for


def rounds_params(
    settings: Settings,
    project: Project,
    *,
    rounds: int,
    train: str = FROM_ADAPTER,
    stop_below: float | None = None,
    exam_limit: int | None = None,
    test_limit: int | None = None,
    test_rows: str | Path | None = None,
    budget_usd: float | None = None,
    concurrency: int = CONCURRENCY,
    name: str | None = None,
    student: str | None = None,
    teacher: str = MIXED,
    keep_rule: bool = False,
    preset: str = QUICK,
    settings_given: Mapping[str, Any] | None = None,
    processes: int | None = None,
    accelerate: str | None = None,
    keys: Mapping[str, SecretStr] | None = None,
) -> dict[str, Any]:
    """The parameters of a job of rounds, checked as far as they can be before it begins.

    The exam of every round is the project's, asked as it was; `exam_limit` takes so many of its
    questions. The test is the project's newest one, with `test_limit` questions and `test_rows`
    where they are given. `student` begins, by default the project's. `train` is one of WAYS, and
    the checkpoints are `name`-1, `name`-2 and so on; `teacher` and what follows are as for a
    training run. `budget_usd` is what all calls of the project may cost, by default its cap.

    Raises BadInput where the first round could not begin: no exam that can be repeated, a committee
    that cannot be asked, a student that cannot be trained so here, a mentor that cannot give it
    soft labels, a name that is taken.
    """
    StopRule(rounds, stop_below)
    if train not in WAYS:
        raise BadInput(f"There is no way '{train}' to train on: choose {' or '.join(WAYS)}.")
    if concurrency < 1:
        raise BadInput("Calls in flight (--concurrency) must be 1 or more.")
    ref = student_to_train(settings, project, student)
    # A part has a process of its own, which looks for a folder from elsewhere.
    begins = ref.base if ref.kind == "folder" else ref.ref
    exam = _exam(settings, project, begins, exam_limit)
    test = _test(settings, project, exam, test_limit, test_rows)
    given = {key: value for key, value in (settings_given or {}).items() if value is not None}
    parts = shares(launch_of(processes, accelerate))
    chosen = with_mentor(settings, ref, checked_settings(ref, preset, given, parts), parts)
    if chosen.mentor:
        given["mentor"] = chosen.mentor  # as the training finds it, wherever it runs
    budget = project.budget_usd if budget_usd is None else budget_usd
    check_committee(settings, project, budget, keys)
    if name is not None:
        for number in range(1, rounds + 1):
            check_name(settings, checkpoint_of(name, number))
    return {
        "name": name or _free_name(settings, rounds),
        "rounds": rounds,
        "train": train,
        "stop_below": stop_below,
        "budget_usd": budget,
        "concurrency": concurrency,
        "student": begins,
        "exam": exam,
        "test": test,
        "training": {
            "teacher": teacher,
            "keep_rule": keep_rule,
            "preset": preset,
            "settings_given": given,
            "processes": processes,
            "accelerate": accelerate,
        },
    }


def key_of(number: int, part: str) -> str:
    """What a round's part is called among the parts of its job."""
    return f"round {number} {part}"


def _exam(settings: Settings, project: Project, student: str, limit: int | None) -> dict[str, Any]:
    """The project's exam for this student, as it was asked of its own."""
    store = connect(settings.database)
    found = jobs.of_kind(store, project.id, "exam")
    whole = (job for job in found if (job.result or {}).get("exam") == project.exam_id)
    asked = next(whole, None) if project.exam_id is not None else None
    if asked is None:
        raise BadInput(
            f"{project.name} has no exam that was sat to its end here, and rounds repeat it: run "
            "the exam first."
        )
    return exam_params(
        settings,
        student=student,
        task=project.task,
        split=asked.params["split"],
        rows=asked.params["rows"],
        limit=asked.params["limit"] if limit is None else limit,
        **_how(asked.params),
    )


def _test(
    settings: Settings,
    project: Project,
    exam: dict[str, Any],
    limit: int | None,
    rows: str | Path | None,
) -> dict[str, Any]:
    """The test of every round: the items of the project's newest one, asked as the exam is.

    One on the exam's own questions is none: they are what is learned from.
    """
    taught = exam["split"], exam["rows"]
    newest: dict[str, Any] = next(
        (
            job.params
            for job in jobs.of_kind(connect(settings.database), project.id, "evaluate")
            if job.params["task"] == project.task
            and (job.params["split"], job.params["rows"]) != taught
        ),
        {"split": "test", "rows": None, "limit": TEST_QUESTIONS},
    )
    rows = rows or newest["rows"]
    if exam["rows"] and not rows:
        raise BadInput(
            "The questions of the exam were read from a file: name the file of the test's "
            "(--test-rows)."
        )
    return exam_params(
        settings,
        student=exam["student"],
        task=project.task,
        split=newest["split"],
        rows=rows,
        limit=newest["limit"] if limit is None else limit,
        **_how(exam),
    )


def _how(asked: Mapping[str, Any]) -> dict[str, Any]:
    """How a student on this machine is asked what another one was."""
    options = ("decoding", "max_new_tokens", "samples", "prompts")
    quantization = "none" if asked["server"] else asked["quantization"]
    return {**{option: asked[option] for option in options}, "quantization": quantization}


def _free_name(settings: Settings, rounds: int) -> str:
    """A name whose checkpoints are all free."""
    for number in count(1):
        name = NAME if number == 1 else f"{NAME}{number}"
        wanted = [checkpoint_of(name, one) for one in range(1, rounds + 1)]
        if all(free_name(settings, one) == one for one in wanted):
            return name
    raise AssertionError("numbers do not end")


# ---- what came of it


def newest_course(settings: Settings, project: Project) -> Course | None:
    """The project's newest rounds, those at work before others; None when there were none."""
    view = queue.latest(settings, project, KIND)
    return course(settings, view.job) if view else None


def course(settings: Settings, job: Job) -> Course:
    """How far a job of rounds is, from the parts that are done, by the grades now in force."""
    store = connect(settings.database)
    parts = {one.child_key: one for one in children_of(settings, job.id)}

    def done(key: str) -> Job | None:
        part = parts.get(key)
        return part if part is not None and part.state == "succeeded" else None

    rounds = []
    student = job.params["student"]
    for number in range(1, job.params["rounds"] + 1):
        if key_of(number, EXAM) not in parts:
            break
        exam, asked, trained, test = (done(key_of(number, part)) for part in PARTS)
        made = (trained.result or {}) if trained else {}
        one = Round(
            number,
            student,
            exam=_score(store, exam),
            calls=_calls(asked),
            checkpoint=made.get("checkpoint"),
            examples=made.get("examples"),
            test=_score(store, test),
        )
        rounds.append(one)
        student = f"{CHECKPOINT}{one.checkpoint}"
    return Course(job, _score(store, done(FIRST_TEST)), rounds, (job.result or {}).get("stopped"))


def changes(settings: Settings, found: Course) -> dict[int, Change]:
    """Each round's test against the first one, by the round's number."""
    if found.base is None:
        return {}
    store = connect(settings.database)
    before = outcomes_of(store, found.base.id, found.base.questions)
    compared = {
        one.number: paired(before, outcomes_of(store, one.test.id, one.test.questions))
        for one in found.rounds
        if one.test is not None
    }
    corrected = holm([one.p_value for one in compared.values()])
    return {
        number: Change(one.fixed, one.broken, one.p_value, p_holm)
        for (number, one), p_holm in zip(compared.items(), corrected, strict=True)
    }


def told(settings: Settings, found: Course) -> dict[str, Any]:
    """A course as the command line prints it and its job keeps it."""
    paid = [one.calls for one in found.rounds if one.calls is not None]
    tests = [one.test for one in found.rounds if one.test is not None]
    changed = changes(settings, found)
    return {
        "base": _told_score(found.base),
        "rounds": [_told_round(one, found.base, changed.get(one.number)) for one in found.rounds],
        "checkpoint": next((one.checkpoint for one in found.rounds[::-1] if one.checkpoint), None),
        "accuracy": tests[-1].accuracy if tests else None,
        "gain": gain(found.base, tests[-1]) if found.base and tests else None,
        "calls": sum(one.asked for one in paid),
        "cached": sum(one.cached + one.standing for one in paid),
        "cost_usd": sum(one.cost_usd for one in paid),
        "stopped": found.stopped,
    }


def teach_from(settings: Settings, project: Project, exam_id: int) -> None:
    """Make one of the project's exams the one whose mistakes are taught, and its student the
    project's. Raises BadInput when it is none."""
    store = connect(settings.database)
    for exam in exams.of_project(store, project.id, "exam"):
        if exam.id == exam_id:
            projects.set_exam(store, project.id, exam_id, exam.student)
            return
    raise BadInput(f"There is no exam {exam_id} in {project.name}: choose the exam of a round.")


def _score(store: Database, part: Job | None) -> Score | None:
    if part is None or part.result is None:
        return None
    exam, questions = part.result["exam"], part.result["questions"]
    right = evaluations.right_of_first(store, exam, questions)
    return Score(exam, part.params["student"], questions, right)


def _calls(part: Job | None) -> Calls | None:
    if part is None or part.result is None:
        return None
    result = part.result
    cached, standing = free_calls(
        part.params["needed"], result["calls"], result["cached"], result["left"]
    )
    return Calls(
        asked=result["calls"],
        cached=cached,
        standing=standing,
        left=result["left"],
        cost_usd=result["cost_usd"],
        unpriced=result["unpriced"],
        stopped_by_budget=result["stopped_by_budget"],
    )


def _told_score(one: Score | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "id": one.id,
        "n": one.questions,
        "correct": one.correct,
        "accuracy": one.accuracy,
        "ci95": list(one.ci95),
    }


def _told_round(one: Round, base: Score | None, changed: Change | None) -> dict[str, Any]:
    calls = one.calls
    test = _told_score(one.test)
    if test and one.test and base and changed:
        test |= {"gain": gain(base, one.test), **asdict(changed)}
    return {
        "round": one.number,
        "student": one.student,
        "exam": _told_score(one.exam),
        "mistakes": one.exam.mistakes if one.exam else None,
        "calls": calls.asked if calls else 0,
        "cached": calls.cached if calls else 0,
        "standing": calls.standing if calls else 0,
        "left": calls.left if calls else 0,
        "cost_usd": calls.cost_usd if calls else 0.0,
        "examples": one.examples,
        "checkpoint": one.checkpoint,
        "test": test,
    }
