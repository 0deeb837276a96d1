"""What the overview and the evaluation say: the one next step, and a comparison in words."""

from dataclasses import replace

import pytest

from db import jobs
from db.exams import Exam, ExamCounts
from db.projects import Project
from db.store import connect
from fair_app.evaluation.statistics import Comparison, mcnemar_exact
from fair_app.settings import Settings
from fair_app.studio.exams import Score
from fair_app.studio.projects import create_project
from pages.evaluation import default_pair, in_words
from pages.overview import Standing, next_step, painting, steps

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


def evaluated(number: int, student: str, correct: int = 5, questions: int = 10) -> Score:
    exam = Exam(number, 1, "evaluation", "run", student, "arithmetic", "test", {}, {}, {}, 0.0, 0.0)
    counts = ExamCounts(questions, questions, correct, 0, 100)
    return Score(exam, counts, correct / questions, (0.2, 0.8))


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
        (replace(TRAINED, evaluations=BOTH), "evaluation", ""),
    ],
)
def test_there_is_one_next_step(standing, page, item):
    found = next_step(standing)
    assert (found.page, found.item) == (page, item)


def test_an_unfinished_test_does_not_count():
    unfinished = evaluated(1, "smollm2-135m")
    unfinished = replace(unfinished, counts=replace(unfinished.counts, answered=4))
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


def compared(fixed: int, broken: int) -> Comparison:
    return Comparison(fixed, broken, 10, 10, mcnemar_exact(fixed, broken))


@pytest.mark.parametrize(
    ("fixed", "broken", "words"),
    [
        (30, 5, "unlikely to be chance"),
        (5, 30, "unlikely to be chance"),
        (3, 1, "could well be chance"),
        (4, 4, "As many answers were fixed as broken, 4 each"),
        (0, 0, "No answer changed"),
    ],
)
def test_a_comparison_in_words(fixed, broken, words):
    assert words in in_words(compared(fixed, broken))


def test_the_checkpoint_is_compared_with_the_student_on_as_many_questions():
    done = [
        evaluated(4, "checkpoint:second"),
        evaluated(3, "smollm2-135m", questions=20),
        evaluated(2, "checkpoint:first"),
        evaluated(1, "smollm2-135m"),
    ]
    assert default_pair(PROJECT, done) == ("1", "4")
    assert default_pair(PROJECT, done[2:3]) is None
