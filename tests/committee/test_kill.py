"""SIGKILL at random moments: every call ends once, and no finished one is sent again."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from db import calls
from db.projects import Project
from db.store import connect, scalar
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.studio.projects import open_project
from tests.committee.collecting import KEY, collect, spec_at, taught_at
from tests.wire.formats import PROVIDERS
from tests.wire.server import counters_of, served_apart

REPOSITORY = Path(__file__).resolve().parents[2]
QUESTIONS, KILLS, CONCURRENCY = 300, 10, 32
CALLS = QUESTIONS * 12
DONE = "SELECT count(*) FROM calls WHERE state = 'done'"

Asked = tuple[str, str]
"""A model and a prompt, which is how the server counts."""


@pytest.mark.timeout(600)
def test_ten_kills_in_one_run_lose_nothing_and_repeat_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIR_TEST_KEY", KEY)
    settings = Settings(home=tmp_path)
    chance = random.Random(731)
    with served_apart("--latency", "0.02", "--faults", "0.1", "--seed", "7") as url:
        specs = [spec_at(url, name, name, timeout_s=2.0) for name in PROVIDERS]
        project = taught_at(settings, specs, QUESTIONS)
        job_id = queue.submit(settings, "collect", {"concurrency": CONCURRENCY}, project)
        seen: list[tuple[Counter[Asked], Counter[Asked]]] = []
        for _ in range(KILLS):
            kill_at_work(settings, job_id, chance)
            seen.append((done_calls(settings), received(url)))
            queue.resume(settings, job_id)
        for _ in range(5):
            result = finish(settings, project)
            if not result["left"]:
                break
        end, end_received = done_calls(settings), received(url)
        answered = counters_of(url)["answered"]
    assert len([one for one, _ in seen if 0 < one.total() < CALLS]) >= 5, "the kills came too late"
    assert (result["rationales"], result["feedback"], result["reviews"]) == (900, 900, 1800)
    assert end.total() == CALLS
    for done, asked in seen:
        for key in [key for key, count in done.items() if count == end[key]]:
            assert end_received[key] == asked[key], "a finished call was sent again"
    # What was answered and is not in the ledger was in flight when a kill came.
    assert CALLS <= answered <= CALLS + KILLS * CONCURRENCY
    store = connect(settings.database)
    assert scalar(store, "SELECT count(*) FROM calls WHERE state != 'done'") == 0
    assert scalar(store, "PRAGMA integrity_check") == "ok"
    total = CALLS * (11 + 2 * 7) / 1e6
    assert calls.spent(store, project.id) == pytest.approx(total)


def kill_at_work(settings: Settings, job_id: int, chance: random.Random) -> None:
    """Start the job's process, wait until it has some more answers, and kill it.

    Ten times the most are fewer than there are: it has always something left to do.
    """
    store = connect(settings.database)
    enough = scalar(store, DONE) + chance.randint(1, CALLS // 12)
    command = [sys.executable, "-m", "fair_app.jobs.worker", str(job_id)]
    with subprocess.Popen(
        [*command, "--home", str(settings.home)], cwd=REPOSITORY, stdin=subprocess.DEVNULL
    ) as process:
        while scalar(store, DONE) < enough:
            assert process.poll() is None, "the job ended before it was killed"
            time.sleep(0.005)
        process.kill()


def finish(settings: Settings, project: Project) -> dict[str, int]:
    """Let what is left be collected in this process."""
    waiting = queue.latest(settings, project, "collect")
    assert waiting is not None
    if waiting.job.state == "queued":
        queue.cancel(settings, waiting.job.id)
    return collect(settings, open_project(settings, project.name), concurrency=CONCURRENCY)


def done_calls(settings: Settings) -> Counter[Asked]:
    """How many calls of each model and prompt are finished."""
    rows = connect(settings.database).execute(
        "SELECT model, prompt FROM calls WHERE state = 'done'"
    )
    return Counter((model, prompt) for model, prompt in rows)


def received(url: str) -> Counter[Asked]:
    """How often the server was asked each prompt."""
    return Counter(
        {(one["model"], one["prompt"]): one["received"] for one in counters_of(url)["calls"]}
    )
