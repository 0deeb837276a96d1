"""SIGKILL while the mentor writes: no rationale twice, none lost."""

import os
import signal
import subprocess
import sys
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
"""With which answer that it saves the process is killed, in the middle of the transaction."""
DIES = f"""
import os, signal
from db import mentors
from fair_app.jobs import worker
saved, add = [], mentors.add_sample
def dies(*row):
    saved.append(add(*row))
    if len(saved) == {LEFT_AT}:
        os.kill(os.getpid(), signal.SIGKILL)
    return saved[-1]
mentors.add_sample = dies
worker.main()
"""


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
    arguments = [sys.executable, "-c", DIES, str(job_id), "--home", str(settings.home)]
    died = subprocess.run(arguments, cwd=REPOSITORY, stdin=subprocess.DEVNULL, check=False)
    assert died.returncode == -signal.SIGKILL
    assert LEFT_AT - K <= scalar(store, "SELECT count(*) FROM mentor_samples") <= LEFT_AT
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
