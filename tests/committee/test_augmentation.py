"""The mentor writes, through real jobs with a real if senseless model."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from db import mentors
from db.projects import Project
from db.store import connect, scalar
from fair_app.cli.main import main
from fair_app.committee.ledger import mentor_hash
from fair_app.curation.augmentation import normalised
from fair_app.errors import BadInput
from fair_app.jobs import worker
from fair_app.settings import Settings
from fair_app.studio.board import board
from fair_app.studio.evaluations import summary
from fair_app.studio.mentor import augment_params, choose_mentor, mentor_of
from fair_app.studio.mentor_steps import mentor_test_params
from fair_app.studio.projects import open_project
from tests.mentored import evaluated, examined, guesser, with_mentor, writes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def augment(settings: Settings, project: Project, **asked: Any) -> dict[str, Any]:
    params = augment_params(settings, open_project(settings, project.name), **asked)
    return worker.run_now(settings, "augment", params, project.id)


def kept(settings: Settings, project: Project) -> dict[int, list[str]]:
    """The mentor's rationales by question, in their order."""
    store = connect(settings.database)
    found = board(settings, open_project(settings, project.name))
    return {
        question: texts
        for question in found.questions
        if (texts := [one.text or "" for one in mentors.rationales_on(store, project.id, question)])
    }


def test_right_and_new_ones_are_kept_and_all_are_counted(
    settings: Settings, tmp_path: Path
) -> None:
    project = examined(settings, 3)
    with_mentor(settings, project, tmp_path / "mentor")
    found = augment(settings, project, k=5)
    assert (found["samples"], found["questions"], found["k"]) == (15, 3, 5)
    outcomes = ("kept", "wrong", "duplicates", "incomplete")
    assert sum(found[one] for one in outcomes) == 15
    assert found["right"] == found["kept"] + found["duplicates"] > 0
    assert found["wrong"] > 0
    store = connect(settings.database)
    rows = board(settings, open_project(settings, project.name)).rows
    assert len(rows) == found["kept"] == found["rationales"]
    assert all(row.by_mentor and row.final_correct for row in rows)
    for texts in kept(settings, project).values():
        assert len({normalised(text) for text in texts}) == len(texts)
    # Every answer stands in the ledger as asked here, at no cost.
    ledger = store.execute("SELECT origin, cost_usd, state, finish, teacher FROM calls").fetchall()
    assert {one[:3] for one in ledger} == {("asked", 0.0, "done")}
    assert Counter(one[3] for one in ledger)["truncated"] <= found["incomplete"]

    standing = mentor_of(settings, project)
    assert standing is not None
    assert (standing.k, standing.questions, standing.samples) == (5, 3, 15)
    assert (standing.right, standing.kept, standing.rationales) == (
        *(found["right"], found["kept"], found["kept"]),
    )

    # The same again asks nothing, more asks the rest alone, and another seed asks all.
    before, calls = kept(settings, project), len(ledger)
    assert {**augment(settings, project, k=5), "seconds": 0} == {**found, "seconds": 0}
    assert kept(settings, project) == before
    more = augment(settings, project, k=6)
    assert (more["samples"], more["k"]) == (18, 6)
    assert scalar(store, "SELECT count(*) FROM calls") == calls + 3
    after = kept(settings, project)
    assert {question: after[question][: len(texts)] for question, texts in before.items()} == before
    augment(settings, project, k=1, seed=5, limit=2)
    assert scalar(store, "SELECT count(*) FROM calls") == calls + 5


def retrained(folder: Path) -> None:
    """Let a guesser's folder hold other weights, which make it say other things."""
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["lm_head.weight"].normal_(std=1.0, generator=torch.Generator().manual_seed(1))
    save_file(weights, file, {"format": "pt"})


@dataclass(frozen=True)
class Asked:
    """A project whose mentor, a REF, was asked twelve times, and what that job told."""

    settings: Settings
    project: Project
    ref: str
    told: dict[str, Any]

    def again(self, name: str) -> Project:
        """Another project with the same question, and the same mentor with nothing written."""
        other = examined(self.settings, 1, name)
        choose_mentor(self.settings, other, self.ref)
        evaluated(self.settings, other, self.ref, 5)
        return other


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    folder = tmp_path_factory.mktemp("asked")
    settings = Settings(home=folder / "home")
    project = examined(settings, 1)
    ref = with_mentor(settings, project, folder / "mentor")
    return Asked(settings, project, ref, augment(settings, project, k=12))


def test_a_text_that_stands_there_is_not_kept_again(asked: Asked) -> None:
    ((first, *rest),) = kept(asked.settings, asked.project).values()
    other = asked.again("other")
    said = f" {first.upper()} "
    writes(asked.settings, other, 1, said)
    augment(asked.settings, other, k=12)
    assert [*kept(asked.settings, other).values()] == [[said, *rest]]


def test_another_project_takes_the_same_answers_from_the_ledger(asked: Asked) -> None:
    second = asked.again("second")
    found = augment(asked.settings, second, k=12)
    assert (asked.told["cached"], found["cached"]) == (0, 12)
    before = kept(asked.settings, asked.project)
    assert [*kept(asked.settings, second).values()] == [*before.values()]


def test_a_mentor_is_chosen_changed_and_comes_back(asked: Asked, tmp_path: Path) -> None:
    settings, project = asked.settings, asked.project
    assert mentor_of(settings, examined(settings, 1, "third")) is None
    written = kept(settings, project)
    other = str(guesser(tmp_path / "other"))
    choose_mentor(settings, project, other)
    standing = mentor_of(settings, project)
    assert standing is not None
    assert (standing.ref, standing.samples, standing.evaluation) == (other, 0, None)
    assert kept(settings, project) == {}
    choose_mentor(settings, project, asked.ref)
    assert kept(settings, project) == written


def test_a_folder_whose_weights_changed_is_another_mentor(
    settings: Settings, tmp_path: Path
) -> None:
    """What the former one said is neither taken from the ledger nor passed for the new one's."""
    project = examined(settings, 1)
    ref = with_mentor(settings, project, tmp_path / "mentor")
    params = augment_params(settings, project, k=12)
    worker.run_now(settings, "augment", params, project.id)
    former = kept(settings, project)
    retrained(tmp_path / "mentor")
    with pytest.raises(BadInput, match="changed since it was chosen: choose it again"):
        augment_params(settings, project, k=12)
    with pytest.raises(BadInput, match="changed since it was chosen"):
        worker.run_now(settings, "augment", params, project.id)
    choose_mentor(settings, project, ref)
    standing = mentor_of(settings, project)
    assert standing is not None
    assert (standing.ref, standing.samples, standing.evaluation) == (ref, 0, None)
    with pytest.raises(BadInput, match="has not been tested as it is"):
        augment_params(settings, project, k=12)
    evaluated(settings, project, ref, 6)
    found = augment(settings, project, k=12)
    assert (found["cached"], found["samples"]) == (0, 12)
    assert former and kept(settings, project) != former

    with_mentor(settings, project, tmp_path / "mentor")
    assert kept(settings, project) == former, "the same files are the same mentor"

    # one that was chosen when its REF alone was looked at is taken for what it is now
    connect(settings.database).execute(
        "UPDATE teachers SET spec_hash = ? WHERE origin = 'mentor' AND active", [mentor_hash(ref)]
    )
    assert augment_params(settings, project, k=12)["student"] == ref


def test_other_weights_are_asked_every_question_again(settings: Settings, tmp_path: Path) -> None:
    """What the former ones answered is no test of these, though the REF is the same."""
    project, ref = examined(settings, 1), str(guesser(tmp_path / "mentor"))

    def tested() -> int | None:
        params = mentor_test_params(settings, project, ref, 2)
        exam = worker.run_now(settings, "evaluate", {**params, "max_new_tokens": 4}, project.id)
        standing = mentor_of(settings, project)
        assert standing is not None
        assert standing.evaluation == exam["exam"]
        return standing.evaluation

    first = tested()
    assert tested() == first
    retrained(tmp_path / "mentor")
    mentor_test_params(settings, project, ref, 2)
    standing = mentor_of(settings, project)
    assert standing is not None and standing.evaluation is None
    assert tested() != first
    found = summary(settings, project)
    assert [(one.exam.student, one.whole) for one in found] == [(ref, True)] * 2


def test_the_command_line_chooses_and_asks(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, ref = examined(settings, 3), str(guesser(tmp_path / "mentor"))
    words = ["--home", str(settings.home), "--project", project.name, "--json"]

    def told(*command: str) -> dict[str, Any]:
        assert main([*command, *words]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    assert told("mentor", "--student", ref)["evaluated"] is None
    evaluated(settings, project, ref, 7)
    chosen = told("mentor")["evaluated"]
    assert (chosen["accuracy"], chosen["n"], len(chosen["ci95"])) == (0.7, 10, 2)
    found = told("augment", "--k", "2", "--limit", "2", "--temperature", "1.2", "--seed", "3")
    assert (found["student"], found["samples"], found["questions"]) == (ref, 4, 2)
    assert main(["augment", "--resume", "--k", "2", *words]) == 2
    assert main(["augment", "--resume", *words]) == 2
    assert "No augmentation was interrupted" in capsys.readouterr().err


def test_what_cannot_teach_is_refused_in_a_sentence(settings: Settings, tmp_path: Path) -> None:
    project = examined(settings, 2)

    def refused(words: str, **asked: Any) -> None:
        with pytest.raises(BadInput, match=words):
            augment_params(settings, project, **asked)

    refused("has no mentor: choose one")
    with pytest.raises(BadInput, match="There is no student"):
        choose_mentor(settings, project, "nobody")
    ref = str(guesser(tmp_path / "mentor"))
    choose_mentor(settings, project, ref)
    refused("may not teach before: run `evaluate --project mentored --student")
    # A test on what it was trained on, or of another student, is none.
    evaluated(settings, project, "smollm2-135m", 9)
    refused("may not teach before")
    evaluated(settings, project, ref, 3)
    assert (
        "not better than the student (30.0% against 90.0%"
        in (augment_params(settings, project)["warning"])
    )
    refused("1 to 16 times a question, not 17", k=17)
    refused("temperature is more than 0", temperature=0)
    refused("top-p", top_p=1.5)
    refused("mistakes must be 1 or more", limit=0)
    refused("new tokens must be 1 or more", max_new_tokens=0)
