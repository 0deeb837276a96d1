"""Jobs in real processes: run, cancel, SIGKILL, resume, orphans, one lease.

The work is the committee's (rule-based teachers, no model), slow enough to be hit in its middle.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import committee, jobs, projects
from db.jobs import Job
from db.store import connect, scalar
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.jobs.context import DEVICE, JobContext
from fair_app.jobs.orphans import mark_orphans
from fair_app.jobs.supervisor import Supervisor
from fair_app.settings import REPOSITORY, Settings
from tests.building import pace_committee, project_with_mistakes

MISTAKES = 10
CALLS = MISTAKES * 12
SLOW = 600.0
"""Calls a minute and teacher: at this pace the work takes 4 s."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def supervisor(settings: Settings) -> Iterator[Supervisor]:
    one = Supervisor(settings)
    one.start()
    yield one
    one.stop()
    for job in jobs.in_state(connect(settings.database), "running"):
        if job.pid and job.pid != os.getpid():
            os.kill(job.pid, signal.SIGKILL)


def until(
    settings: Settings, job_id: int, is_so: Callable[[Job], bool], seconds: float = 180
) -> Job:
    """Wait until the job is as asked for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = jobs.get(connect(settings.database), job_id)
        assert job is not None
        if is_so(job):
            return job
        time.sleep(0.02)
    raise AssertionError(f"still {job.state}, {job.done} of {job.total}: {job.error}")


def at_work(job: Job) -> bool:
    return job.state == "running" and job.stage.startswith("asking") and job.done > 10


def has_ended(job: Job) -> bool:
    return job.state in jobs.ENDED


def submit_committee(settings: Settings, pace: float | None = SLOW) -> int:
    project = project_with_mistakes(settings, MISTAKES)
    pace_committee(settings, project, pace)
    return queue.submit(settings, "collect", {"concurrency": 4}, project)


def resume_quickly(settings: Settings, job_id: int) -> None:
    """Resume the work with teachers that answer at once."""
    (project,) = projects.all_projects(connect(settings.database))
    pace_committee(settings, project, None)
    queue.resume(settings, job_id)


def done_calls(settings: Settings) -> int:
    return int(
        scalar(connect(settings.database), "SELECT count(*) FROM calls WHERE state = 'done'")
    )


def assert_collected_once(settings: Settings) -> None:
    """Every rationale, feedback and review is there, once, from one finished call each."""
    store = connect(settings.database)
    project = queue.listed(settings)[0]
    assert project.project_id is not None
    exam_id = scalar(store, "SELECT exam_id FROM projects")
    assert committee.counts(store, project.project_id, exam_id) == {
        "rationales": MISTAKES * 3,
        "feedback": MISTAKES * 3,
        "reviews": MISTAKES * 6,
    }
    assert done_calls(settings) == CALLS
    assert scalar(store, "SELECT count(*) FROM calls") == CALLS


def test_a_submitted_job_runs_in_a_process_of_its_own(
    settings: Settings, supervisor: Supervisor
) -> None:
    job_id = submit_committee(settings, pace=None)
    job = until(settings, job_id, has_ended)
    assert (job.state, job.error) == ("succeeded", None)
    assert job.pid not in (None, os.getpid())
    assert job.result is not None
    assert job.result["calls"] == CALLS
    assert (job.done, job.total) == (CALLS, CALLS)
    assert_collected_once(settings)


def test_sigkill_of_the_job_loses_at_most_the_calls_in_flight(
    settings: Settings, supervisor: Supervisor
) -> None:
    job_id, kills = submit_committee(settings), 3
    kill_at_work(settings, job_id)
    job = until(settings, job_id, has_ended)
    assert job.state == "interrupted"
    assert "Its process ended" in (job.error or "")
    supervisor.stop()
    for _ in range(kills - 1):
        queue.resume(settings, job_id)
        worker = begin(settings, job_id)
        kill_at_work(settings, job_id)
        worker.wait()
    assert done_calls(settings) < CALLS
    resume_quickly(settings, job_id)
    assert begin(settings, job_id).wait() == 0
    assert_collected_once(settings)
    attempts = scalar(connect(settings.database), "SELECT sum(attempts) - count(*) FROM calls")
    assert attempts <= 4 * 12 * kills, "a finished call was sent again"


def begin(settings: Settings, job_id: int) -> "subprocess.Popen[bytes]":
    """Start the process of a job, as a supervisor does."""
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id), "--home"]
    return subprocess.Popen(
        [*command, str(settings.home)], cwd=REPOSITORY, stdin=subprocess.DEVNULL
    )


def kill_at_work(settings: Settings, job_id: int) -> None:
    """Wait until the job has more answers than it had, and kill its process."""
    before = done_calls(settings)
    job = until(
        settings, job_id, lambda job: job.state == "running" and done_calls(settings) > before + 10
    )
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)


def test_cancel_stops_at_a_safe_point_and_resume_goes_on(
    settings: Settings, supervisor: Supervisor
) -> None:
    job_id = submit_committee(settings)
    until(settings, job_id, at_work)
    queue.cancel(settings, job_id)
    job = until(settings, job_id, has_ended)
    assert job.state == "cancelled"
    assert 0 < job.done < CALLS
    resume_quickly(settings, job_id)
    assert until(settings, job_id, has_ended).state == "succeeded"
    assert_collected_once(settings)


def test_a_job_outlives_the_server_that_started_it(settings: Settings) -> None:
    job_id = submit_committee(settings)
    code = (
        "import sys, time; from pathlib import Path; from fair_app.settings import Settings; "
        "from fair_app.jobs.supervisor import Supervisor; "
        "Supervisor(Settings(home=Path(sys.argv[1]))).start(); time.sleep(600)"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(settings.home)], cwd=REPOSITORY)
    until(settings, job_id, at_work)
    server.kill()
    server.wait()
    assert until(settings, job_id, has_ended).state == "succeeded"
    assert_collected_once(settings)


def test_an_orphan_is_marked_interrupted_and_its_lease_given_back(settings: Settings) -> None:
    store = connect(settings.database)
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    job_id = jobs.add(store, "exam", {}, None)
    from fair_app.jobs.orphans import HOST, mark_orphans

    assert jobs.claim(store, job_id, host=HOST, pid=dead.pid, process_started_at=1.0)
    assert jobs.take_lease(store, DEVICE, job_id)
    assert mark_orphans(store) == [job_id]
    job = jobs.get(store, job_id)
    assert job is not None
    assert job.state == "interrupted"
    assert jobs.lease_holder(store, DEVICE) is None


def test_a_living_process_with_a_recycled_id_is_not_the_job(settings: Settings) -> None:
    from fair_app.jobs.orphans import HOST, is_alive, process_started_at

    store = connect(settings.database)
    job_id = jobs.add(store, "exam", {}, None)
    mine = process_started_at(os.getpid())
    jobs.claim(store, job_id, host=HOST, pid=os.getpid(), process_started_at=mine)
    job = jobs.get(store, job_id)
    assert job is not None
    assert is_alive(job)
    store.execute("UPDATE jobs SET process_started_at = ?", [mine - 100])
    job = jobs.get(store, job_id)
    assert job is not None
    assert not is_alive(job)


def test_the_device_is_held_by_one_job_at_a_time(settings: Settings) -> None:
    store = connect(settings.database)
    ids = [jobs.add(store, "exam", {}, None) for _ in range(2)]
    from fair_app.jobs.orphans import HOST, process_started_at

    contexts = []
    for job_id in ids:
        jobs.claim(
            store,
            job_id,
            host=HOST,
            pid=os.getpid(),
            process_started_at=process_started_at(os.getpid()),
        )
        job = jobs.get(store, job_id)
        assert job is not None
        contexts.append(JobContext(settings, job))
    with contexts[0].device():
        jobs.request_cancel(store, ids[1])
        from fair_app.errors import Cancelled

        with pytest.raises(Cancelled), contexts[1].device():
            raise AssertionError("both hold the device")
    store.execute("UPDATE jobs SET cancel_requested = 0")
    with contexts[1].device():
        assert jobs.lease_holder(store, DEVICE) == ids[1]


def test_what_cannot_be_cancelled_or_resumed_is_said(settings: Settings) -> None:
    with pytest.raises(BadInput, match="no job 7"):
        queue.cancel(settings, 7)
    store = connect(settings.database)
    job_id = jobs.add(store, "collect", {}, None)
    with pytest.raises(BadInput, match="only a failed, cancelled or interrupted"):
        queue.resume(settings, job_id)
    queue.cancel(settings, job_id)
    with pytest.raises(BadInput, match="already ended"):
        queue.cancel(settings, job_id)


def test_a_second_job_of_a_kind_waits_for_the_first(settings: Settings) -> None:
    project = project_with_mistakes(settings)
    first = queue.submit(settings, "collect", {"concurrency": 1}, project)
    with pytest.raises(BadInput, match=f"job {first} is still queued"):
        queue.submit(settings, "collect", {"concurrency": 1}, project)


def waiting_runs(settings: Settings, *names: str, kind: str = "merge") -> dict[str, int]:
    project = project_with_mistakes(settings)
    return {
        name: queue.submit(settings, kind, {"name": name, "checkpoint": "gone"}, project)
        for name in names
    }


def order(settings: Settings) -> list[str]:
    return [job.params["name"] for job in queue.waiting(settings)]


def test_several_runs_wait_in_an_order_that_a_person_may_change(settings: Settings) -> None:
    ids = waiting_runs(settings, "a", "b", "c")
    assert order(settings) == ["a", "b", "c"]
    queue.move(settings, ids["c"], -1)
    assert order(settings) == ["a", "c", "b"]
    queue.move(settings, ids["a"], 1)
    assert order(settings) == ["c", "a", "b"]
    queue.move(settings, ids["c"], -1)
    queue.move(settings, ids["b"], 1)
    assert order(settings) == ["c", "a", "b"]
    ids |= {"d": jobs.add(connect(settings.database), "merge", {"name": "d"}, None)}
    assert order(settings) == ["c", "a", "b", "d"]
    queue.take_out(settings, ids["a"])
    assert order(settings) == ["c", "b", "d"]
    taken = jobs.get(connect(settings.database), ids["a"])
    assert taken is not None
    assert taken.state == "cancelled"
    for gone in (lambda: queue.take_out(settings, ids["a"]), lambda: queue.move(settings, 99, 1)):
        with pytest.raises(BadInput, match="not waiting any more"):
            gone()
    queue.resume(settings, ids["a"])
    assert order(settings)[0] in ("a", "c")
    first = queue.next_queued(settings)
    assert first is not None
    assert first.params["name"] == order(settings)[0]


def test_the_supervisor_starts_what_was_moved_to_the_front(settings: Settings) -> None:
    # A lender that is told nothing of what it needs fails before it loads a model.
    ids = waiting_runs(settings, "first", "second", kind="try")
    queue.move(settings, ids["second"], -1)
    one = Supervisor(settings)
    one.look(connect(settings.database))
    # the other waits for the device till the next look
    job = until(settings, ids["second"], has_ended)
    assert job.state == "failed"
    assert order(settings) == ["first"]
    one.look(connect(settings.database))
    until(settings, ids["first"], has_ended)


def test_a_job_that_was_resumed_is_not_ended_with_the_process_that_had_died(
    settings: Settings,
) -> None:
    job_id, store = submit_committee(settings), connect(settings.database)
    one = Supervisor(settings)
    one.look(store)
    kill_at_work(settings, job_id)
    while not mark_orphans(store):  # as a page does that is looked at, before the supervisor
        time.sleep(0.02)
    resume_quickly(settings, job_id)

    def looked_and_ended(job: Job) -> bool:
        one.look(store)
        return has_ended(job)

    assert until(settings, job_id, looked_and_ended).state == "succeeded"
    assert_collected_once(settings)


def test_what_is_at_work_is_a_projects_latest(settings: Settings) -> None:
    from fair_app.jobs.orphans import HOST, process_started_at

    ids = waiting_runs(settings, "a", "b")
    store = connect(settings.database)
    project_id = queue.waiting(settings)[0].project_id
    assert project_id is not None
    newest = jobs.latest(store, project_id, "merge")
    assert newest is not None
    assert newest.id == ids["b"]
    pid = os.getpid()
    jobs.claim(store, ids["a"], host=HOST, pid=pid, process_started_at=process_started_at(pid))
    at_work_now = jobs.latest(store, project_id, "merge")
    assert at_work_now is not None
    assert at_work_now.id == ids["a"]


def test_a_fault_in_a_job_is_a_sentence_and_a_log(
    settings: Settings, supervisor: Supervisor
) -> None:
    project = project_with_mistakes(settings)
    job_id = queue.submit(settings, "collect", {"concurrency": "four"}, project)
    job = until(settings, job_id, has_ended)
    assert job.state == "failed"
    assert "ValueError" in (job.error or "")
    log = jobs.log_tail(connect(settings.database), job_id)
    assert any("Traceback" in line.line for line in log)


def test_the_database_stays_whole_after_kills(settings: Settings) -> None:
    job_id = submit_committee(settings)
    worker = begin(settings, job_id)
    until(settings, job_id, at_work)
    worker.kill()
    worker.wait()
    check = sqlite3.connect(settings.database)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []
