"""A mentor's rationales beside the committee's: cards, curation, files, and bundles."""

import json
from pathlib import Path
from typing import Any

import pytest

from db.projects import Project
from fair_app.cli.main import main
from fair_app.curation.acceptance import Rule
from fair_app.curation.training_set import Selection
from fair_app.errors import BadInput
from fair_app.exchange.bundle import read
from fair_app.exchange.replay import SAME, replay
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.board import board
from fair_app.studio.bundle import export_bundle
from fair_app.studio.exchange import export_reference
from fair_app.studio.mentor import choose_mentor
from fair_app.studio.projects import open_project
from fair_app.studio.training import train_params, training_preview
from tests.browser.taught import TEACHERS, taught
from tests.mentored import guesser, writes
from tests.studio.recorded import keep
from tests.training.tiny import tiny_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def project(settings: Settings, tmp_path: Path) -> Project:
    """Five mistakes of three teachers, on the first and third of which a mentor wrote."""
    project = taught(settings)
    choose_mentor(settings, project, str(guesser(tmp_path / "mentor")))
    writes(settings, project, 1, "One way.", "Another way.", "A third zebra.")
    writes(settings, project, 3, "Alone.")
    return open_project(settings, project.name)


def test_a_card_has_a_column_a_rationale(settings: Settings, project: Project) -> None:
    ids = board(settings, project).questions
    first, second, third = review.cards(settings, project, ids[:3])
    assert [one.teacher for one in first.columns] == [*TEACHERS, *["mentor"] * 3]
    assert [one.place for one in first.columns[3:]] == [(1, 3), (2, 3), (3, 3)]
    assert [one.by_mentor for one in first.columns] == [False] * 3 + [True] * 3
    assert [one.teacher for one in second.columns] == [*TEACHERS]
    assert [one.rationale for one in third.columns[3:]] == ["Alone."]
    found = board(settings, project)
    assert found.columns == [*TEACHERS, *["mentor"] * 3]
    assert found.authors == [*TEACHERS, "mentor"]
    for card in (first, second, third):
        for place, column in enumerate(card.columns):
            if column.rationale_id in found.column_of:
                assert found.column_of[column.rationale_id] == place
    assert review.searched(settings, project, "zebra") == {ids[0]}


def test_persons_decide_on_each_of_them(settings: Settings, project: Project) -> None:
    (card,) = review.cards(settings, project, board(settings, project).questions[:1])
    one, other, third = (column.rationale_id or 0 for column in card.columns[3:])
    deciding.decide(settings, project, one, "reject", actor="ann", revision=0)
    deciding.decide(settings, project, other, "edit", actor="ann", revision=0, value="Mine.")
    deciding.pick_favourite(settings, project, third, actor="ann", revision=0)
    found = review.summary(settings, project).per_teacher["mentor"]
    assert (found.rationales, found.accepted, found.mean) == (4, 3, None)
    learned = training_preview(settings, project, Selection("mixed+mentor"))
    # Of the first question the favourite alone; what nobody scored is accepted as it is right.
    assert learned.rationales["mentor"] == 2
    assert "human, after mentor" not in learned.rationales
    assert (
        "human, after mentor" in training_preview(settings, project, Selection("mentor")).rationales
    )
    assert "mentor" not in training_preview(settings, project).rationales
    assert deciding.undo(settings, project, actor="ann")
    assert (
        "human, after mentor"
        in training_preview(settings, project, Selection("mixed+mentor")).rationales
    )


def test_the_references_files_leave_the_mentor_out(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_mentor = [
        path.read_bytes() for path in export_reference(settings, project, tmp_path / "a")
    ]
    bare = Settings(home=tmp_path / "bare")
    plain = [path.read_bytes() for path in export_reference(bare, taught(bare), tmp_path / "b")]
    assert with_mentor == plain
    words = ["--home", str(settings.home), "--project", project.name, "--json"]
    output = ["--format", "reference", "--output", str(tmp_path / "c")]
    assert main(["export", *output, *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == "4 rationales of the mentor: these files know a committee alone."
    assert main(["curate", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["per_teacher"]["mentor"] == {"rationales": 4, "accepted": 4, "mean": None}
    assert main(["mentor", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["evaluated"], told["k"], told["right"], told["kept"]) == (None, 3, 4, 4)
    assert told["rationales"] == 4
    asked = ["decide", "reject", "--question", "1", "--teacher", "mentor", *words]
    assert main(asked) == 2
    assert "mentor has written 3 rationales on question 1" in capsys.readouterr().err
    assert main(["augment", *words]) == 2
    assert "may not teach before: run `evaluate" in capsys.readouterr().err


def record(settings: Settings, project: Project, name: str, alpha: float, **asked: Any) -> int:
    """A run that was frozen as others are; how many questions it learns from."""
    assert settings.home is not None
    small = {"max_steps": 1, "quantization": "none", "lora_rank": 2, "alpha": alpha}
    student = str(settings.home / "tiny")
    params = train_params(
        settings, project, name=name, student=student, settings_given=small, **asked
    )
    keep(settings, project, params)
    return len(json.loads((settings.checkpoints / name / "examples.json").read_text()))


def test_every_training_set_comes_again_whatever_the_mentor_wrote_since(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    tiny_folder(tmp_path / "tiny")
    mixed = record(settings, project, "committee", 0.5)
    assert record(settings, project, "both", 0.5, teacher="mixed+mentor") == mixed
    assert record(settings, project, "mentor", 0.0, teacher="mentor") == 2
    assert record(settings, project, "right", 0.0, rationales="right") == 5
    with pytest.raises(BadInput, match="There are no 'all' rationales: choose accepted or right"):
        record(settings, project, "all", 0.0, rationales="all")

    (card,) = review.cards(settings, project, board(settings, project).questions[:1])
    deciding.decide(
        settings, project, card.columns[4].rationale_id or 0, "reject", actor="ann", revision=0
    )
    record(settings, project, "decided", 0.5, teacher="mixed+mentor")
    writes(settings, project, 1, "A fourth.")
    writes(settings, project, 2, "Late.")
    choose_mentor(settings, project, str(guesser(tmp_path / "other")))
    writes(settings, project, 3, "By another mentor.")
    review.set_rule(settings, project, Rule(4.9))
    project = open_project(settings, project.name)
    record(settings, project, "after", 0.0, teacher="mentor")
    export_bundle(settings, project, tmp_path / "bundle")
    found = {one.place: one for one in replay(read(tmp_path / "bundle"))}
    assert {one.state for one in found.values()} == {SAME}, found
    assert len(found) == 6 + ("training_set" in found)
    texts = found["checkpoints/after"].rebuilt or ""
    assert "By another mentor." in texts and "Alone." not in texts
    lineage = json.loads(read(tmp_path / "bundle")["checkpoints/both/lineage.json"])
    assert lineage["teachers"][-1]["name"] == "mentor"
