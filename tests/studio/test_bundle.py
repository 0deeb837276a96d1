"""Bundles of projects: every training set comes again out of ledger, decisions and rule."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from db import exams
from db.projects import Project
from db.store import close, connect
from fair_app.cli.main import main
from fair_app.curation.acceptance import Rule
from fair_app.errors import BadInput
from fair_app.exchange.bundle import as_zip, read, write_folder
from fair_app.exchange.replay import GIVEN, SAME, Replayed, replay
from fair_app.settings import Settings
from fair_app.studio import review
from fair_app.studio.bundle import bundle_files, export_bundle
from fair_app.studio.projects import open_project
from fair_app.studio.training import train_again_params, training_questions
from tests.browser.taught import sat_exam, taught
from tests.studio.recorded import (
    HOSTILE,
    ONE_STEP,
    SECRET,
    decide,
    go_on,
    keep,
    record,
    record_arms,
    record_preferences,
    record_round,
)
from tests.training.tiny_home import tiny_home, trained

Change = Callable[[dict[str, str]], None]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    """Runs on a project that never stood still, and then went on."""
    project = taught(settings, HOSTILE)
    trained(settings, project, "by-rule", ONE_STEP)
    decide(settings, project)
    record(settings, project, "decided")
    review.set_rule(settings, project, Rule(1.5, {"carl": 1.0}, min_scores=1, adjusted=True))
    project = open_project(settings, project.name)
    record(settings, project, "adjusted")
    record(settings, project, "by-blaise", teacher="blaise")
    record(settings, project, "handed-in", questions=training_questions(settings, project)[:1])
    record_arms(settings, project)
    record_round(settings, project)
    record_preferences(settings, project)
    lineage = settings.checkpoints / "by-rule" / "lineage.json"
    keep(settings, project, train_again_params(settings, name="again", lineage=lineage))
    return go_on(settings, project)


@pytest.fixture(scope="module")
def folder(settings: Settings, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    export_bundle(settings, project, folder)
    return folder


def states(found: list[Replayed]) -> dict[str, str]:
    return {one.place.removeprefix("checkpoints/"): one.state for one in found}


def test_every_training_set_comes_again_byte_for_byte(settings: Settings, folder: Path) -> None:
    found = replay(read(folder))
    assert states(found) == {
        "adjusted": SAME,
        "again": SAME,
        "by-blaise": SAME,
        "by-rule": SAME,
        "checked": SAME,
        "decided": SAME,
        "handed-in": GIVEN,
        "no-decisions": SAME,
        "no-feedback": SAME,
        "no-review": SAME,
        "preferred": SAME,
        "round-2": SAME,
    }
    for one in found:
        if one.state == SAME and one.rebuilt:
            name = one.place.split("/")[1]
            assert one.rebuilt.encode() == (settings.checkpoints / name / one.file).read_bytes()
    assert len({one.rebuilt for one in found if one.rebuilt}) == 10


def test_a_replay_needs_no_store_and_makes_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, output = tmp_path / "home", tmp_path / "out"
    words = ["replay", str(folder), "--home", str(home), "--output", str(output), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["calls"], told["same"], told["differs"], len(told["sets"])) == (0, 11, 0, 12)
    assert not home.exists()
    written = output / "checkpoints" / "decided" / "examples.json"
    assert written.read_bytes() == (folder / "checkpoints/decided/examples.json").read_bytes()


def test_the_bundle_has_what_it_is_made_of_and_neither_weights_nor_keys(folder: Path) -> None:
    names = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert {"manifest.json", "report.html", "report.md", "project.json"} <= names
    assert "checkpoints/by-rule/lineage.json" in names
    assert not [name for name in names if "safetensors" in name]
    for name in names:
        assert SECRET.encode() not in (folder / name).read_bytes()
    teachers = (folder / "ledger/teachers.jsonl").read_text()
    assert '"https://host.test/v1"' in teachers


def test_an_export_of_the_same_state_is_the_same_but_for_the_time_of_the_report(
    settings: Settings, project: Project, folder: Path
) -> None:
    again = bundle_files(settings, project)
    reports = {"report.html", "report.md"}
    assert {name: text for name, text in again.items() if name not in reports} == {
        name: data.decode() for name, data in read(folder).items() if name not in reports
    }


def broken(folder: Path, place: Path, how: str) -> Path:
    """A bundle that was cut in half or changed on its way."""
    if how.startswith("zip"):
        whole = as_zip({name: data.decode() for name, data in read(folder).items()})
        packed = place.with_suffix(".zip")
        packed.write_bytes(whole[: len(whole) // 2])
        return packed
    shutil.copytree(folder, place)
    file = place / how.split(": ")[1]
    data = file.read_bytes()
    middle = len(data) // 2
    changed = bytes([data[middle] ^ 1]) + data[middle + 1 :] if how.startswith("changed") else b""
    file.write_bytes(data[:middle] + changed)
    return place


@pytest.mark.parametrize(
    "how",
    [
        "zip cut",
        "cut: manifest.json",
        "cut: ledger/reviews.jsonl",
        "changed: manifest.json",
        "changed: checkpoints/decided/examples.json",
        "changed: report.html",
    ],
)
def test_a_bundle_cut_in_half_or_changed_is_bad_input(
    folder: Path, tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["replay", str(broken(folder, tmp_path / "bundle", how)), "--json"])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search("cut off|changed", err)


def forged(folder: Path, place: Path, change: Change) -> Path:
    """The same bundle with something changed, and a manifest that agrees with it."""
    files = {name: data.decode() for name, data in read(folder).items()}
    change(files)
    write_folder(files, place)
    return place


def swap(name: str, old: str, new: str) -> Change:
    def change(files: dict[str, str]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return change


FORGERIES: Mapping[str, tuple[Change, str]] = {
    "a rationale": (
        swap("ledger/rationales.jsonl", "ada explains question 1", "Ada explains question 1"),
        "have other texts",
    ),
    "a score": (
        swap("ledger/reviews.jsonl", '"score": 5', '"score": 1'),
        "questions of the run are not in it",
    ),
    "a question": (
        swap("ledger/questions.jsonl", "What is 1 + 1", "What is 1 + 2"),
        "have other texts",
    ),
    "a decision": (
        swap("ledger/decisions.jsonl", '"action": "reject"', '"action": "accept"'),
        "checkpoints/decided",
    ),
    "the rule": (
        swap("checkpoints/by-rule/lineage.json", '"threshold": 3.0', '"threshold": 1.0'),
        "checkpoints/by-rule",
    ),
    "the examples": (
        swap("checkpoints/by-rule/examples.json", "ada explains", "Ada explains"),
        "not the one whose checksum",
    ),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_what_does_not_follow_from_the_ledger_is_said(
    folder: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, words = FORGERIES[what]
    code = main(["replay", str(forged(folder, tmp_path / "forged", change)), "--json"])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert words in err


NONSENSE: Mapping[str, Change] = {
    "no ledger": lambda files: files.pop("ledger/answers.jsonl") and None,
    "no project": lambda files: files.pop("project.json") and None,
    "another type": swap("ledger/reviews.jsonl", '"rationale_id": ', '"rationale_id": "x", "y": '),
    "no task": swap("project.json", '"task": "arithmetic"', '"task": "nothing"'),
    "no JSON": swap("ledger/decisions.jsonl", "{", "["),
    "a rule out of range": swap(
        "checkpoints/adjusted/lineage.json", '"min_scores": 1', '"min_scores": "many"'
    ),
    "an action": swap("ledger/decisions.jsonl", '"action": "accept"', '"action": "explode"'),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_a_bundle_that_is_whole_and_yet_none_is_bad_input(
    folder: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["replay", str(forged(folder, tmp_path / "strange", NONSENSE[what]))])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "does not hold what this version reads" in err


def test_a_checkpoint_whose_folder_is_gone_is_compared_by_its_checksum(
    folder: Path, tmp_path: Path
) -> None:
    place = forged(
        folder,
        tmp_path / "b",
        lambda files: files.pop("checkpoints/decided/examples.json") and None,
    )
    found = {one.place: one for one in replay(read(place))}["checkpoints/decided"]
    assert (found.state, found.said) == (SAME, "by the checksum in its lineage")


def test_lineages_from_before_they_told_of_the_ledger_are_tried_with_all_of_it(
    settings: Settings, tmp_path: Path
) -> None:
    project = taught(settings)
    record(settings, project, f"old-{project.id}")
    export_bundle(settings, project, tmp_path / "new")
    name = f"checkpoints/old-{project.id}/lineage.json"

    def older(files: dict[str, str]) -> None:
        lineage = json.loads(files[name])
        del lineage["ledger"], lineage["ready_made"]
        files[name] = json.dumps(lineage)

    assert set(
        states(replay(read(forged(tmp_path / "new", tmp_path / "old", older)))).values()
    ) == {SAME}


def test_a_project_without_anything_to_learn_from_has_a_bundle_without_training_sets(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = taught(settings)
    review.set_rule(settings, project, Rule(5))
    export_bundle(settings, open_project(settings, project.name), tmp_path / "b")
    assert main(["replay", str(tmp_path / "b")]) == 2
    assert "holds no training set" in capsys.readouterr().err


def test_without_an_exam_there_is_no_bundle(settings: Settings, tmp_path: Path) -> None:
    project = replace(taught(settings), exam_id=None)
    with pytest.raises(BadInput, match="no exam yet"):
        export_bundle(settings, project, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_the_predictions_are_those_of_the_evaluations(settings: Settings, tmp_path: Path) -> None:
    project = taught(settings)
    store = connect(settings.database)
    exam = exams.get(store, sat_exam(settings, project, HOSTILE))
    store.execute("UPDATE exams SET purpose = 'evaluation' WHERE id = ?", [exam.id])
    store.conn.commit()
    export_bundle(settings, project, tmp_path / "b")
    told = json.loads((tmp_path / "b" / "predictions" / f"{exam.id}.json").read_text())
    assert [one["answer"] for one in told["answers"]] == [
        row.text for row in exams.answers(store, exam.id)
    ]
    close(settings.database)
