"""Jobs that stop with their server: at a safe point, to be resumed, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from db import jobs
from db.jobs import Job
from db.store import close, connect, scalar
from fair_app.errors import Cancelled
from fair_app.jobs import kinds, queue, worker
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.jobs.stopping import ATTEMPTS, STOP_S, resume_stopped, stop_jobs
from fair_app.jobs.supervisor import Supervisor
from fair_app.settings import REPOSITORY, Settings
from tests.building import freeze, pace_committee, project_with_mistakes
from tests.jobs import grouping

MISTAKES = 20
COLLECT = {"concurrency": 2}
SLOW = 600.0
"""Calls a minute and teacher: at this pace the collection takes 8 s."""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    one = Settings(home=tmp_path)
    yield one
    for job in jobs.in_state(connect(one.database), "running"):
        if job.pid and job.pid != os.getpid() and job.host == HOST:
            with suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)


def known(settings: Settings, job_id: int) -> Job:
    job = jobs.get(connect(settings.database), job_id)
    assert job is not None
    return job


def until(
    settings: Settings, job_id: int, is_so: Callable[[Job], bool], seconds: float = 60
) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so(job := known(settings, job_id)):
            return job
        time.sleep(0.02)
    raise AssertionError(f"still {job.state}, {job.done} of {job.total}: {job.error}")


def begin(settings: Settings, job_id: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id)]
    return subprocess.Popen(
        [*command, "--home", str(settings.home)], cwd=REPOSITORY, stdin=subprocess.DEVNULL
    )


def begun_at(settings: Settings) -> list[psutil.Process]:
    """The processes that this one began for jobs of this home: it may have others."""
    deadline, found = time.monotonic() + 20, []
    while not found and time.monotonic() < deadline:
        time.sleep(0.01)
        children = psutil.Process().children()
        found = [one for one in children if str(settings.home) in _command(one)]
    return found


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # it ended meanwhile
        return []


def busy(job: Job) -> bool:
    return job.state == "running" and job.done > 10


def test_a_job_stops_at_a_safe_point_and_is_gone_on_with(settings: Settings) -> None:
    project = project_with_mistakes(settings, MISTAKES)
    pace_committee(settings, project, SLOW)
    job_id = queue.submit(settings, "collect", COLLECT, project, "ann")
    waiting = queue.submit(settings, "merge", {"name": "m", "checkpoint": "gone"}, project)
    process = begin(settings, job_id)
    until(settings, job_id, busy)
    began = time.monotonic()
    assert stop_jobs(settings) == 1
    assert time.monotonic() - began < STOP_S
    assert process.wait(timeout=10) == 0
    job = known(settings, job_id)
    assert (job.state, job.stop_requested, job.cancel_requested) == ("interrupted", True, False)
    assert job.error == "It was stopped with the server; resume it to go on."
    assert 10 < job.done < MISTAKES * 12
    assert known(settings, waiting).state == "queued"

    assert resume_stopped(settings) == [job_id]
    assert resume_stopped(settings) == []
    again = known(settings, job_id)
    assert (again.state, again.stop_requested, again.owner) == ("queued", False, "ann")
    pace_committee(settings, project, None)
    assert begin(settings, job_id).wait(timeout=60) == 0
    assert known(settings, job_id).state == "succeeded"
    store = connect(settings.database)
    assert scalar(store, "SELECT count(*) FROM calls WHERE state = 'done'") == MISTAKES * 12
    assert scalar(store, "SELECT sum(attempts) - count(*) FROM calls") <= 2 * 12


def test_a_job_with_parts_stops_with_them(settings: Settings) -> None:
    project = project_with_mistakes(settings, MISTAKES)
    pace_committee(settings, project, SLOW)
    job_id = grouping.add(settings, {"first": COLLECT, "second": COLLECT}, project.id)
    command = [sys.executable, "-m", "tests.jobs.grouping", str(settings.home), str(job_id)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        part = jobs.child(connect(settings.database), job_id, "first")
        if part and busy(part):
            break
        time.sleep(0.02)
    assert part is not None and busy(part)
    assert stop_jobs(settings) == 2
    assert process.wait(timeout=20) == 3
    assert {known(settings, one).state for one in (job_id, part.id)} == {"interrupted"}
    # the parent alone: it goes on with its part
    assert resume_stopped(settings) == [job_id]


def test_one_that_comes_to_no_safe_point_is_interrupted_and_one_that_hangs_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fair_app.jobs.supervisor.CLAIM_S", 60.0)
    project = project_with_mistakes(settings, MISTAKES)
    job_id = queue.submit(settings, "collect", COLLECT, project)
    supervisor = Supervisor(settings)
    supervisor.start()
    (process,) = begun_at(settings)
    # who stops at once after it was started is known by its job when the supervisor has ended
    supervisor.stop()
    assert known(settings, job_id).pid == process.pid
    freeze(settings, process.pid)
    assert stop_jobs(settings, stop_s=1.0, safe_s=0.3) == 1
    assert process.wait(timeout=10) == -signal.SIGKILL
    assert known(settings, job_id).state == "interrupted"
    assert resume_stopped(settings) == [job_id]


def test_a_person_has_the_last_word(settings: Settings) -> None:
    """What was cancelled, and what a server stopped while a person did, is not gone on with."""
    project = project_with_mistakes(settings, 3)
    store = connect(settings.database)
    job_id = jobs.add(store, "merge", {}, project.id)
    pid = os.getpid()
    jobs.claim(store, job_id, host=HOST, pid=pid, process_started_at=process_started_at(pid))
    context = JobContext(settings, known(settings, job_id))
    context.check_cancelled()
    jobs.request_stop(store, job_id)
    with pytest.raises(Cancelled):
        context.check_cancelled()
    jobs.request_cancel(store, job_id)
    jobs.end(store, job_id, "interrupted")
    assert resume_stopped(settings) == []


@pytest.mark.parametrize(("kind", "attempts"), [("try", 1), ("merge", ATTEMPTS)])
def test_what_is_not_gone_on_with_unasked(settings: Settings, kind: str, attempts: int) -> None:
    """A lent model, and a job that was begun so often that it may be what ends the machine."""
    project = project_with_mistakes(settings, 3)
    store = connect(settings.database)
    job_id = jobs.add(store, kind, {}, project.id)
    for _ in range(attempts):
        jobs.requeue(store, job_id)
        assert jobs.claim(store, job_id, host=HOST, pid=999_999, process_started_at=1.0)
        jobs.request_stop(store, job_id)
        jobs.end(store, job_id, "interrupted")
    assert known(settings, job_id).attempt == attempts
    assert resume_stopped(settings) == []
    queue.resume(settings, job_id)  # a person may
    assert known(settings, job_id).state == "queued"


def test_what_died_with_the_machine_is_gone_on_with(settings: Settings) -> None:
    project = project_with_mistakes(settings, 3)
    store = connect(settings.database)
    job_id = jobs.add(store, "merge", {}, project.id)
    assert jobs.claim(store, job_id, host=HOST, pid=999_999, process_started_at=1.0)
    assert resume_stopped(settings) == [job_id]


def test_a_supervisor_that_ended_is_not_alive(settings: Settings) -> None:
    connect(settings.database)
    supervisor = Supervisor(settings)
    assert not supervisor.is_alive()
    supervisor.start()
    assert supervisor.is_alive()
    supervisor.stop()
    assert not supervisor.is_alive()


def test_a_job_that_is_ended_in_the_middle_of_a_write_is_interrupted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(job: JobContext) -> None:
        job.store.execute("BEGIN IMMEDIATE")
        raise worker.Terminated

    monkeypatch.setattr(kinds, "body", lambda kind: body)
    project = project_with_mistakes(settings, 1)
    job_id = jobs.add(connect(settings.database), "merge", {}, project.id)
    with pytest.raises(worker.Terminated):
        worker.run_job(settings, job_id)
    close(settings.database)
    assert known(settings, job_id).state == "interrupted"
