"""Whole runs with a mentor's soft labels: online, stored, repeated, and refused beforehand."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from db import jobs
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.jobs.worker import run_now
from fair_app.settings import Settings
from fair_app.student.check import size, this_machine
from fair_app.student.registry import parse_ref
from fair_app.studio.soft_labels import with_mentor
from fair_app.studio.training import train_again_params
from fair_app.training.lineage import read_lineage
from fair_app.training.memory import least_need
from fair_app.training.mentor_cost import fits_beside, way_of
from fair_app.training.mentoring import beforehand, common_speech
from fair_app.training.preview import preview
from fair_app.training.settings import TrainingSettings, chosen_settings
from fair_app.training.shape import read_shape
from fair_app.training.storing import most_bytes
from tests.browser.taught import taught
from tests.training.tiny import pool, questions, tiny_folder, tiny_model, tiny_tokenizer
from tests.training.tiny_home import asked_for, tiny, tiny_home

SMALL: dict[str, Any] = {
    "epochs": 1,
    "batch_size": 2,
    "learning_rate": 0.01,
    "max_tokens": 600,
    "lora_rank": 4,
    "quantization": "none",
}
WITH_MENTOR = {"mentor": "checkpoint:mentor", "soft_weight": 0.4}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    tiny_model(1).bfloat16().save_pretrained(home / "other")
    tiny_tokenizer().save_pretrained(home / "other")
    return tiny_home(home)


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    """One whose mentor is trained: an adapter on 4-bit weights of another model."""
    made = taught(settings)
    assert settings.home is not None
    given = {**SMALL, "quantization": "4bit", "alpha": 0.0}
    params = asked_for(settings, made, "mentor", given, str(settings.home / "other"))
    run_now(settings, "train", params, made.id)
    return made


def params_of(settings: Settings, project: Project, name: str, **changed: Any) -> dict[str, Any]:
    return asked_for(settings, project, name, {**SMALL, **WITH_MENTOR, **changed})


def trained(settings: Settings, project: Project, name: str, **changed: Any) -> dict[str, Any]:
    params = params_of(settings, project, name, **changed)
    return run_now(settings, "train", params, project.id)


def log_of(settings: Settings, project: Project) -> str:
    store = connect(settings.database)
    newest = jobs.listed(store, project.id)[0]
    return "\n".join(line.line for line in jobs.log_tail(store, newest.id))


@pytest.fixture(scope="module")
def runs(settings: Settings, project: Project) -> dict[str, tuple[dict[str, Any], str]]:
    """The same run by either way, with its log."""
    return {
        how: (
            trained(settings, project, how, soft_labels=how, lora_dropout=0.1),
            log_of(settings, project),
        )
        for how in ("online", "hidden", "top-k")
    }


def test_a_run_with_the_mentor_at_its_side(settings: Settings, project: Project) -> None:
    result = trained(settings, project, "beside", validation_share=0.25, validate_every=2)
    assert result["soft_labels"] == "online"
    assert result["loss_soft"] > 0
    lineage = read_lineage(settings.checkpoints / "beside")
    assert lineage["mentor"]["mentor"] == "checkpoint:mentor"
    assert len(lineage["mentor"]["weights_sha256"]) == 64
    assert lineage["settings"]["soft_weight"] == 0.4
    for total, feedback, rationale, soft in lineage["losses"]:
        expected = 0.5 * feedback + 0.5 * (0.6 * rationale + 0.4 * 4 * soft)
        assert total == pytest.approx(expected, rel=1e-5)
    assert all(len(row) == 5 for row in lineage["validations"])
    store = connect(settings.database)
    told = jobs.metrics(
        store, jobs.listed(store, project.id)[0].id, ["loss_soft", "validation_soft"]
    )
    assert [step for step, _ in told["loss_soft"]] == [1, 2]
    assert told["validation_soft"]
    assert "| soft_weight | 0.4 |" in (settings.checkpoints / "beside" / "README.md").read_text()


@pytest.mark.parametrize("how", ["hidden", "top-k"])
def test_stored_soft_labels_teach_as_those_of_the_moment_do(
    settings: Settings, runs: dict[str, tuple[dict[str, Any], str]], how: str
) -> None:
    """The tiny model is so flat that all of its 257 tokens are stored, in float16."""
    (online, _), (stored, said) = runs["online"], runs[how]
    assert {
        "hidden": "stored as the mentor's hidden states with its head: ",
        "top-k": "stored as all 257 tokens with 100.0% of the mentor's mass: ",
    }[how] in said
    assert stored["soft_labels"] == how
    assert stored["mentor_seconds"] > 0
    for part in ("loss", "loss_feedback", "loss_rationale", "loss_soft"):
        assert stored[part] == pytest.approx(online[part], rel=0.02)
    kept = read_lineage(settings.checkpoints / how)["mentor"]
    assert (kept["mass"] >= 0.99) if how == "top-k" else (kept["width"] == 32)
    assert not list(settings.checkpoints.glob(f".{how}*"))


@pytest.mark.parametrize("how", ["online", "hidden", "top-k"])
@pytest.mark.usefixtures("runs")
def test_the_same_run_again_from_its_lineage(
    settings: Settings, project: Project, how: str
) -> None:
    params = train_again_params(settings, name=f"again-{how}", lineage=settings.checkpoints / how)
    assert run_now(settings, "train", params, project.id)["same_losses"] is True
    assert params["settings"]["soft_labels"] == how
    assert "other weights" not in log_of(settings, project)


def test_lambda_0_is_the_run_without_a_mentor_which_is_never_loaded(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    broken = tiny_folder(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    plain = trained(settings, project, "plain", mentor=None, soft_weight=None)
    softless = trained(settings, project, "softless", mentor=str(broken), soft_weight=0.0)
    one, other = (read_lineage(settings.checkpoints / name) for name in ("plain", "softless"))
    assert one["losses"] == other["losses"]
    assert "loss_soft" not in softless
    assert plain["loss"] == softless["loss"]
    adapters = [
        (settings.checkpoints / name / "adapter_model.safetensors").read_bytes()
        for name in ("plain", "softless")
    ]
    assert adapters[0] == adapters[1]
    assert "mentor" not in one
    assert "soft_weight" not in one["settings"]
    with pytest.raises(BadInput, match="broken"):
        trained(settings, project, "hard", mentor=str(broken))


@pytest.mark.usefixtures("runs")
def test_a_mentor_that_is_made_anew_is_told(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    file = shutil.copytree(settings.checkpoints / "online", tmp_path / "known") / "lineage.json"
    lineage = json.loads(file.read_text())
    lineage["mentor"]["weights_sha256"] = "0" * 64
    file.write_text(json.dumps(lineage))
    params = train_again_params(settings, name="known-again", lineage=file)
    run_now(settings, "train", params, project.id)
    assert "lineage's mentor had other weights" in log_of(settings, project)


def test_at_alpha_1_there_is_nothing_that_soft_labels_are_of(
    settings: Settings, project: Project
) -> None:
    result = trained(settings, project, "one-sided", alpha=1.0)
    assert "soft_labels" not in result
    assert "nor do the mentor's soft labels" in log_of(settings, project)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"soft_weight": 1.1}, "lambda is 1.1: give a value that is between 0 and 1"),
        ({"soft_weight": -0.1}, "lambda"),
        ({"tau": 0}, "tau is 0: give a value that is more than 0"),
        ({"tau": float("inf")}, "tau"),
        ({"soft_scaling": "none"}, "usual, reference"),
        ({"soft_labels": "here"}, "auto, online, stored, hidden, top-k"),
        ({"mentor": None, "soft_weight": 0.3}, "need a mentor"),
    ],
)
def test_settings_that_make_no_sense(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        chosen_settings("quick look", {"mentor": "checkpoint:mentor", **given})


def test_a_mentor_that_is_named_teaches_with_the_usual_weight() -> None:
    found = chosen_settings("quick look", {"mentor": "checkpoint:mentor"})
    assert (found.soft_weight, found.tau, found.soft_factor) == (0.3, 2.0, 4.0)
    assert (
        chosen_settings("quick look", {"mentor": "x", "soft_scaling": "reference"}).soft_factor == 1
    )
    assert chosen_settings("quick look", {"mentor": "x", "soft_weight": 0}).has_soft_labels is False


def test_settings_without_a_mentor_are_those_of_a_former_lineage() -> None:
    former = TrainingSettings().to_dict()
    assert not {"mentor", "soft_weight", "tau", "soft_scaling", "soft_labels"} & former.keys()
    assert TrainingSettings(**former) == TrainingSettings()  # type: ignore[arg-type]
    with_one = chosen_settings("quick look", {"mentor": "x"})
    assert TrainingSettings(**with_one.to_dict()) == with_one  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"mentor": "checkpoint:nobody"}, "no checkpoint 'nobody'"),
        ({"mentor": "nobody"}, "There is no student 'nobody'"),
    ],
)
def test_a_mentor_that_cannot_teach_is_said_before_the_start(
    settings: Settings, project: Project, changed: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        params_of(settings, project, "x", **changed)
    assert not (settings.checkpoints / ".x.training").exists()


def test_a_mentor_of_other_tokens_is_refused_with_the_way_out(
    settings: Settings, project: Project, student_folder: Path
) -> None:
    with pytest.raises(
        BadInput, match=r"to the mentor; learn from the mentor's rationales .*\(lambda 0\)"
    ):
        params_of(settings, project, "x", mentor=str(student_folder))
    # its rationales alone may be learned from
    params_of(settings, project, "y", mentor=str(student_folder), soft_weight=0.0)


@pytest.mark.usefixtures("project")
def test_memory_for_one_at_a_time(settings: Settings) -> None:
    ref = parse_ref(tiny(settings), settings.checkpoints, settings.models)
    chosen = TrainingSettings(**{**SMALL, **WITH_MENTOR})
    enough = least_need(read_shape(Path(tiny(settings))), chosen) / 1e9
    tight = replace(chosen, memory_gb=1.0005 * enough)
    machine = this_machine()
    assert fits_beside(ref, ref, chosen, machine) is True
    assert fits_beside(ref, ref, tight, machine) is False
    assert with_mentor(settings, ref, tight).mentor == "checkpoint:mentor"
    with pytest.raises(BadInput, match="store the soft labels first"):
        with_mentor(settings, ref, replace(tight, soft_labels="online"))
    mentor = parse_ref("checkpoint:mentor", settings.checkpoints, settings.models)
    assert way_of(ref, mentor, tight, machine) == "stored"
    tighter = replace(tight, memory_gb=enough + 10_000 / 1e9)  # the head has 16,448 bytes
    assert way_of(ref, mentor, tighter, machine) == "top-k"
    assert with_mentor(settings, ref, tighter).soft_labels == "auto"
    with pytest.raises(BadInput, match="no room in memory beside the student: store its likeliest"):
        with_mentor(settings, ref, replace(tighter, soft_labels="hidden"))
    with pytest.raises(BadInput, match=r"The mentor checkpoint:mentor takes about 2 MB"):
        with_mentor(settings, ref, replace(tight, memory_gb=0.001))


def test_the_preview_says_what_storing_takes(settings: Settings) -> None:
    assert settings.home is not None
    ref = parse_ref(tiny(settings), settings.checkpoints, settings.models)
    mentor = parse_ref(str(settings.home / "other"), settings.checkpoints, settings.models)
    speech = common_speech(ref, mentor)

    def note(how: str) -> str:
        chosen = TrainingSettings(**{**SMALL, **WITH_MENTOR, "soft_labels": how})
        said = partial(beforehand, ref, mentor, chosen, speech)
        totals = next(preview(speech.tokenizer, questions(5), chosen, of_mentor=said))
        return str(totals["note"])

    rationales = [one for one in pool(questions(5)).every() if one.part == "rationale"]
    tokens = sum(one.response_length for one in rationales)
    expected = f"soft labels of {tokens} tokens are stored before the first step, and go with the"
    hidden, top_k = (size(most_bytes(how, tokens, 32, 257)) for how in ("hidden", "top-k"))
    for how in ("stored", "hidden", "top-k"):
        said_then = note(how)
        assert expected in said_then
        assert (f"its head they take {hidden}" in said_then) == (how != "top-k")
        assert (f"likeliest tokens at most {top_k}" in said_then) == (how != "hidden")
    assert "computes its soft labels in every step" in note("online") == note("auto")


def test_the_command_line(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        *("train", "--project", project.name, "--student", tiny(settings)),
        *("--home", str(settings.home), "--mentor", "checkpoint:mentor", "--json"),
    ]
    small = ["--quantization", "none", "--max-steps", "1", "--soft-labels", "stored", "--tau", "1"]
    assert main([*asked, *small, "--name", "asked", "--lambda", "0.5"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["soft_labels"] in ("hidden", "top-k")
    assert main([*asked, "--name", "x", "--lambda", "2"]) == 2
    assert "lambda is 2.0" in capsys.readouterr().err
    again = ["--name", "x", "--from-lineage", str(settings.checkpoints / "asked")]
    assert main([*asked, *again]) == 2
    assert "leave out its settings" in capsys.readouterr().err
