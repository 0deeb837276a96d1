"""The server's end and its next beginning, in real processes: SIGKILL, SIGTERM, the disk gone."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db import checkpoints, jobs
from db.jobs import Job
from db.store import close, connect
from fair_app.jobs import queue
from fair_app.jobs.orphans import HOST
from fair_app.jobs.worker import run_now
from fair_app.settings import REPOSITORY, Settings
from fair_app.storage.manifest import backups_among
from fair_app.storage.places import Folder
from fair_app.storage.restoring import restore_at_start
from fair_app.studio.projects import open_project
from fair_app.studio.training import train_params
from pages.overview import painting
from tests.browser.taught import taught
from tests.ports import free_port

INTERVAL_S = 1.0
LONG = {
    "epochs": 16,
    "batch_size": 1,
    "learning_rate": 0.01,
    "max_tokens": 600,
    "lora_rank": 4,
    "quantization": "none",
}

QUIET = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Two threads on a model this small wait for each other more than they work."""


@dataclass
class Server:
    """`python app.py` as a container runs it, on a home that may be wiped."""

    settings: Settings
    process: "subprocess.Popen[str] | None" = None

    def begin(self) -> None:
        environment = {
            "FAIR_HOME": str(self.settings.home),
            "FAIR_PORT": str(self.settings.port),
            "FAIR_BACKUP": self.settings.backup,
            "FAIR_BACKUP_MINUTES": str(INTERVAL_S / 60),
            "FAIR_STOP_JOBS": "1",
            "FAIR_RESUME": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=REPOSITORY,
            env={**os.environ, **QUIET, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> None:
        """Until it answers that it is well."""
        until(lambda: self.health() == {"status": "ok"})

    def health(self) -> Any:
        assert self.process is not None
        assert self.process.poll() is None, self.process.communicate()[0]
        try:
            address = f"http://127.0.0.1:{self.settings.port}/healthz"
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as fault:
            return json.load(fault)
        except OSError:
            return None

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; the exit code, and what it printed."""
        assert self.process is not None
        self.process.send_signal(number)
        printed, _ = self.process.communicate(timeout=120)
        return self.process.returncode, printed

    def wipe(self) -> None:
        """The machine is gone: its processes and its disk."""
        for job in jobs.in_state(connect(self.settings.database), "running"):
            if job.pid and job.host == HOST:
                os.kill(job.pid, signal.SIGKILL)
        close(self.settings.database)
        assert self.settings.home is not None
        shutil.rmtree(self.settings.home)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    settings = Settings(home=tmp_path / "home", port=free_port(), backup=str(tmp_path / "place"))
    one = Server(settings)
    yield one
    if one.process and one.process.poll() is None:
        one.process.kill()
        one.process.wait()
    for job in jobs.in_state(connect(settings.database), "running"):
        if job.pid and job.host == HOST:
            os.kill(job.pid, signal.SIGKILL)


def until(what: Callable[[], Any], seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def test_a_run_goes_on_after_a_stop_and_a_lost_server_is_there_again(
    server: Server, tmp_path: Path
) -> None:
    """Twice the disk is wiped: after a stop in the middle of a run, and after a SIGKILL while
    somebody writes."""
    from tests.training.tiny import tiny_folder

    settings, student = server.settings, str(tiny_folder(tmp_path / "tiny"))
    server.begin()
    expected = losses_of_a_whole_run(Settings(home=tmp_path / "undisturbed"), student)
    server.wait()
    job_id = submitted(settings, student)
    at_work = until(lambda: (job := known(settings, job_id)).done > 10 and job)
    assert at_work.state == "running"
    began = time.monotonic()
    code, printed = server.end(signal.SIGTERM)
    assert (code, time.monotonic() - began < 30) == (0, True)
    assert "stopped; 1 job can be resumed" in printed
    assert "Traceback" not in printed
    stopped = known(settings, job_id)
    assert (stopped.state, stopped.attempt) == ("interrupted", 1)
    assert 10 < stopped.done < stopped.total
    server.wipe()

    server.begin()
    server.wait()
    said = painting(settings, open_project(settings, "demo"))
    assert "Restored on " in said
    assert "It was made as the server stopped." in said
    until(lambda: known(settings, job_id).state in jobs.ENDED)
    job = known(settings, job_id)
    assert (job.state, job.error, job.attempt) == ("succeeded", None, 2)
    row = checkpoints.by_name(connect(settings.database), "run")
    assert row is not None
    assert row.lineage["losses"] == expected
    curve = jobs.metrics(connect(settings.database), job_id, ["loss"])["loss"]
    assert curve == [(step, losses[0]) for step, losses in enumerate(expected, 1)]

    last = written_until_it_is_backed_up(settings)
    code, printed = server.end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert "restored from the backup " in printed
    server.wipe()
    assert restore_at_start(settings) is not None
    with sqlite3.connect(settings.database) as store:
        (newest,) = store.execute("SELECT max(at) FROM beats").fetchone()
    # the interval, and the time that a backup takes here
    assert last - newest < INTERVAL_S + 5
    said = painting(settings, open_project(settings, "demo"))
    assert "At most 1 minute of work was lost." in said


def written_until_it_is_backed_up(settings: Settings) -> float:
    """Write again and again until two backups were made meanwhile; when the last was written."""
    place = Folder(Path(settings.backup))
    with sqlite3.connect(settings.database, timeout=30) as store:
        store.execute("CREATE TABLE beats (at REAL)")
    before = set(backups_among(place.names()))
    while len(set(backups_among(place.names())) - before) < 2:
        with sqlite3.connect(settings.database, timeout=30) as store:
            store.execute("INSERT INTO beats VALUES (?)", [time.time()])
        time.sleep(0.05)
    return time.time()


def submitted(settings: Settings, student: str) -> int:
    project = taught(settings)
    params = train_params(settings, project, name="run", student=student, settings_given=LONG)
    return queue.submit(settings, "train", params, project)


def losses_of_a_whole_run(settings: Settings, student: str) -> list[list[float]]:
    import torch

    project, threads = taught(settings), torch.get_num_threads()
    params = train_params(settings, project, name="run", student=student, settings_given=LONG)
    torch.set_num_threads(1)  # as QUIET
    try:
        run_now(settings, "train", params, project.id)
    finally:
        torch.set_num_threads(threads)
    row = checkpoints.by_name(connect(settings.database), "run")
    assert row is not None
    losses: list[list[float]] = row.lineage["losses"]
    return losses


def known(settings: Settings, job_id: int) -> Job:
    job = jobs.get(connect(settings.database), job_id)
    assert job is not None
    return job
