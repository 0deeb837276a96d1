"""The command line's contract: JSON, exit codes, and one sentence for bad input."""

import json
from pathlib import Path
from typing import Any

import pytest

from db import exams, projects
from db.store import connect
from fair_app.cli.main import main, readable
from fair_app.settings import Settings
from tests.building import project_with_mistakes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, Any, str]:
    """A command's exit code, its JSON object (None without one) and standard error."""
    code = main([str(word) for word in argv])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def ok(capsys: pytest.CaptureFixture[str], *argv: object) -> Any:
    code, result, err = run(capsys, *argv, "--json")
    assert code == 0, err
    return result


def test_a_committee_from_quote_to_curation(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project_with_mistakes(Settings(home=home), 5)
    asked = ("--home", home, "--project", "made")
    quote = ok(capsys, "collect", *asked, "--dry-run")
    assert (quote["calls"], quote["cached"], quote["cost_usd"]) == (60, 0, 0)
    assert quote["tokens"] > 1000
    collected = ok(capsys, "collect", *asked)
    assert {key: collected[key] for key in ("calls", "cached", "failed")} == {
        "calls": 60,
        "cached": 0,
        "failed": 0,
    }
    assert (collected["rationales"], collected["feedback"], collected["reviews"]) == (15, 15, 30)
    assert ok(capsys, "collect", *asked)["calls"] == 0
    curated = ok(capsys, "curate", *asked)
    assert curated["threshold"] == 3.0
    assert curated["questions"] == 5
    assert curated["rationales"] == 15
    assert sum(one["accepted"] for one in curated["per_teacher"].values()) == curated["accepted"]
    assert ok(capsys, "curate", *asked, "--threshold", 5)["accepted"] == 0
    assert ok(capsys, "curate", *asked)["threshold"] == 3.0
    ok(capsys, "curate", *asked, "--threshold", 3.5, "--set")
    assert ok(capsys, "curate", *asked)["threshold"] == 3.5


def test_a_second_project_takes_the_same_calls_from_the_ledger(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=home)
    for name in ("one", "two"):
        project_with_mistakes(settings, 3, name)
    first = ok(capsys, "collect", "--home", home, "--project", "one")
    second = ok(capsys, "collect", "--home", home, "--project", "two")
    assert (first["calls"], first["cached"]) == (36, 0)
    assert (second["calls"], second["cached"], second["rationales"]) == (0, 36, 9)


def test_changing_one_teacher_asks_that_teacher_only(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project_with_mistakes(Settings(home=home), 2)
    committee = tmp_path / "committee.toml"

    def write(temperature: float) -> None:
        committee.write_text(
            f"""
            [[teacher]]
            name = "a"
            provider = "offline"
            model = "methodical"
            temperature = {temperature}
            [[teacher]]
            name = "b"
            provider = "offline"
            model = "terse"
            """
        )

    asked = ("collect", "--home", home, "--project", "made", "--committee", committee)
    write(0.8)
    assert ok(capsys, *asked)["calls"] == 2 * 6
    write(0.1)
    # a's rationale, feedback and review anew; what b says of the same texts is in the ledger.
    changed = ok(capsys, *asked)
    assert (changed["calls"], changed["cached"]) == (2 * 3, 2)
    write(0.8)
    assert ok(capsys, *asked)["calls"] == 0


def test_an_imported_run_goes_round(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = {
        "id": 4,
        "question": "Ann has 2 pens and buys 3. How many has she?",
        "gold_answer": "5",
        "student_wrong_pred": "2 * 3 = 6",
        "student_wrong_final_answer": "6",
    }
    feedback = {**shared, "a_feedback": "Add, do not multiply.", "b_feedback": None}
    rationale = {
        **shared,
        "a_rationale": ["2 + 3 = 5. The answer is 5.", 4],
        "b_rationale": ["2 + 3 = 6. The answer is 6.", 83],
        "correct_rationale": ["2 + 3 = 5. The answer is 5."],
    }
    files = {}
    for part, content in (
        ("false", json.dumps([shared])),
        ("feedback", json.dumps([feedback], indent=4)),
        ("rationale", json.dumps([rationale], indent=4)),
    ):
        files[part] = tmp_path / f"Llama_svamp_{part}_round0.json"
        files[part].write_text(content)
    asked = ("--home", home, "--project", "paper")
    imported = (
        *("import", *asked, "--task", "svamp", "--mistakes", files["false"]),
        *("--feedback", files["feedback"], "--rationale", files["rationale"]),
    )
    counts = {"mistakes": 1, "feedback": 2, "rationales": 2, "reviews": 2}
    assert ok(capsys, *imported) == counts
    assert ok(capsys, *imported) == counts, "importing again changes nothing"
    curated = ok(capsys, "curate", *asked)
    assert (curated["accepted"], curated["questions_accepted"]) == (1, 1)
    written = ok(capsys, "export", *asked, "--format", "reference", "--output", tmp_path / "out")
    assert len(written["files"]) == 3
    for name in written["files"]:
        assert Path(name).read_text() == (tmp_path / Path(name).name).read_text()
    sft = ok(capsys, "export", *asked, "--format", "sft", "--output", tmp_path / "out")
    lines = Path(sft["files"][0]).read_text().splitlines()
    assert all(json.loads(line)["messages"][-1]["role"] == "assistant" for line in lines)
    status = ok(capsys, "status", *asked)
    assert status["projects"][0]["mistakes"] == 1
    assert status["projects"][0]["student"] == "smollm2-135m"


BAD = [
    (["exam", "--project", "p", "--student", "smollm2-135m", "--task", "sudoku"], "sudoku"),
    (["exam", "--project", "p", "--student", "no such", "--task", "arithmetic"], "no such"),
    (["exam", "--project", "p", "--student", "checkpoint:gone", "--task", "arithmetic"], "gone"),
    (
        ["exam", "--project", "p", "--student", "smollm2-135m", "--task", "gsm8k", "--rows", "no"],
        "no file no",
    ),
    (
        ["exam", "--project", "a/b", "--student", "smollm2-135m", "--task", "arithmetic"],
        "project's name",
    ),
    (["exam", "--project", "p", "--task", "arithmetic"], "--student"),
    (["collect", "--project", "gone"], "no project 'gone'"),
    (["curate", "--project", "made", "--threshold", "5.5"], "0 to 5"),
    (["curate", "--project", "made", "--threshold", "nan"], "0 to 5"),
    (["curate", "--project", "made", "--threshold", "high"], "--threshold"),
    (["collect", "--project", "made", "--budget", "0"], "--budget"),
    (["collect", "--project", "made", "--committee", "nowhere.toml"], "nowhere.toml"),
    (["train", "--project", "made", "--name", "x"], "collect"),
    (["train", "--project", "made", "--name", "../x"], "checkpoint's name"),
    (["train", "--project", "made", "--name", "x", "--alpha", "1.5"], "alpha"),
    (["train", "--project", "made", "--name", "x", "--resume"], "without --resume"),
    (["evaluate", "--project", "made", "--student", "checkpoint:gone"], "gone"),
    (["compare", "--project", "made", "1", "2"], "no evaluation '1'"),
    (["import", "--project", "i", "--task", "svamp"], "--mistakes"),
    (["import", "--project", "i", "--task", "svamp", "--mistakes", "gone.json"], "gone.json"),
    (["jobs", "cancel", "99"], "no job 99"),
    (["jobs", "run-next"], "No job is waiting"),
    (["export", "--project", "made", "--format", "poem", "--output", "x"], "poem"),
    (["dance"], "dance"),
    ([], "COMMAND"),
]


@pytest.mark.parametrize(("argv", "said"), BAD, ids=[" ".join(argv)[:60] for argv, _ in BAD])
def test_bad_input_is_one_sentence_and_writes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    settings = Settings(home=home)
    project_with_mistakes(settings, 2)
    code, result, err = run(capsys, *argv, "--home", home, "--json")
    assert (code, result) == (2, None)
    lines = err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    store = connect(settings.database)
    assert [project.name for project in projects.all_projects(store)] == ["made"]
    assert len(exams.of_project(store, 1, "exam")) == 1
    assert not list(settings.checkpoints.glob("*"))
    assert not (home / "x").exists()


def test_rows_that_are_not_what_they_say_leave_no_exam(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "1 + 1?", "answer": "#### 2"}\n{"question": "2 + 2?"}\n')
    code, _, err = run(
        capsys,
        *("exam", "--home", home, "--project", "p", "--student", "smollm2-135m"),
        *("--task", "gsm8k", "--rows", rows, "--json"),
    )
    assert code == 2
    assert "rows.jsonl" in err
    assert "answer" in err
    assert "2" in err


def test_without_json_a_person_can_read_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project_with_mistakes(Settings(home=home), 1)
    assert main(["curate", "--home", str(home), "--project", "made"]) == 0
    assert "threshold: 3" in capsys.readouterr().out


def test_readable_lines_have_no_brackets_and_no_long_numbers() -> None:
    plan = {"cost_usd": (0.1 + 0.2, 1.0), "none": {}, "each": [{"ci95": (0.25, 1 / 3)}]}
    assert readable(plan) == "cost_usd: 0.3, 1\nnone: none\neach:\n  ci95: 0.25, 0.3333"
