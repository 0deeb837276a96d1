"""A file of one's own from the command line: exam, evaluation, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from db import exams, projects
from db.store import connect
from fair_app.cli.main import main
from fair_app.settings import Settings
from fair_app.stored_questions import as_question
from fair_app.tasks.registry import task_of

GERMAN = 'Aufgabe;Lösung;Art\nWas ist 7 / 2?;3,5;Teilen\n"Was ist 617,25 * 2?";1.234,5;Mal\n'
MAPPED = ("--map", "question=Aufgabe,answer=Lösung,type=Art", "--grader", "number")


@pytest.fixture
def home(tmp_path: Path, student_folder: Path) -> Path:
    place = Settings(home=tmp_path / "home")
    place.models.mkdir(parents=True)
    (place.models / student_folder.name).symlink_to(student_folder, target_is_directory=True)
    return place.home


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "aufgaben.csv"
    file.write_bytes(("\ufeff" + GERMAN).encode("utf-8"))
    return file


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, Any, str]:
    code = main([str(word) for word in (*argv, "--json")])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def asked(home: Path, rows: Path, *more: object) -> list[object]:
    student = ("--student", "smollm2-135m", "--max-new-tokens", 4)
    return ["exam", "--home", home, "--project", "p", *student, "--rows", rows, *more]


@pytest.mark.model
def test_an_exam_and_an_evaluation_of_ones_own_file(
    home: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = asked(home, rows, "--task", "schule", *MAPPED)
    code, result, err = run(capsys, *command)
    assert code == 0, err
    assert result["questions"] == 2
    store = connect(Settings(home=home).database)
    project = projects.by_name(store, "p")
    assert project is not None
    assert task_of(project).grader == "number"
    exam = exams.get(store, result["exam"])
    assert exam.source["file"] == "aufgaben.csv"
    assert len(exam.source["sha256"]) == 64
    answers = exams.answers(store, exam.id)
    assert [(row.gold_answer, row.kind) for row in answers] == [
        ("3.5", "Teilen"),
        ("1234.5", "Mal"),
    ]
    assert all("The answer is" in task_of(project).prompt(as_question(row)) for row in answers)

    # Again, without the mapping: the project knows it, and nothing is asked twice.
    code, again, err = run(capsys, *asked(home, rows, "--task", "schule"))
    assert (code, again["exam"]) == (0, result["exam"]), err
    code, quote, err = run(capsys, "collect", "--home", home, "--project", "p", "--dry-run")
    assert (code, quote["mistakes"]) == (0, result["mistakes"]), err
    evaluation = ["evaluate", *asked(home, rows)[1:]]
    code, tested, err = run(capsys, *evaluation)
    assert (code, tested["n"]) == (0, 2), err

    # Another mapping would make other questions of the project's task.
    other = asked(home, rows, "--task", "schule", "--map", "question=Art,answer=Lösung")
    code, _, err = run(capsys, *other, "--grader", "exact")
    assert (code, err.count("\n")) == (2, 1)
    assert "reads schule with another mapping or grader" in err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--task", "schule"], "--map and --grader"),
        (["--task", "schule", "--map", "question=Aufgabe,answer=Art"], "both --map and --grader"),
        (["--task", "schule", "--grader", "number"], "both --map and --grader"),
        (["--task", "svamp", *MAPPED], "svamp is built in"),
        (["--task", "a/b", *MAPPED], "cannot be a task's name"),
        (["--task", "schule", "--map", "question=Aufgabe", "--grader", "exact"], "for answer"),
        (["--task", "schule", *MAPPED[:3], "numeric"], "--grader"),
    ],
)
def test_a_mapping_that_is_not_whole_makes_no_project(
    home: Path, rows: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    code, result, err = run(capsys, *asked(home, rows, *more))
    assert (code, result, err.count("\n")) == (2, None, 1)
    assert says in err
    assert projects.all_projects(connect(Settings(home=home).database)) == []


def test_a_faulty_row_is_named_and_asks_nothing(
    home: Path, rows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.write_text(GERMAN + "Was ist 1 + 1?;zwei;Plus\n")
    command = asked(home, rows, "--task", "schule", *MAPPED)
    code, result, err = run(capsys, *command)
    assert (code, result) == (2, None)
    assert "line 4: column 'Lösung' should be a number, not 'zwei'" in err
    store = connect(Settings(home=home).database)
    assert exams.of_project(store, 1, "exam") == []
    assert store.execute("SELECT count(*) FROM questions").fetchone() == (0,)
    # With the mapping mistaken, the next try may have another one.
    code, _, err = run(
        capsys,
        *asked(home, rows, "--task", "schule", "--map", "question=X,answer=Lösung"),
        "--grader",
        "exact",
    )
    assert code == 2
    assert "column 'X' is missing (this row's columns: Aufgabe, Lösung, Art)" in err
