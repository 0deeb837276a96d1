"""Mentor-KD's files into a project and out of it, through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from db import authored, calls, committee, exams, mentors
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.curation.training_set import Selection
from fair_app.exchange.mentor_kd import MentorKdRow
from fair_app.settings import Settings
from fair_app.studio.mentor_kd import answered
from fair_app.studio.projects import open_project
from fair_app.studio.training import training_questions
from fair_app.tasks.base import Question
from fair_app.tasks.registry import task as task_named
from tests.browser.taught import TEACHERS, taught
from tests.studio.mentor_files import row, taught_row, written


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def project(settings: Settings) -> Project:
    """Five mistakes: what is 1 + 1, 2 + 2 … 5 + 5?"""
    return taught(settings)


def run(settings: Settings, project: Project, *options: object) -> int:
    home = ["--home", str(settings.home), "--json"]
    given = [str(one) for one in options]
    return main([*home, given[0], "--project", project.name, *given[1:]])


def imported(
    capsys: pytest.CaptureFixture[str], settings: Settings, project: Project, *options: object
) -> dict[str, int]:
    code = run(
        settings, project, "import", "--task", "arithmetic", "--format", "mentor-kd", *options
    )
    out, err = capsys.readouterr()
    assert code == 0, err
    return dict(json.loads(out))


def exported(
    capsys: pytest.CaptureFixture[str], settings: Settings, project: Project, folder: Path
) -> dict[str, Any]:
    """What `export` writes, by the files' names."""
    assert run(settings, project, "export", "--format", "mentor-kd", "--output", folder) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    return {Path(file).name: json.loads(Path(file).read_text()) for file in files}


RATIONALES: dict[str, Any] = {
    "several a question": [
        *[taught_row(2, source="their own"), taught_row(2), taught_row(1), taught_row(1)],
        taught_row(3, initial_correct=False),
    ],
    "under data, by number": {"data": {"9": taught_row(4), "1": row(2)}},
}
AUGMENTATIONS: dict[str, Any] = {
    "several a question": {
        "0": [row(1), row(1, chain="One more than 1 is 2."), row(1, completion="3")],
        "1": [row(5), row(5)],
    },
    "a list": [row(1), row(2, chain="So it is", completion="4")],
}


@pytest.mark.parametrize("layout", RATIONALES)
def test_a_teachers_file_comes_out_as_it_went_in(
    settings: Settings,
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    layout: str,
) -> None:
    content = RATIONALES[layout]
    path = written(tmp_path, "in.json", content)
    options = ("--rationale", path, "--author", "gpt")
    counts = imported(capsys, settings, project, *options)
    several = layout == "several a question"
    assert counts["rationales"] == (5 if several else 2)
    assert (counts["left_out"], counts["graded_otherwise"]) == (0, 0)
    again = imported(capsys, settings, project, *options)
    assert (again["rationales"], again["known"]) == (0, counts["rationales"])
    store = connect(settings.database)
    names = [one.name for one in committee.teachers(store, project.id)]
    assert names == [*TEACHERS, "gpt", *["gpt.2"] * several]
    files = exported(capsys, settings, project, tmp_path / "out")
    assert files[f"{project.name.replace(' ', '-')}_gpt_rationales.json"] == content
    assert len(files) == 4


@pytest.mark.parametrize("layout", AUGMENTATIONS)
def test_a_mentors_file_comes_out_as_it_went_in(
    settings: Settings,
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    layout: str,
) -> None:
    content = AUGMENTATIONS[layout]
    path = written(tmp_path, "theirs.json", content)
    counts = imported(capsys, settings, project, "--augmentations", path)
    again = imported(capsys, settings, project, "--augmentations", path)
    known = counts["augmentations"]
    assert again == {**counts, "augmentations": 0, "kept": 0, "known": known}
    store = connect(settings.database)
    mentor = mentors.of_project(store, project.id)
    assert mentor is not None
    assert mentor.spec["model"] == "imported:theirs"
    tally = mentors.tally(store, mentor.id)
    assert tally.samples == counts["augmentations"]
    files = exported(capsys, settings, project, tmp_path / "out")
    assert files[f"{project.name.replace(' ', '-')}_mentor_augmentations.json"] == content


def test_augmentations_are_graded_and_duplicates_are_dropped(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = AUGMENTATIONS["several a question"]
    path = written(tmp_path, "theirs.json", content)
    counts = imported(capsys, settings, project, "--augmentations", path)
    # 1 + 1: the third's completion is wrong, which the file does not say; 5 + 5: twice the same.
    assert counts == {
        "rationales": 0,
        "augmentations": 5,
        "kept": 3,
        "known": 0,
        "left_out": 0,
        "graded_otherwise": 1,
    }


OTHER = "2 and 2 are 3 and 1, so 4 and 0, or 8 less 4: 88."
"""A chain whose last number is not the answer."""


@pytest.mark.parametrize(
    ("content", "text", "prediction", "correct"),
    [
        # A mentor's: its completion is graded, whatever the chain ends with.
        (row(2), "2 and 2 make 4.\nThe answer is 4.", "4", True),
        (row(2, chain=OTHER), f"{OTHER}\nThe answer is 4.", "4", True),
        (row(2, completion="5.0"), "2 and 2 make 4.\nThe answer is 5.0.", "5", False),
        (row(2, chain="#### 4"), "#### 4", "4", True),
        (row(2, completion="no"), "2 and 2 make 4.\nThe answer is no.", "", False),
        # A teacher's: the file says whether its completion was right.
        (taught_row(2, chain=OTHER), f"{OTHER}\nThe answer is 4.", "4", True),
        (taught_row(2, chain="A pair of pairs. "), "A pair of pairs.\nThe answer is 4.", "4", True),
        (taught_row(2, chain="So the answer is 4. \n"), "So the answer is 4. \n", "4", True),
        (taught_row(2, chain=OTHER, initial_correct=False), OTHER, "88", False),
        # Where it does not say, the chain is graded.
        (taught_row(2, chain=OTHER, initial_correct=None), OTHER, "88", False),
        (
            taught_row(2, chain="Four: 4", initial_correct=None),
            "Four: 4\nThe answer is 4.",
            "4",
            True,
        ),
    ],
)
def test_how_a_row_is_graded_and_what_is_learned_from_it(
    content: dict[str, Any], text: str, prediction: str, correct: bool
) -> None:
    task, question = task_named("arithmetic"), Question("What is 2 + 2?", "4", "4")
    found, grade = answered(task, question, MentorKdRow((0,), content))
    assert (found, grade.prediction, grade.correct) == (text, prediction, correct)


def test_a_verdict_is_graded_and_said_as_the_file_says_it() -> None:
    task, question = task_named("strategyqa"), Question("Would a pear sink?", "false", "false.")
    content = {"chain": "It would float.", "completion": "no", "answer": "No"}
    found, grade = answered(task, question, MentorKdRow((0,), content))
    assert (found, grade.prediction, grade.correct) == (
        "It would float.\nThe answer is No.",
        "false",
        True,
    )


def test_a_teachers_several_rationales_are_learned_from_when_they_are_right(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = [taught_row(1), taught_row(1), taught_row(2, initial_correct=False), taught_row(2)]
    path = written(tmp_path, "in.json", content)
    imported(capsys, settings, project, "--rationale", path, "--author", "gpt")
    selection = Selection(rationales="right", with_feedback=False)
    learned = training_questions(settings, project, selection)
    texts = [
        (one.teacher, one.text)
        for question in learned
        for one in question.rationales
        if one.teacher not in TEACHERS
    ]
    assert texts == [
        ("gpt", "First there are 1.\n\nThen 1 more.\nThe answer is 2."),
        ("gpt.2", "First there are 1.\n\nThen 1 more.\nThe answer is 2."),
        ("gpt.2", "First there are 2.\n\nThen 2 more.\nThe answer is 4."),
    ]


def test_two_files_of_a_teacher_come_out_as_one(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [[taught_row(4), taught_row(1)], [taught_row(3)]]
    for number, content in enumerate(parts):
        path = written(tmp_path, f"{number}.json", content)
        imported(capsys, settings, project, "--rationale", path)
    files = exported(capsys, settings, project, tmp_path / "out")
    name = f"{project.name.replace(' ', '-')}_teacher_rationales.json"
    assert files[name] == [*parts[0], *parts[1]]


def test_rows_in_whose_place_others_stand_are_counted(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second file of a teacher: one question is new, and of one there is a rationale already."""
    first = written(tmp_path, "a.json", [taught_row(1), taught_row(2)])
    second = written(tmp_path, "b.json", [taught_row(2, chain="2 more."), taught_row(3)])
    assert imported(capsys, settings, project, "--rationale", first)["known"] == 0
    counts = imported(capsys, settings, project, "--rationale", second)
    assert (counts["rationales"], counts["known"], counts["left_out"]) == (1, 1, 0)
    both = ("--rationale", second, "--augmentations", second)
    counts = imported(capsys, settings, project, *both)
    assert (counts["rationales"], counts["augmentations"], counts["known"]) == (0, 2, 2)


def test_ones_own_work_is_written_in_the_files_fields(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = exported(capsys, settings, project, tmp_path / "out")
    assert len(files) == len(TEACHERS)
    rows = files[f"{project.name.replace(' ', '-')}_ada_rationales.json"]
    assert len(rows) == 5
    assert {**rows[0], "input": rows[0]["input"].strip()} == {
        "input": "What is 1 + 1?",
        "chain": "ada explains question 1. ",
        "completion": "0",
        "answer": "2",
        "initial_correct": False,
    }
    other = open_project(settings, taught(settings).name)
    path = written(tmp_path, "ada.json", rows)
    options = ("--rationale", path, "--author", "copied")
    assert imported(capsys, settings, other, *options)["rationales"] == 5


def test_the_ledger_says_that_the_texts_are_imported(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "in.json", [row(1)])
    imported(capsys, settings, project, "--rationale", path)
    store = connect(settings.database)
    (one,) = [
        one
        for one in authored.by_teachers(store, project.id, project.exam_id or 0)
        if one.author == "teacher"
    ]
    assert one.provider == "mentor-kd"
    assert calls.spent(store, project.id) == 0


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ([row(70)], "--rationale {file}", "No row of in.json is about a question"),
        ([row(1, answer="3")], "--rationale {file}", "row 1: its answer is '3' where"),
        ([row(1)] * 17, "--rationale {file}", "has more than 16 rationales of 'What is 1 + 1?"),
        ([row(1)], "--rationale {file} --author ada", "There is an author 'ada' here"),
        ([row(1)], "--rationale {file} --author mentor", "No teacher can be called 'mentor'"),
        ([row(1)], "--rationale {file} --author mixed", "No teacher can be called 'mixed'"),
        ([row(1)], "--rationale {file} --author gpt/4", "'gpt/4' cannot be an author's name"),
        ([row(1)], "--rationale {file} --feedback {file}", "leave them out"),
        ([row(1)], "", "Give a file of Mentor-KD"),
    ],
)
def test_what_does_not_fit_is_a_sentence_and_changes_nothing(
    settings: Settings,
    project: Project,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: Any,
    options: str,
    said: str,
) -> None:
    path = written(tmp_path, "in.json", content)
    given = options.format(file=path).split()
    code = run(settings, project, "import", "--task", "arithmetic", "--format", "mentor-kd", *given)
    assert code == 2
    assert said in capsys.readouterr().err
    store = connect(settings.database)
    assert [one.name for one in committee.teachers(store, project.id)] == list(TEACHERS)
    assert len(exams.answers(store, project.exam_id or 0, "wrong")) == 5


def test_a_teacher_that_is_called_mentor_keeps_its_name(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = connect(settings.database)
    teacher = {"name": "mentor", "origin": "committee", "simulated": 0, "spec": {}, "spec_hash": ""}
    committee.set_committee(store, project.id, [teacher])
    path = written(tmp_path, "a.json", [row(1)])
    options = ("--task", "arithmetic", "--format", "mentor-kd", "--augmentations", path)
    assert run(settings, project, "import", *options) == 2
    assert "is called 'mentor', which is the mentor's name" in capsys.readouterr().err
    assert mentors.of_project(store, project.id) is None


def test_another_mentors_augmentations_do_not_take_its_place(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(capsys, settings, project, "--augmentations", written(tmp_path, "a.json", [row(1)]))
    other = written(tmp_path, "b.json", [row(2)])
    options = ("--task", "arithmetic", "--format", "mentor-kd", "--augmentations", other)
    assert run(settings, project, "import", *options) == 2
    assert "has a mentor already (imported:a)" in capsys.readouterr().err
