"""What the overview says: the one next step, and what became of recent work."""

from dataclasses import replace

import pytest

from db import jobs
from db.exams import Exam
from db.projects import Project
from db.store import connect
from fair_app.settings import Settings
from fair_app.studio import evaluations as read
from fair_app.studio.projects import create_project
from fair_app.tasks.registry import task as task_named
from pages.overview import UNKEPT, Standing, look, next_step, painting, steps
from tests import evaluated as tests_made

PROJECT = Project(
    1,
    "p",
    "arithmetic",
    None,
    "smollm2-135m",
    3.0,
    None,
    None,
    0.0,
    rule={},
    reasons=[],
    revision=0,
)
NEW = Standing(
    project=PROJECT,
    questions=0,
    answered=0,
    correct=0,
    mistakes=0,
    imported=False,
    calls=0,
    calls_missing=0,
    rationales=0,
    accepted=0,
    questions_accepted=0,
    decisions=0,
    checkpoints=[],
    evaluations=[],
    at_work=set(),
)
EXAMINED = replace(NEW, questions=20, answered=20, correct=8, mistakes=12, calls_missing=144)
TAUGHT = replace(
    EXAMINED,
    calls=144,
    calls_missing=0,
    rationales=36,
    accepted=30,
    questions_accepted=12,
)
TRAINED = replace(TAUGHT, checkpoints=["first"])


def evaluated(number: int, student: str, correct: int = 5, questions: int = 10) -> read.Tested:
    exam = Exam(number, 1, "evaluation", "run", student, "arithmetic", "test", {}, {}, {}, 0.0, 0.0)
    counts = (questions, questions, correct, 0)
    return read.Tested(exam, *counts, correct / questions, (0.2, 0.8), "items", "greedy", None)


BOTH = [evaluated(2, "checkpoint:first"), evaluated(1, "smollm2-135m")]


@pytest.mark.parametrize(
    ("standing", "page", "item"),
    [
        (NEW, "exam", ""),
        (replace(NEW, at_work={"exam"}), "exam", ""),
        (replace(NEW, questions=20, answered=7, correct=1, mistakes=6), "exam", ""),
        (replace(EXAMINED, correct=20, mistakes=0, calls_missing=0), "exam", ""),
        (EXAMINED, "committee", ""),
        (replace(TAUGHT, calls_missing=3), "committee", ""),
        (TAUGHT, "review", ""),
        (replace(TAUGHT, accepted=0, questions_accepted=0, decisions=2), "review", ""),
        (replace(TAUGHT, decisions=1), "training", ""),
        (replace(TAUGHT, at_work={"train"}), "training", ""),
        (TRAINED, "evaluation", "smollm2-135m"),
        (replace(TRAINED, evaluations=BOTH[1:]), "evaluation", "checkpoint:first"),
        (replace(TRAINED, evaluations=BOTH), "evaluation", "compare"),
    ],
)
def test_there_is_one_next_step(standing, page, item):
    found = next_step(standing)
    assert (found.page, found.item) == (page, item)


def test_an_unfinished_test_does_not_count():
    unfinished = replace(evaluated(1, "smollm2-135m"), answered=4)
    assert next_step(replace(TRAINED, evaluations=[unfinished])).item == "smollm2-135m"


def test_steps_say_how_far_they_are():
    assert [one.state for one in steps(NEW)] == ["open", "later", "later", "later", "later"]
    assert [one.state for one in steps(EXAMINED)][:3] == ["done", "open", "later"]
    working = replace(TAUGHT, at_work={"train"})
    assert [one.state for one in steps(working)] == ["done", "done", "open", "now", "later"]
    finished = replace(TRAINED, evaluations=BOTH)
    assert {one.state for one in steps(finished)} == {"done"}


@pytest.mark.parametrize(
    ("kind", "state", "done", "words", "about"),
    [
        ("exam", "cancelled", 7, "Paused", "7 of 20 · resume it to go on"),
        ("evaluate", "cancelled", 7, "Paused", "7 of 20 · resume it to go on"),
        ("train", "cancelled", 7, "Paused", "7 of 20 · resume it to go on"),
        ("exam", "interrupted", 7, "Interrupted", "7 of 20 · resume it to go on"),
        ("exam", "succeeded", 20, "Done", ""),
    ],
)
def test_recent_work_says_what_became_of_it_and_what_to_do(
    tmp_path, kind, state, done, words, about
):
    settings = Settings(home=tmp_path)
    project = create_project(settings, "p", "arithmetic", "smollm2-135m")
    store = connect(settings.database)
    for _ in range(2):
        job = jobs.add(store, kind, {}, project.id)
        jobs.report(store, job, stage="answering", done=done, total=20, eta_s=None)
        jobs.end(store, job, state)
    newest, older = painting(settings, project).split("<li data-state=")[1:]
    assert newest.count(f'<span class="state">{words}</span>') == 1
    assert f'<span class="about">just now{" · " * bool(about)}{about}</span>' in newest
    # What is older cannot be resumed any more.
    assert f'<span class="state">{words}</span>' in older
    assert '<span class="about">just now</span>' in older


def test_a_space_that_keeps_nothing_says_so(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path)
    project = create_project(settings, "p", "arithmetic", "smollm2-135m")
    assert UNKEPT not in painting(settings, project)
    monkeypatch.setenv("SPACE_ID", "anna/fair")
    assert UNKEPT in painting(settings, project)
    kept = Settings(home=tmp_path, backup=str(tmp_path / "backups"))
    assert UNKEPT not in painting(kept, project)


def test_a_test_of_another_task_says_nothing_of_the_projects_own(tmp_path):
    settings = Settings(home=tmp_path)
    project = create_project(settings, "p", "arithmetic", "smollm2-135m")
    questions = task_named("arithmetic").load("test", limit=4)
    for task, right in (("arithmetic", 1), ("svamp", 4)):
        grades = [place < right for place in range(4)]
        tests_made.evaluated(
            settings, project, project.student, grades, task=task, questions=questions
        )
    (step,) = [one for one in steps(look(settings, project)) if one.page == "evaluation"]
    assert (step.value, step.note) == ("25.0 %", "best of 1 test")
