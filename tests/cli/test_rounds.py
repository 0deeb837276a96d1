"""Rounds from the command line: two of them, a SIGKILL, a stop, and what is refused."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from db import exams, jobs, projects
from db.jobs import Job
from db.store import connect
from fair_app.jobs.children import children_of
from fair_app.settings import REPOSITORY, Settings
from fair_app.studio.review import board
from fair_app.studio.rounds import newest_course, teach_from
from fair_app.training.frozen import read_examples
from tests.building import project_with_mistakes
from tests.cli.lines import run
from tests.jobs.here import run_parts_here
from tests.studio.courses import sat
from tests.training.tiny import tiny_folder

QUESTIONS, TESTED = 3, 4
TRAINING = ("--max-steps", 2, "--max-tokens", 2000, "--quantization", "none", "--lora-rank", 2)


def ok(capsys: pytest.CaptureFixture[str], *argv: object) -> Any:
    code, result, err = run(capsys, *argv)
    assert code == 0, err
    return result


def until_part(settings: Settings, key: str, seconds: float = 300) -> tuple[Job, Job]:
    """Wait until a part of the rounds is at work; return their job and that part."""
    store = connect(settings.database)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = jobs.latest(store, 1, "rounds")
        for part in children_of(settings, job.id) if job else []:
            if part.child_key == key and part.state == "running":
                assert job is not None
                return job, part
        time.sleep(0.05)
    raise AssertionError(f"{key} did not begin")


@pytest.mark.timeout(900)
def test_rounds_survive_a_sigkill_and_ask_only_what_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    student = tiny_folder(tmp_path / "tiny")
    asked = ("--home", settings.home, "--project", "p")
    exam = ("--student", student, "--task", "arithmetic", "--max-new-tokens", 8)
    ok(capsys, "exam", *asked, *exam, "--limit", QUESTIONS)
    rounds = ("rounds", *asked, "--rounds", 2, "--train", "afresh", "--test-limit", TESTED)

    plan = ok(capsys, *rounds, "--dry-run", "--stop-below", -100, *TRAINING)
    assert (plan["mistakes"], plan["known"], plan["first_calls"]) == (QUESTIONS, True, [36, 36])
    assert (plan["later_calls"], plan["cost_usd"]) == ([9, 36], [0, 0])
    assert plan["checkpoints"] == ["round-1", "round-2"]
    assert plan["seconds"]["exam"] > 0
    assert plan["seconds"]["training"] is None
    assert not children_of(settings, 2), "a dry run begins nothing"

    ok(capsys, "curate", *asked, "--threshold", 0, "--set")
    command = [sys.executable, "-m", "fair_app", *map(str, (*rounds, *TRAINING))]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as parent:
        job, part = until_part(settings, "first test")
        parent.kill()
    run_parts_here(monkeypatch)  # but for the one at work, which has a process already
    ok(capsys, "jobs", "resume", job.id, "--home", settings.home)
    listed = ok(capsys, "jobs", "run-next", "--home", settings.home)["jobs"]
    result = next(one for one in listed if one["id"] == job.id)["result"]
    parts = children_of(settings, job.id)
    assert [one.child_key for one in parts][:2] == ["first test", "round 1 exam"]
    assert parts[0].id == part.id, "the part that outlived the kill is the one that was waited for"
    assert {one.attempt for one in parts} == {1}
    assert result["stopped"] == "All 2 rounds are done."
    assert (result["leaked"]["of"], result["leaked"]["exact"]) == (TESTED, 0)
    first, second = result["rounds"]
    assert (first["student"], second["student"]) == (str(student), "checkpoint:round-1")
    assert (first["mistakes"], first["calls"], first["standing"]) == (QUESTIONS, 36, 0)
    # The tiny model knows nothing: the same questions are wrong, and their rationales stand.
    assert second["mistakes"] == QUESTIONS
    assert second["standing"] == QUESTIONS * 9
    assert second["calls"] + second["cached"] == QUESTIONS * 3
    assert result["base"]["n"] == first["test"]["n"] == second["test"]["n"] == TESTED
    assert {"gain", "fixed", "broken", "p_value", "ci95"} <= second["test"].keys()

    lineage = json.loads((settings.checkpoints / "round-2" / "lineage.json").read_text())
    assert lineage["start"] is None
    assert lineage["round"]["exams"] == [first["exam"]["id"], second["exam"]["id"]]
    frozen = read_examples(settings.checkpoints / "round-2")
    assert len(frozen) == second["examples"] <= QUESTIONS
    store = connect(settings.database)
    answers = {row.question_id: row.text for row in exams.answers(store, second["exam"]["id"])}
    assert all(one.student_answer == answers[one.question_id] for one in frozen)

    project = projects.get(store, 1)
    assert (project.exam_id, project.student) == (second["exam"]["id"], "checkpoint:round-1")
    assert len(board(settings, project).questions) == QUESTIONS
    teach_from(settings, project, first["exam"]["id"])
    back = projects.get(store, 1)
    assert (back.exam_id, back.student) == (first["exam"]["id"], str(student))
    found = newest_course(settings, back)
    assert found is not None
    assert [one.checkpoint for one in found.rounds] == ["round-1", "round-2"]


BAD = [
    (["--rounds", "0"], "number of rounds"),
    (["--rounds", "2", "--stop-below", "nan"], "--stop-below"),
    (["--rounds", "2", "--train", "sideways"], "sideways"),
    (["--rounds", "2", "--exam-limit", "0"], "number of questions"),
    (["--rounds", "2", "--test-limit", "0"], "number of questions"),
    (["--rounds", "2", "--test-rows", "gone.jsonl"], "gone.jsonl"),
    (["--rounds", "2", "--budget", "0"], "--budget"),
    (["--rounds", "2", "--alpha", "2"], "alpha"),
    (["--rounds", "2", "--name", "a/b"], "checkpoint's name"),
    (["--rounds", "2", "--student", "checkpoint:gone"], "gone"),
    (["--rounds", "2", "--mentor", "checkpoint:nobody"], "nobody"),
    (["--rounds", "2", "--concurrency", "0"], "--concurrency"),
    ([], "--rounds"),
]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str]:
    """A home with a project whose rounds could begin, and its name."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    return settings, sat(settings).name


@pytest.mark.parametrize(("argv", "said"), BAD, ids=[" ".join(argv) for argv, _ in BAD])
def test_bad_input_is_one_sentence_and_begins_nothing(
    standing: tuple[Settings, str], capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    settings, name = standing
    code, result, err = run(capsys, "rounds", "--home", settings.home, "--project", name, *argv)
    assert (code, result) == (2, None)
    assert len(err.strip().splitlines()) == 1
    assert said in err
    assert jobs.latest(connect(settings.database), 1, "rounds") is None


def test_an_exam_that_nobody_sat_here_cannot_be_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project_with_mistakes(Settings(home=tmp_path))
    asked = ("rounds", "--home", tmp_path, "--project", "made", "--rounds", 2)
    code, _, err = run(capsys, *asked)
    assert code == 2
    assert "run the exam first" in err
