"""An exam that is asked for again, or for more questions."""

from pathlib import Path
from typing import Any

import pytest
import torch

from db import exams
from db.store import connect
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio.exams import exam_params
from fair_app.studio.projects import create_project, open_project


@pytest.fixture
def settings(tmp_path: Path, tiny_folder: Path) -> Settings:
    torch.manual_seed(0)
    made = Settings(home=tmp_path)
    create_project(made, "p", "arithmetic", str(tiny_folder))
    return made


def sit(settings: Settings, student: Path, questions: int, **more: Any) -> dict[str, Any]:
    params = exam_params(
        settings,
        student=str(student),
        task="arithmetic",
        limit=questions,
        **{"split": "train", "max_new_tokens": 6, **more},
    )
    return worker.run_now(settings, "exam", params, open_project(settings, "p").id)


def answered_at(settings: Settings, exam_id: int) -> list[tuple[int, float]]:
    rows = connect(settings.database).execute(
        "SELECT position, answered_at FROM answers WHERE exam_id = ? ORDER BY position", [exam_id]
    )
    return list(rows)


def test_more_questions_of_the_same_exam_ask_only_what_is_new(
    settings: Settings, tiny_folder: Path
) -> None:
    first = sit(settings, tiny_folder, 3)
    before = answered_at(settings, first["exam"])
    again = sit(settings, tiny_folder, 3)
    assert answered_at(settings, again["exam"]) == before
    more = sit(settings, tiny_folder, 5)
    assert (more["exam"], more["questions"]) == (first["exam"], 5)
    after = answered_at(settings, more["exam"])
    assert after[:3] == before
    assert [place for place, _ in after] == [0, 1, 2, 3, 4]


def test_fewer_questions_or_other_settings_are_another_exam(
    settings: Settings, tiny_folder: Path
) -> None:
    first = sit(settings, tiny_folder, 3)
    fewer = sit(settings, tiny_folder, 2)
    longer = sit(settings, tiny_folder, 3, max_new_tokens=7)
    assert len({first["exam"], fewer["exam"], longer["exam"]}) == 3
    counts = [
        exams.counts(connect(settings.database), one["exam"]).questions
        for one in (first, fewer, longer)
    ]
    assert counts == [3, 2, 3]


def first_word(printed: str) -> str:
    """What the job says of its answers before a first one comes."""
    return next(line for line in printed.splitlines() if line.startswith("answering: "))


def test_the_time_left_is_known_from_an_exam_of_the_same_kind(
    settings: Settings, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(questions: int, split: str = "train", **more: Any) -> str:
        sit(settings, tiny_folder, questions, split=split, **more)
        return first_word(capsys.readouterr().err)

    assert said(4) == "answering: 0 of 4"
    store = connect(settings.database)
    (exam,) = exams.of_project(store, 1, "exam")
    exams.add_seconds(store, exam.id, 40.0 - exam.seconds)
    exams.describe(store, exam.id, {**exam.description, "device": "another"})
    assert said(3, "test") == "answering: 0 of 3", "another machine has another pace"
    exams.describe(store, exam.id, {**exam.description, "batch_size": 1})
    assert said(8) == "answering: 4 of 8, 40 s left"
    assert said(20) == "answering: 8 of 20", "too few were answered to tell"
    assert said(3, max_new_tokens=7) == "answering: 0 of 3", "other answers take another time"
