"""A task before it is asked, and the project that keeps how it is read."""

import json
from pathlib import Path

import pytest

from db import exams, projects
from db.store import connect
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.projects import create_project, may_change_task, open_project, set_task
from fair_app.studio.tasks import columns_of, preview
from fair_app.tasks.custom import make_spec
from fair_app.tasks.registry import task_of

SPEC = make_spec("question=Q,answer=A", "number")
STUDENT = "smollm2-135m"


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def rows_file(folder: Path, golds: list[object]) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"Q": f"Q{gold}?", "A": gold}) for gold in golds))
    return file


def test_a_preview_puts_and_grades_the_first_rows(place: Settings, tmp_path: Path) -> None:
    file = rows_file(tmp_path, [1, "2,5", 3, 4])
    assert columns_of(file) == ["Q", "A"]
    found = preview(place, "mine", SPEC, file, "train", limit=2)
    assert (found.total, found.fault) == (4, "")
    assert [(row.number, row.gold_answer, row.grade_of_gold) for row in found.rows] == [
        (1, "1", True),
        (2, "2.5", True),
    ]
    assert found.rows[1].prompt == task_of(Mine()).prompt(task_of(Mine()).load("train", file, 2)[1])


class Mine:
    task = "mine"
    task_spec = SPEC.model_dump()


def test_a_preview_tells_what_is_wrong(place: Settings, tmp_path: Path) -> None:
    found = preview(place, "mine", SPEC, rows_file(tmp_path, [1, 2, "many"]), "train")
    assert (found.rows, found.total) == ([], None)
    assert "line 3: column 'A' should be a number, not 'many'" in found.fault
    exact = make_spec("question=Q,answer=A", "exact")
    found = preview(place, "mine", exact, rows_file(tmp_path, ["Paris", "One!\nTwo!"]), "train")
    assert [row.grade_of_gold for row in found.rows] == [True, False]
    assert found.fault.startswith("Question 2: the gold answer 'One!")
    assert "There is no file" in preview(place, "mine", SPEC, tmp_path / "none.csv", "train").fault
    assert "no split 'dev'" in preview(place, "arithmetic", None, None, "dev").fault


def test_a_preview_of_a_choice_shows_the_option(place: Settings, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("Q,x,y,A\nWhich?,red,blue,B\n")
    spec = make_spec("question=Q,answer=A,options=x|y", "choice")
    (row,) = preview(place, "mine", spec, file, "train").rows
    assert (row.gold_answer, row.grade_of_gold) == ("B. blue", True)


def test_a_long_file_is_previewed_at_once(place: Settings, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    line = json.dumps({"Q": "x" * 2000, "A": 1}) + "\n"
    file.write_text(line * 12_000)
    found = preview(place, "mine", SPEC, file, "train")
    assert (len(found.rows), found.total, found.fault) == (5, None, "")


def test_a_project_keeps_how_its_task_is_read(place: Settings) -> None:
    with pytest.raises(BadInput, match="--map and --grader"):
        create_project(place, "one", "mine", STUDENT)
    made = create_project(place, "one", "mine", STUDENT, SPEC)
    assert open_project(place, "one").task_spec == SPEC.model_dump()
    assert task_of(made).grader == "number"
    assert create_project(place, "one", "mine", STUDENT) == made
    assert create_project(place, "one", "mine", STUDENT, SPEC) == made
    assert create_project(place, "two", "SVAMP", STUDENT).task == "svamp"
    assert create_project(place, "two", "svamp", STUDENT).task_spec is None


def test_a_task_may_change_until_it_is_asked(place: Settings) -> None:
    made = create_project(place, "one", "mine", STUDENT, SPEC)
    other = make_spec("question=Q,answer=B", "number")
    assert create_project(place, "one", "mine", STUDENT, other).task_spec == other.model_dump()
    assert set_task(place, made, "svamp").task == "svamp"
    made = set_task(place, open_project(place, "one"), "mine", SPEC)
    store = connect(place.database)
    exams.add(
        store,
        made.id,
        purpose="exam",
        student=STUDENT,
        task="mine",
        split="train",
        settings={},
        question_ids=[],
    )
    assert not may_change_task(place, made)
    assert set_task(place, made, "mine", SPEC) == made
    with pytest.raises(BadInput, match="reads mine with another mapping or grader"):
        create_project(place, "one", "mine", STUDENT, other)
    with pytest.raises(BadInput, match="is about mine, not svamp"):
        create_project(place, "one", "svamp", STUDENT)
    assert projects.get(store, made.id) == made
