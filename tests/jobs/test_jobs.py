"""Jobs in real processes: run, cancel, SIGKILL, resume, orphans, one lease.

The work is the committee's (rule-based teachers, no model), long enough to be hit in its middle.
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

from db import committee, jobs
from db.jobs import Job
from db.store import connect, scalar
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.jobs.context import DEVICE, JobContext
from fair_app.jobs.supervisor import Supervisor
from fair_app.settings import REPOSITORY, Settings
from tests.building import project_with_mistakes

MISTAKES = 250
CALLS = MISTAKES * 12


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
    settings: Settings, job_id: int, is_so: Callable[[Job], bool], seconds: float = 60
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
    return job.state == "running" and job.stage.startswith("asking") and job.done > 30


def has_ended(job: Job) -> bool:
    return job.state in jobs.ENDED


def submit_committee(settings: Settings, mistakes: int = MISTAKES) -> int:
    project = project_with_mistakes(settings, mistakes)
    return queue.submit(settings, "collect", {"concurrency": 4}, project)


def assert_collected_once(settings: Settings, mistakes: int = MISTAKES) -> None:
    """Every rationale, feedback and review is there, once, from one finished call each."""
    store = connect(settings.database)
    project = queue.listed(settings)[0]
    assert project.project_id is not None
    exam_id = scalar(store, "SELECT exam_id FROM projects")
    assert committee.counts(store, project.project_id, exam_id) == {
        "rationales": mistakes * 3,
        "feedback": mistakes * 3,
        "reviews": mistakes * 6,
    }
    assert scalar(store, "SELECT count(*) FROM calls WHERE state = 'done'") == mistakes * 12
    assert scalar(store, "SELECT count(*) FROM calls") == mistakes * 12


def test_a_submitted_job_runs_in_a_process_of_its_own(
    settings: Settings, supervisor: Supervisor
) -> None:
    job_id = submit_committee(settings, 10)
    job = until(settings, job_id, has_ended)
    assert (job.state, job.error) == ("succeeded", None)
    assert job.pid not in (None, os.getpid())
    assert job.result is not None
    assert job.result["calls"] == 120
    assert (job.done, job.total) == (120, 120)
    assert_collected_once(settings, 10)


def test_sigkill_of_the_job_loses_at_most_the_calls_in_flight(
    settings: Settings, supervisor: Supervisor
) -> None:
    job_id = submit_committee(settings)
    kills = 0
    while True:
        job = until(settings, job_id, lambda job: at_work(job) or has_ended(job))
        if job.state == "succeeded":
            break
        assert job.pid is not None
        os.kill(job.pid, signal.SIGKILL)
        kills += 1
        job = until(settings, job_id, has_ended)
        assert job.state == "interrupted"
        assert "Its process ended" in (job.error or "")
        if kills == 3:
            queue.resume(settings, job_id)
            until(settings, job_id, lambda job: job.state == "succeeded")
            break
        queue.resume(settings, job_id)
    assert kills
    assert_collected_once(settings)
    attempts = scalar(connect(settings.database), "SELECT sum(attempts) - count(*) FROM calls")
    assert attempts <= 4 * 12 * kills, "a finished call was sent again"


def test_cancel_stops_at_a_safe_point_and_resume_goes_on(
    settings: Settings, supervisor: Supervisor
) -> None:
    job_id = submit_committee(settings)
    until(settings, job_id, at_work)
    queue.cancel(settings, job_id)
    job = until(settings, job_id, has_ended)
    assert job.state == "cancelled"
    assert 0 < job.done < CALLS
    queue.resume(settings, job_id)
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


def waiting_runs(settings: Settings, *names: str) -> dict[str, int]:
    project = project_with_mistakes(settings)
    return {
        name: queue.submit(settings, "merge", {"name": name, "checkpoint": "gone"}, project)
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
    ids = waiting_runs(settings, "first", "second")
    queue.move(settings, ids["second"], -1)
    one = Supervisor(settings)
    one.look(connect(settings.database))
    # its checkpoint is not there: it fails, and the other waits for the device till the next look
    job = until(settings, ids["second"], has_ended)
    assert "no checkpoint 'gone'" in (job.error or "")
    assert order(settings) == ["first"]
    one.look(connect(settings.database))
    until(settings, ids["first"], has_ended)


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
    job_id = submit_committee(settings, 60)
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id), "--home"]
    worker = subprocess.Popen([*command, str(settings.home)], cwd=REPOSITORY)
    until(settings, job_id, at_work)
    worker.kill()
    worker.wait()
    check = sqlite3.connect(settings.database)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []
