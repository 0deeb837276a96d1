"""SIGKILL while the mentor writes: no rationale twice, none lost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import mentors
from db.projects import Project
from db.store import connect, scalar
from fair_app.jobs import queue, worker
from fair_app.settings import Settings
from fair_app.studio.mentor import augment_params, choose_mentor
from fair_app.studio.projects import open_project
from tests.mentored import evaluated, examined, with_mentor

REPOSITORY = Path(__file__).resolve().parents[2]
QUESTIONS, K = 12, 16
LEFT_AT = 40
"""After how many saved answers the process is killed."""


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """On one core a student answers in the job's own process, so that torch is loaded once."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


def written(settings: Settings, project: Project) -> list[tuple[str, ...]]:
    """What the mentor's answers and rationales are, whatever the order in which they came."""
    rows = connect(settings.database).execute(
        """SELECT q.key, c.text, s.number, s.correct, s.outcome, r.text, r.correct
           FROM mentor_samples s JOIN questions q ON q.id = s.question_id
                JOIN calls c ON c.id = s.call_id
                LEFT JOIN rationales r ON r.id = s.rationale_id
           WHERE q.project_id = ? ORDER BY q.key, s.number""",
        [project.id],
    )
    return rows.fetchall()


@pytest.mark.timeout(300)
def test_a_killed_augmentation_repeats_and_loses_nothing(tmp_path: Path) -> None:
    settings, whole = (Settings(home=tmp_path / name) for name in ("killed", "whole"))
    project = examined(settings, QUESTIONS)
    ref = with_mentor(settings, project, tmp_path / "mentor")
    job_id = queue.submit(settings, "augment", augment_params(settings, project, k=K), project)
    store = connect(settings.database)
    killed_after(settings, job_id, LEFT_AT)
    assert LEFT_AT <= scalar(store, "SELECT count(*) FROM mentor_samples") < QUESTIONS * K
    queue.resume(settings, job_id)
    found = worker.run_job(settings, job_id)
    assert (found["samples"], found["cached"]) == (QUESTIONS * K, 0)
    assert scalar(store, "SELECT count(*) FROM calls") == QUESTIONS * K
    assert scalar(store, "SELECT sum(attempts) FROM calls") == QUESTIONS * K
    assert scalar(store, "SELECT count(*) FROM rationales") == found["kept"]
    assert scalar(store, "SELECT count(*) FROM mentor_samples WHERE outcome IS NULL") == 0
    assert scalar(store, "PRAGMA integrity_check") == "ok"

    other = examined(whole, QUESTIONS)
    choose_mentor(whole, other, ref)
    evaluated(whole, other, ref, 6)
    worker.run_now(whole, "augment", augment_params(whole, other, k=K), other.id)
    assert written(settings, project) == written(whole, other)
    first = mentors.of_project(store, project.id)
    assert first is not None
    assert mentors.tally(store, first.id).kept == found["kept"] > 0
    assert open_project(settings, project.name).revision > 0


def killed_after(settings: Settings, job_id: int, answers: int) -> None:
    """Start the job's process, wait for so many answers, and kill it."""
    store = connect(settings.database)
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id)]
    with subprocess.Popen(
        [*command, "--home", str(settings.home)], cwd=REPOSITORY, stdin=subprocess.DEVNULL
    ) as process:
        while scalar(store, "SELECT count(*) FROM mentor_samples") < answers:
            assert process.poll() is None, "the job ended before it was killed"
            time.sleep(0.002)
        process.kill()
