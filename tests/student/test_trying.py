"""The job that lends students: it answers, goes on after a failure, and gives the device back."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from db import jobs
from db.projects import Project
from db.store import connect, update
from db.trials import Trial
from fair_app.cli.main import main
from fair_app.errors import BadInput, Cancelled
from fair_app.jobs import queue, worker
from fair_app.jobs.context import DEVICE
from fair_app.settings import REPOSITORY, Settings
from fair_app.studio import trying
from tests.student.lending import TOKENS, adapter, asked_before

QUESTION = "Ann has 2 apples and buys 3. How many has she?"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings, tiny_folder: Path) -> Project:
    """A project of the tiny model, with a checkpoint `first`."""
    adapter(settings, tiny_folder, "first")
    return asked_before(settings, str(tiny_folder))


def until(true: Callable[[], Any], seconds: float = 180) -> Any:
    """Wait until something holds, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def ask(settings: Settings, project: Project, *students: str, **more: Any) -> int:
    both = students or (project.student, "checkpoint:first")
    return trying.ask(settings, project, students=both, question=QUESTION, **more)


def ended(settings: Settings, project: Project, asking: int) -> list[Trial]:
    def found() -> list[Trial]:
        answers = trying.asking(settings, project, asking)
        return [] if any(one.under_way for one in answers) else answers

    return list(until(found))


def job_of(settings: Settings, project: Project, asking: int) -> jobs.Job:
    (first, *_) = trying.asking(settings, project, asking)
    job = jobs.get(connect(settings.database), first.job_id)
    assert job is not None
    return job


@contextmanager
def lending(settings: Settings, job_id: int) -> Iterator[threading.Thread]:
    """A job at work in a thread; it is cancelled at the end."""

    def work() -> None:
        with suppress(Cancelled):
            worker.run_job(settings, job_id)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        with suppress(BadInput):
            queue.cancel(settings, job_id)
        thread.join(60)
        assert not thread.is_alive()


def test_both_answer_and_the_model_stays_lent_until_it_is_given_back(
    settings: Settings, project: Project
) -> None:
    first = ask(settings, project)
    job = job_of(settings, project, first)
    store = connect(settings.database)
    with lending(settings, job.id) as thread:
        answers = ended(settings, project, first)
        assert [one.state for one in answers] == ["done", "done"]
        assert [one.student for one in answers] == [project.student, "checkpoint:first"]
        assert answers[0].text != answers[1].text
        assert all(0 < one.tokens <= TOKENS and one.seconds > 0 for one in answers)
        assert all(one.correct is None for one in answers)
        until(lambda: jobs.get(store, job.id).stage == "lent")
        assert jobs.lease_holder(store, DEVICE) == job.id
        assert trying.lender(settings, project).state == "lent"

        # A test question is graded, by the job that is there.
        taken, shown = trying.test_question(settings, project)
        assert trying.as_test_question(settings, project, taken, shown) == taken
        assert trying.as_test_question(settings, project, taken, f"{shown} Or not?") is None
        second = ask(settings, project, project.student, question_id=taken)
        assert job_of(settings, project, second).id == job.id
        (graded,) = ended(settings, project, second)
        assert graded.correct is not None
        assert graded.gold_answer

        trying.give_back(settings, project)
        thread.join(60)
    assert jobs.lease_holder(store, DEVICE) is None
    gone = trying.lender(settings, project)
    assert (gone.state, gone.why) == ("gone", "a person gave it back")
    found, total = trying.history(settings, project, 10)
    assert ([asking[0].asking for asking in found], total) == ([second, first], 2)


def test_one_answer_fails_and_the_other_does_not(settings: Settings, project: Project) -> None:
    asking = ask(settings, project)
    (settings.checkpoints / "first" / "adapter_model.safetensors").write_bytes(b"cut")
    job = job_of(settings, project, asking)
    with lending(settings, job.id):
        base, broken = ended(settings, project, asking)
        assert (base.state, broken.state) == ("done", "failed")
        assert "does not fit its base student" in broken.error
        again = ask(settings, project, project.student)
        assert ended(settings, project, again)[0].text == base.text


def test_the_device_goes_to_a_job_that_waits_for_it(settings: Settings, project: Project) -> None:
    asking = ask(settings, project)
    job = job_of(settings, project, asking)
    with lending(settings, job.id) as thread:
        ended(settings, project, asking)
        store = connect(settings.database)
        until(lambda: jobs.get(store, job.id).stage == "lent")
        other = queue.submit(settings, "merge", {"checkpoint": "first", "name": "x"}, project)
        thread.join(60)
    gone = trying.lender(settings, project)
    assert gone.job.state == "succeeded"
    assert gone.why == f"job {other} (Merging) waits for the device"
    assert jobs.lease_holder(store, DEVICE) is None
    # Nothing is asked while it is in the way; it says which job it is.
    with pytest.raises(BadInput, match=rf"Job {other} \(Merging\) waits for the device"):
        ask(settings, project)
    queue.cancel(settings, other)
    assert job_of(settings, project, ask(settings, project)).id > job.id


def test_a_lender_whom_nobody_asks_makes_way_at_once(settings: Settings, project: Project) -> None:
    lender = queue.submit(settings, "try", trying.lend_params(None), project)
    other = queue.submit(settings, "merge", {"checkpoint": "first", "name": "x"}, project)
    with lending(settings, lender) as thread:
        thread.join(60)
    gone = trying.lender(settings, project)
    assert (gone.job.state, gone.why) == (
        "succeeded",
        f"job {other} (Merging) waits for the device",
    )


def test_nobody_asks_and_the_device_is_given_back(settings: Settings, project: Project) -> None:
    asking = ask(settings, project, project.student)
    job = job_of(settings, project, asking)
    store = connect(settings.database)
    update(store, "jobs", job.id, {"params": {**job.params, "idle_s": 0.3}})
    with lending(settings, job.id) as thread:
        thread.join(60)
    assert trying.lender(settings, project).why == "nobody asked for 0 s"
    assert ended(settings, project, asking)[0].state == "done"


def test_a_person_stops_an_answer(settings: Settings, project: Project) -> None:
    update(connect(settings.database), "exams", project.exam_id, {"settings": {}})
    long = "Write the numbers from 1 to 500, each on a line of its own."
    asking = trying.ask(settings, project, students=(project.student,), question=long)
    with lending(settings, job_of(settings, project, asking).id):
        until(lambda: trying.asking(settings, project, asking)[0].state == "writing")
        trying.stop(settings, project, asking)
        (answer,) = ended(settings, project, asking)
        assert answer.state == "stopped"
        assert 0 < answer.tokens < 256
        assert answer.text


def test_a_killed_job_is_said_and_another_lends_anew(settings: Settings, project: Project) -> None:
    update(connect(settings.database), "exams", project.exam_id, {"settings": {}})
    asking = ask(settings, project)
    job = job_of(settings, project, asking)
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job.id)]
    with subprocess.Popen(
        [*command, "--home", str(settings.home)], cwd=REPOSITORY, stdin=subprocess.DEVNULL
    ) as process:
        try:
            # It imports torch first, beside whatever else this machine does.
            until(lambda: trying.asking(settings, project, asking)[0].state == "writing", 240)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    for answer in ended(settings, project, asking):
        assert answer.state == "failed"
        assert f"Job {job.id}, which lent the model, ended" in answer.error
    assert trying.lender(settings, project).job.state == "interrupted"
    anew = ask(settings, project, project.student)
    assert job_of(settings, project, anew).id != job.id
    with lending(settings, job_of(settings, project, anew).id):
        assert ended(settings, project, anew)[0].state == "done"


def test_from_the_command_line(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--home", str(settings.home), "--json", "try", "--project", project.name]
    asked = ["--student", project.student, "--student", "checkpoint:first"]
    assert main([*command, *asked, QUESTION]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["student"] for one in told["answers"]] == [project.student, "checkpoint:first"]
    for one in told["answers"]:
        assert one["state"] == "done"
        assert one["text"] and 0 < one["tokens"] <= TOKENS and one["seconds"] > 0
    assert jobs.lease_holder(connect(settings.database), DEVICE) is None

    assert main([*command, "--student", "checkpoint:none", QUESTION]) == 2
    assert "There is no checkpoint 'none'" in capsys.readouterr().err
    assert main([*command, QUESTION]) == 2
    assert "no checkpoint yet" in capsys.readouterr().err
    assert main([*command, *asked[:2], "  "]) == 2
    assert "Write a question first" in capsys.readouterr().err
