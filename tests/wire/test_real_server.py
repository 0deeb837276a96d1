"""A server that is not ours: `transformers serve` with the offline student behind it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import committee, exams
from db.store import connect
from fair_app.cli.main import main
from fair_app.committee.base import TeacherSpec
from fair_app.settings import Settings
from tests.committee.collecting import collect, taught_at
from tests.ports import free_port

PATIENCE_S = 300


@pytest.fixture(scope="module")
def served(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a `transformers serve` that has loaded the offline student."""
    port = free_port()
    command = [Path(sys.executable).parent / "transformers", "serve", str(student_folder)]
    log = (tmp_path_factory.mktemp("serve") / "log.txt").open("wb")
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    ) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=2):
                    break
            except OSError:
                assert process.poll() is None, Path(log.name).read_text()
                assert time.monotonic() < deadline, Path(log.name).read_text()
                time.sleep(0.5)
        yield url
        process.kill()


def test_a_committee_of_a_real_server(served: str, student_folder: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    specs = [
        TeacherSpec(
            name=name,
            provider="openai",
            model=str(student_folder),
            base_url=f"{served}/v1",
            temperature=temperature,
            max_tokens=16,
            timeout_s=PATIENCE_S,
        )
        for name, temperature in (("calm", 0.0), ("lively", 0.8))
    ]
    project = taught_at(settings, specs, 1)
    result = collect(settings, project, concurrency=1)
    assert (result["failed"], result["left"]) == (0, 0)
    assert (result["rationales"], result["feedback"]) == (2, 2)
    assert result["output_tokens"] > 0
    store = connect(settings.database)
    texts = [row.text for row in committee.rationales(store, project.id)]
    assert all(texts)
    # Sixteen tokens seldom end an answer: what was cut off is not reviewed.
    finishes = [row.finish for row in committee.rationales(store, project.id)]
    assert result["reviews"] == sum(finish == "complete" for finish in finishes)


@pytest.mark.parametrize("prompts", ["chat", "plain"])
def test_an_exam_of_a_real_server(
    served: str,
    student_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    prompts: str,
) -> None:
    told = ("exam", "--home", str(tmp_path), "--project", "p", "--student", str(student_folder))
    asked = ("--task", "arithmetic", "--limit", "4", "--max-new-tokens", "48")
    assert main([*told, *asked, "--server", served, "--prompts", prompts, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["questions"] == 4
    assert result["tokens_per_second"] > 0
    store = connect(Settings(home=tmp_path).database)
    (exam,) = exams.of_project(store, 1, "exam")
    answers = exams.answers(store, exam.id)
    assert all(answer.text for answer in answers)
    assert all(0 < (answer.tokens or 0) <= 48 for answer in answers)
    assert all(answer.truncated == (answer.tokens == 48) for answer in answers)


def test_a_real_server_says_that_it_has_no_such_model(
    served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ("exam", "--home", str(tmp_path), "--project", "p", "--student", "no/such-model")
    code = main([*told, "--task", "arithmetic", "--limit", "2", "--server", served])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert code == 2
    assert len(lines) == 1
    assert "no/such-model" in lines[0]
