"""Jobs with parts, in real processes: stored results, SIGKILL of each, cancel, failure, keys."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from db import jobs, projects
from db.jobs import Job
from db.store import connect, scalar
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs import children, queue
from fair_app.jobs.children import children_of, run_child
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.jobs.supervisor import Supervisor
from fair_app.keys import usable
from fair_app.settings import REPOSITORY, Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.exams import exam_params
from tests.building import freeze, pace_committee, project_with_mistakes
from tests.jobs import grouping
from tests.wire.server import Server as Wire

MISTAKES = 20
COLLECT = {"concurrency": 2}
SLOW = 600.0
"""Calls a minute and teacher: at this pace a collection takes 8 s."""
KEY = "typed-for-the-test-0123456789"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    one = Settings(home=tmp_path)
    yield one
    for job in jobs.in_state(connect(one.database), "running"):
        if job.pid and job.pid != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)


def parent(settings: Settings, keys: dict[str, SecretStr] | None = None) -> JobContext:
    """A job of this process that has no part yet."""
    store = connect(settings.database)
    project = project_with_mistakes(settings, 3)
    return at_work(settings, jobs.add(store, "merge", {}, project.id, "ann"), keys)


def at_work(
    settings: Settings, job_id: int, keys: dict[str, SecretStr] | None = None
) -> JobContext:
    """A queued job, claimed by this process."""
    store, pid = connect(settings.database), os.getpid()
    started = process_started_at(pid)
    assert jobs.claim(store, job_id, host=HOST, pid=pid, process_started_at=started)
    return JobContext(settings, known(settings, job_id), keys=usable(keys))


def group(settings: Settings, **parts: dict[str, Any]) -> int:
    """A queued job with these parts, on a project whose committee takes its time."""
    project = project_with_mistakes(settings, MISTAKES)
    pace_committee(settings, project, SLOW)
    return grouping.add(settings, parts, project.id)


def resume(settings: Settings, job_id: int, owner: str = "") -> None:
    """Resume a job of `group`, whose committee is quick from now on."""
    (project,) = projects.all_projects(connect(settings.database))
    pace_committee(settings, project, None)
    queue.resume(settings, job_id, owner=owner)


def begin(settings: Settings, job_id: int) -> "subprocess.Popen[bytes]":
    """Start the process of a job with parts."""
    command = [sys.executable, "-m", "tests.jobs.grouping", str(settings.home), str(job_id)]
    return subprocess.Popen(command, cwd=REPOSITORY)


def known(settings: Settings, job_id: int) -> Job:
    job = jobs.get(connect(settings.database), job_id)
    assert job is not None
    return job


def part(settings: Settings, job_id: int, key: str) -> Job | None:
    return jobs.child(connect(settings.database), job_id, key)


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def busy_part(settings: Settings, job_id: int, key: str = "first") -> Job:
    """The part, as soon as it is in the middle of its work."""

    def busy() -> Job | None:
        one = part(settings, job_id, key)
        return one if one and one.state == "running" and one.done > 10 else None

    found: Job = until(busy)
    return found


def test_a_part_runs_once_in_a_process_of_its_own(settings: Settings) -> None:
    job = parent(settings)
    made: list[int] = []

    def params() -> dict[str, Any]:
        made.append(1)
        return {"concurrency": 4}

    seen: list[Job] = []
    first = run_child(job, "collect", "collect", params, watch=seen.append)
    assert first["calls"] == 36
    (child,) = children_of(settings, job.job.id)
    assert (child.parent_id, child.child_key, child.owner) == (job.job.id, "collect", "ann")
    assert child.pid not in (None, os.getpid())
    assert {one.id for one in seen} == {child.id}
    # it is done: nothing is made or started again
    assert run_child(job, "collect", "collect", params) == first
    assert (made, known(settings, child.id).attempt) == ([1], 1)


def test_no_supervisor_starts_a_part(settings: Settings) -> None:
    job = parent(settings)
    store = connect(settings.database)
    child = jobs.add_child(store, job.job, "a", "collect", {"concurrency": 1})
    assert queue.waiting(settings) == []
    Supervisor(settings).look(store)
    assert known(settings, child).state == "queued"
    with pytest.raises(sqlite3.IntegrityError):
        jobs.add_child(store, job.job, "a", "collect", {})
    with pytest.raises(sqlite3.IntegrityError, match="has a key"):
        store.execute("UPDATE jobs SET child_key = NULL WHERE id = ?", [child])


def test_a_cancel_ends_a_part_that_has_not_begun(settings: Settings) -> None:
    job = parent(settings)
    child = jobs.add_child(connect(settings.database), job.job, "a", "collect", {"concurrency": 4})
    queue.cancel(settings, job.job.id)
    assert known(settings, job.job.id).cancel_requested
    found = known(settings, child)
    assert (found.state, found.cancel_requested) == ("cancelled", False)


def test_a_part_that_fails_ends_its_parent_with_its_sentence(settings: Settings) -> None:
    job = parent(settings)
    with pytest.raises(WorkFailed, match="the second: Unexpected ValueError"):
        run_child(job, "the second", "collect", lambda: {"concurrency": "four"})
    (child,) = children_of(settings, job.job.id)
    with pytest.raises(BadInput, match=f"part of job {job.job.id}: resume that one"):
        queue.resume(settings, child.id)


def test_sigkill_of_a_part_fails_the_parent_and_a_resume_goes_on(settings: Settings) -> None:
    job_id = group(settings, first=COLLECT, second=COLLECT)
    process = begin(settings, job_id)
    child = busy_part(settings, job_id)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == 3
    ended = known(settings, job_id)
    assert ended.state == "failed"
    assert (ended.error or "").startswith("first: Its process ended")
    assert part(settings, job_id, "second") is None

    resume(settings, job_id)
    assert begin(settings, job_id).wait(timeout=60) == 0
    first = part(settings, job_id, "first")
    assert first is not None
    assert (first.id, first.state, first.attempt) == (child.id, "succeeded", 2)
    assert known(settings, job_id).result == {
        key: part(settings, job_id, key).result for key in ("first", "second")
    }
    store = connect(settings.database)
    assert scalar(store, "SELECT count(*) FROM calls WHERE state = 'done'") == MISTAKES * 12


def test_sigkill_of_the_parent_leaves_its_part_at_work(settings: Settings) -> None:
    job_id = group(settings, first=COLLECT)
    process = begin(settings, job_id)
    child = busy_part(settings, job_id)
    process.kill()
    process.wait()
    queue.listed(settings)  # marks the parent interrupted
    assert known(settings, job_id).state == "interrupted"
    assert known(settings, child.id).state == "running"
    resume(settings, job_id)
    assert begin(settings, job_id).wait(timeout=60) == 0
    found = known(settings, child.id)
    # waited for, not started again
    assert (found.state, found.attempt, found.pid) == ("succeeded", 1, child.pid)


def test_sigkill_of_both(settings: Settings) -> None:
    job_id = group(settings, first=COLLECT)
    process = begin(settings, job_id)
    child = busy_part(settings, job_id)
    assert child.pid is not None
    process.kill()
    os.kill(child.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not is_running(child.pid or 0), 10)
    queue.listed(settings)  # marks both interrupted
    assert known(settings, child.id).state == "interrupted"
    resume(settings, job_id)
    assert begin(settings, job_id).wait(timeout=60) == 0
    assert known(settings, child.id).attempt == 2


def test_a_cancel_of_the_parent_reaches_the_part(settings: Settings) -> None:
    job_id = group(settings, first=COLLECT)
    process = begin(settings, job_id)
    child = busy_part(settings, job_id)
    queue.cancel(settings, job_id)
    assert process.wait(timeout=60) == 3
    assert known(settings, job_id).state == known(settings, child.id).state == "cancelled"
    assert 0 < known(settings, child.id).done < MISTAKES * 12

    resume(settings, job_id, owner="bob")
    assert begin(settings, job_id).wait(timeout=60) == 0
    found = known(settings, child.id)
    assert (found.state, found.attempt, found.owner) == ("succeeded", 2, "bob")


def test_a_cancel_of_the_part_stops_the_parent(settings: Settings) -> None:
    job_id = group(settings, first=COLLECT)
    process = begin(settings, job_id)
    queue.cancel(settings, busy_part(settings, job_id).id)
    assert process.wait(timeout=60) == 3
    assert known(settings, job_id).state == "cancelled"


@pytest.mark.parametrize("whole", [True, False], ids=["of its parent", "of its own"])
def test_a_part_that_ignores_a_cancel_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    """Its process is stopped in its tracks, so that it reaches no safe point."""
    monkeypatch.setattr(children, "PART_GRACE_S", 0.5)
    project = project_with_mistakes(settings, MISTAKES)
    pace_committee(settings, project, SLOW)
    job = at_work(settings, jobs.add(connect(settings.database), "merge", {}, project.id))

    def stop(child: Job) -> None:
        if child.pid and child.done and not child.cancel_requested:
            freeze(settings, child.pid)
            queue.cancel(settings, job.job.id if whole else child.id)

    with pytest.raises(Cancelled):
        run_child(job, "first", "collect", lambda: COLLECT, watch=stop)
    child = part(settings, job.job.id, "first")
    assert child is not None
    assert (child.state, child.error) == ("cancelled", "It did not stop by itself.")
    until(lambda: not is_running(child.pid or 0), 10)


def test_a_stop_of_the_parent_stops_the_part(settings: Settings) -> None:
    job_id = group(settings, first=COLLECT)
    process = begin(settings, job_id)
    child = busy_part(settings, job_id)
    process.terminate()
    assert process.wait(timeout=60) == 3
    until(lambda: known(settings, child.id).state == "interrupted", 20)
    assert known(settings, job_id).state == "interrupted"


def test_typed_keys_reach_a_part_through_the_pipe_and_stand_nowhere(settings: Settings) -> None:
    with Wire(reply="The answer is 7.") as wire:
        job = parent(settings, {SERVER_KEY: SecretStr(KEY)})
        asked = {"student": "first", "task": "arithmetic", "split": "test", "limit": 2}
        params = exam_params(settings, **asked, server=f"{wire.url}/v1")
        assert run_child(job, "test", "evaluate", lambda: params)["questions"] == 2
        assert {call.key for call in wire.calls} == {KEY}
    assert settings.home is not None
    for file in settings.home.rglob("*"):
        assert file.is_dir() or KEY.encode() not in file.read_bytes()


def is_running(pid: int) -> bool:
    """Whether a process is there that is more than a zombie."""
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
