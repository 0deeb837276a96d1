"""`evaluate` where something of its questions is special: they all leaked, or are of one's own."""

from pathlib import Path
from typing import Any

import pytest

from db import exams
from db.projects import Project
from db.store import connect
from fair_app.report.markdown import as_markdown
from fair_app.settings import Settings
from fair_app.studio.bundle import bundle_files
from fair_app.studio.evaluations import summary
from fair_app.studio.exams import samples_of
from fair_app.studio.projects import open_project
from fair_app.studio.report import report
from fair_app.studio.tasks import own_tasks, task_of_exam
from pages.evaluation.tests import splits, task_choices
from tests.building import project_with_mistakes
from tests.cli import lines
from tests.wire.formats import Answer
from tests.wire.server import Server

ROWS = "frage,antwort\nWhat is 3 + 4?,7\nWhat is 1 + 1?,2\n"
MAPPED = ("--map", "question=frage,answer=antwort", "--grader", "number")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def project(settings: Settings) -> Project:
    return project_with_mistakes(settings)


def run(
    settings: Settings, capsys: pytest.CaptureFixture[str], *argv: object
) -> tuple[int, Any, str]:
    return lines.run(capsys, *argv, "--home", settings.home, "--project", "made")


def test_a_test_of_leaked_questions_alone_is_done_and_says_so(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(lambda _: Answer("The answer is 7.", output_tokens=5)) as server:
        asked = ("evaluate", "--student", "m", "--server", server.url, "--split", "train")
        code, found, err = run(settings, capsys, *asked, "--limit", 5, "--without-leaked")
    assert code == 0, err
    assert (found["n"], found["leaked"]["exact"]) == (5, 5)
    assert found["without_leaked"]["n"] == 0
    assert found["without_leaked"]["note"].endswith("nothing is left: test on others.")


def test_a_task_of_ones_own_is_remembered(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text(ROWS, encoding="utf-8")
    more = ("--decoding", "paper", "--samples", 2, "--rows", rows)
    with Server(lambda _: Answer("The answer is 7.", output_tokens=5)) as server:
        asked = ("evaluate", "--student", "m", "--server", server.url, "--task", "mine", *more)
        code, _, err = run(settings, capsys, *asked)
        assert (code, err.count("\n")) == (2, 1), "nothing says yet how it is read"
        code, first, err = run(settings, capsys, *asked, *MAPPED)
        assert code == 0, err
        code, again, err = run(settings, capsys, *asked)
    assert (code, again["evaluation"], again["correct"]) == (0, first["evaluation"], 1), err
    exam = exams.get(connect(settings.database), first["evaluation"])
    assert task_of_exam(project, exam).grader == "number"
    known = own_tasks(settings, project)["mine"]
    assert known.mapping == {"question": "frage", "answer": "antwort"}
    answers = exams.answers(connect(settings.database), exam.id)
    voted = samples_of(settings, project, answers[0].id)
    assert voted is not None
    assert voted.votes == [("7", 2)]

    assert ("mine", "mine") in task_choices(settings, project)
    assert [name for _, name in splits(settings, project, "mine")] == ["test", "train"]
    code, _, err = run(settings, capsys, "compare", exam.id, exam.id)
    assert code == 2 and "two or more" in err
    said = as_markdown(report(settings, open_project(settings, project.name)))
    assert "--map question=frage,answer=antwort --grader number" in said.replace("\\", "")
    files = bundle_files(settings, open_project(settings, project.name))
    assert f"predictions/{exam.id}.json" in files
    (one,) = summary(settings, project)
    assert one.column == "mine"


def test_what_the_project_itself_says_is_not_said_again(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that an exam from before is found again, and goes on."""
    rows = tmp_path / "rows.csv"
    rows.write_text(ROWS, encoding="utf-8")
    with Server(lambda _: Answer("The answer is 7.", output_tokens=5)) as server:
        served = ("--student", "m", "--server", server.url, "--rows", rows)
        asked = ("exam", *served, "--task", "mine", *MAPPED)
        code, sat, err = run(settings, capsys, *asked)
        assert code == 0, err
        code, tested, err = run(settings, capsys, "evaluate", *served, *MAPPED)
    assert code == 0, err
    store = connect(settings.database)
    for one in (sat["exam"], tested["evaluation"]):
        assert "task_spec" not in exams.get(store, one).settings
    project = open_project(settings, "made")
    assert list(own_tasks(settings, project)) == ["mine"]
    assert task_choices(settings, project)[0] == ("mine", "mine")
