"""Whole training jobs: from a project's curated texts to a checkpoint that loads."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from db import checkpoints, jobs
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.jobs.worker import run_now
from fair_app.settings import Settings
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.studio.training import merge_params, train_again_params, train_params
from fair_app.studio.training_start import launch_of, run_of_lineage
from fair_app.training.launch import options
from fair_app.training.lineage import read_lineage
from fair_app.training.preferences import PREFERENCES, STAGE
from tests.browser.taught import taught
from tests.training import tiny_home
from tests.training.tiny import tiny_folder
from tests.training.tiny_home import tiny

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 2,
    "learning_rate": 0.01,
    "max_tokens": 600,
    "lora_rank": 4,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return tiny_home.tiny_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    return taught(settings)


def trained(
    settings: Settings, project: Project, name: str, student: str | None = None, **changed: Any
) -> dict[str, Any]:
    return tiny_home.trained(settings, project, name, {**SMALL, **changed}, student)


def logits(settings: Settings, ref: str) -> torch.Tensor:
    model = load(parse_ref(ref, settings.checkpoints, settings.models)).model
    with torch.no_grad():
        return model(input_ids=torch.arange(1, 40)[None]).logits.float()


def log_of(settings: Settings, job_id: int) -> str:
    return "\n".join(line.line for line in jobs.log_tail(connect(settings.database), job_id))


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("lora", {}),
        ("dora", {"method": "dora"}),
        ("rslora", {"method": "rslora"}),
        ("qlora", {"quantization": "4bit"}),
        ("qdora", {"quantization": "4bit", "method": "dora"}),
        ("full", {"method": "full", "learning_rate": 0.001}),
    ],
)
def test_every_method_makes_a_checkpoint_that_loads_by_its_name(
    settings: Settings, project: Project, name: str, changed: dict[str, Any]
) -> None:
    result = trained(settings, project, name, **changed)

    assert result["checkpoint"] == name
    steps = 2 * -(-result["examples"] // 2)
    assert result["steps"] == steps
    assert result["loss"] > 0
    folder = settings.checkpoints / name
    lineage = read_lineage(folder)
    assert lineage["result"] | {"checkpoint": name} == result
    assert len(lineage["losses"]) == steps
    assert set(lineage["prompts"]) == {"rationale", "feedback", "review"}
    assert [one["name"] for one in lineage["teachers"]] == ["ada", "blaise", "carl"]
    assert {"task", "exam", "threshold", "decisions", "data_sha256", "versions"} <= lineage.keys()
    assert (folder / "README.md").read_text().startswith("---\n")
    row = checkpoints.by_name(connect(settings.database), name)
    assert row is not None
    assert row.lineage == lineage
    assert not list(settings.checkpoints.glob(f".{name}*"))

    before = logits(settings, tiny(settings))
    after = logits(settings, f"checkpoint:{name}")
    assert (after - before).abs().max() > 0.05


def test_a_whole_model_is_saved_as_it_was_trained(settings: Settings, project: Project) -> None:
    """Every weight moved, in the dtype of the model, and nothing but a model folder is there."""
    trained(settings, project, "whole", method="full", learning_rate=0.01)
    before = load_file(Path(tiny(settings)) / "model.safetensors")
    after = load_file(settings.checkpoints / "whole" / "model.safetensors")
    assert before.keys() == after.keys()
    assert {weight.dtype for weight in after.values()} == {torch.bfloat16}
    assert all(not torch.equal(weight, before[name]) for name, weight in after.items())
    assert not (settings.checkpoints / "whole" / "adapter_config.json").exists()


def test_a_whole_model_with_its_embedding_tied_to_its_head(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    folder = tiny_folder(tmp_path / "tied", tied=True)
    trained(settings, taught(settings), "whole", student=str(folder), method="full")
    model = load(parse_ref("checkpoint:whole", settings.checkpoints, settings.models)).model
    assert model.lm_head.weight is model.model.embed_tokens.weight
    before = load_file(folder / "model.safetensors")
    assert not torch.equal(model.lm_head.weight, before["model.embed_tokens.weight"])


def test_a_further_round_goes_on_from_an_adapter(settings: Settings, project: Project) -> None:
    first = trained(settings, project, "round-1", quantization="4bit")
    second = trained(settings, project, "round-2", student="checkpoint:round-1", quantization=None)
    assert second["loss"] < first["loss"]
    lineage = read_lineage(settings.checkpoints / "round-2")
    assert lineage["start"] == "checkpoint:round-1"
    assert lineage["quantization"] == "4bit"
    assert lineage["losses"][0][0] < read_lineage(settings.checkpoints / "round-1")["losses"][0][0]
    logits(settings, "checkpoint:round-2")
    with pytest.raises(BadInput, match="trained with quantization 4bit"):
        trained(settings, project, "round-3", student="checkpoint:round-1", quantization="none")


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_further_round_goes_on_from_a_whole_model(
    settings: Settings, project: Project, method: str
) -> None:
    trained(settings, project, f"base-{method}", method="full", learning_rate=0.003)
    trained(settings, project, f"on-{method}", student=f"checkpoint:base-{method}", method=method)
    first, second = (
        read_lineage(settings.checkpoints / name) for name in (f"base-{method}", f"on-{method}")
    )
    assert second["base"] == f"checkpoint:base-{method}"
    assert second["losses"][0][0] < first["losses"][0][0]
    logits(settings, f"checkpoint:on-{method}")


def test_all_weights_are_tuned_upon_an_adapter(settings: Settings, project: Project) -> None:
    trained(settings, project, "adapter")
    trained(settings, project, "merged", student="checkpoint:adapter", method="full")
    first, second = (read_lineage(settings.checkpoints / name) for name in ("adapter", "merged"))
    assert second["losses"][0][0] < first["losses"][0][0]
    logits(settings, "checkpoint:merged")


def test_the_same_run_again_from_its_lineage(settings: Settings, project: Project) -> None:
    first = trained(
        settings, project, "made", lora_dropout=0.1, validation_share=0.25, balance="teachers"
    )
    params = train_again_params(
        settings, name="again", lineage=settings.checkpoints / "made" / "lineage.json"
    )
    second = run_now(settings, "train", params, project.id)

    assert second["same_losses"] is True
    assert second["loss"] == first["loss"]
    made, again = (settings.checkpoints / name for name in ("made", "again"))
    assert read_lineage(made)["losses"] == read_lineage(again)["losses"]
    assert read_lineage(again)["settings"]["balance"] == "teachers"
    assert read_lineage(again)["ledger"] == read_lineage(made)["ledger"]
    assert read_lineage(again)["ready_made"] is True
    assert read_lineage(made)["validations"] == read_lineage(again)["validations"]
    files = ("adapter_model.safetensors", "examples.json")
    assert all((made / file).read_bytes() == (again / file).read_bytes() for file in files)


def test_other_losses_than_the_lineage_has_are_told(settings: Settings, project: Project) -> None:
    trained(settings, project, "known")
    file = settings.checkpoints / "known" / "lineage.json"
    lineage = json.loads(file.read_text())
    lineage["losses"][1][0] += 0.1
    lineage["versions"]["torch"] = "1.0"
    file.write_text(json.dumps(lineage))
    params = train_again_params(settings, name="told", lineage=file)
    result = run_now(settings, "train", params, project.id)
    assert result["same_losses"] is False
    job = jobs.listed(connect(settings.database), project.id)[0]
    assert "the lineage has torch 1.0" in log_of(settings, job.id)


def test_lineages_that_cannot_be_used_are_bad_input(
    settings: Settings, project: Project, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"lineage\.json"):
        train_again_params(settings, name="x", lineage=tmp_path / "none.json")
    trained(settings, project, "spoiled")
    folder = settings.checkpoints / "spoiled"
    lineage = json.loads((folder / "lineage.json").read_text())

    def refused(complaint: str, **changed: Any) -> None:
        (folder / "lineage.json").write_text(json.dumps({**lineage, **changed}))
        with pytest.raises(BadInput, match=complaint):
            train_again_params(settings, name="x", lineage=folder)

    refused("not the one of this lineage", data_sha256="0")
    refused("does not hold the settings", settings={"speed": 1})
    refused("does not hold the settings", settings=None)
    refused("There is no", base="gone")
    refused("made by `prefer`: `prefer --from-lineage` reads it", stage=STAGE)
    refused("was merged, not trained", merged_from="other")
    (folder / "lineage.json").write_text(json.dumps(lineage))
    with pytest.raises(BadInput, match="made by `train`: `train --from-lineage` reads it"):
        run_of_lineage(folder, "prefer", PREFERENCES, list, str, dict)
    (folder / "examples.json").unlink()
    refused(r"no examples\.json")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"name": "../x"}, "cannot be a checkpoint's name"),
        ({"preset": "best"}, "no preset 'best'"),
        ({"settings_given": {"alpha": 2}}, "alpha is 2"),
        ({"settings_given": {"lora_target": "c_attn"}}, "no module c_attn: it has .*q_proj"),
        ({"settings_given": {"memory_gb": 0.5}}, "500 MB of the memory limit"),
        ({"student": "nobody"}, "There is no student"),
        ({"teacher": "dora"}, "dora"),
    ],
)
def test_what_makes_no_sense_is_said_before_the_start(
    settings: Settings, project: Project, given: dict[str, Any], complaint: str
) -> None:
    asked = {"name": "x", "student": tiny(settings), **given}
    with pytest.raises(BadInput, match=complaint):
        train_params(settings, project, **asked)
    assert not (settings.checkpoints / ".x.training").exists()


def test_a_taken_name_is_bad_input(settings: Settings, project: Project) -> None:
    trained(settings, project, "taken")
    with pytest.raises(BadInput, match="'taken' is taken"):
        trained(settings, project, "taken")


def test_a_limit_below_the_longest_question_ends_the_job_with_its_number(
    settings: Settings, project: Project
) -> None:
    with pytest.raises(BadInput, match=r"longest question takes \d+ tokens"):
        trained(settings, project, "short", max_tokens=20)


def test_validation_is_told_in_metrics_and_result(settings: Settings, project: Project) -> None:
    result = trained(settings, project, "held", validation_share=0.25, validate_every=2, patience=9)
    store = connect(settings.database)
    job = jobs.listed(store, project.id)[0]
    names = ["validation_loss", "validation_feedback", "validation_rationale"]
    told = jobs.metrics(store, job.id, [*names, "loss", "learning_rate", "memory_gb"])
    assert [step for step, _ in told["validation_loss"]] == [0, 2, 4]
    assert all(len(told[name]) == 3 for name in names)
    assert [step for step, _ in told["memory_gb"]] == [1, 2, 3, 4]
    assert all(0.1 < value < 20 for _, value in told["memory_gb"])
    assert (result["examples"], result["held_out"]) == (4, 1)
    assert result["validation_loss"] == min(value for _, value in told["validation_loss"])


def test_an_adapter_is_merged_into_a_whole_model(settings: Settings, project: Project) -> None:
    for name, quantization in (("plain", "none"), ("nf4", "4bit")):
        trained(settings, project, name, quantization=quantization)
        merged = run_now(
            settings, "merge", merge_params(settings, name, f"{name}-merged"), project.id
        )
        assert merged["checkpoint"] == f"{name}-merged"
        folder = settings.checkpoints / f"{name}-merged"
        assert (folder / "model.safetensors").is_file()
        assert not (folder / "adapter_config.json").exists()
        assert read_lineage(folder)["merged_from"] == name
        assert f"Merged from | {name}" in (folder / "README.md").read_text()
        # the very student that the adapter made
        assert torch.equal(
            logits(settings, f"checkpoint:{name}-merged"), logits(settings, f"checkpoint:{name}")
        )
    with pytest.raises(BadInput, match="whole model already"):
        merge_params(settings, "nf4-merged", "again")
    with pytest.raises(BadInput, match="no checkpoint 'gone'"):
        merge_params(settings, "gone", "again")
    with pytest.raises(BadInput, match="taken"):
        merge_params(settings, "plain", "nf4")
    with pytest.raises(BadInput, match="was merged, not trained"):
        train_again_params(settings, name="x", lineage=settings.checkpoints / "nf4-merged")


def command_line(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What a command prints as JSON."""
    assert main([*map(str, (*arguments, "--home", settings.home, "--json"))]) == 0
    return json.loads(capsys.readouterr().out)


def by_two_processes(settings: Settings, *arguments: object) -> Any:
    """The same of a command that accelerate launches, as a person would."""
    launch = [
        *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"),
        *("--num_processes", "2", "--main_process_port", "0"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
    ]
    command = [
        *(sys.executable, *launch, "-m", "fair_app"),
        *map(str, (*arguments, "--home", settings.home, "--json")),
    ]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_command_line_trains_alone_and_launched_by_accelerate(
    settings: Settings, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        *("train", "--project", project.name, "--student", tiny(settings)),
        *("--preset", "balanced", "--epochs", 2, "--batch-size", 2, "--lora-dropout", 0),
        *("--quantization", "none", "--method", "dora", "--lora-target", "q_proj,down_proj"),
        *("--schedule", "cosine", "--lr", 0.01, "--lora-rank", 2, "--validate-every", 1),
    ]
    one = command_line(settings, capsys, *asked, "--name", "by-one")
    two = by_two_processes(settings, *asked, "--name", "by-two")

    assert one["steps"] == two["steps"] == 4
    for loss in ("loss", "loss_feedback", "loss_rationale", "validation_loss"):
        # the base computes in bfloat16, whose rounding differs with what stands beside
        assert two[loss] == pytest.approx(one[loss], rel=1e-2)
    lineage = read_lineage(settings.checkpoints / "by-two")
    assert lineage["settings"]["lora_target"] == "q_proj,down_proj"
    again = command_line(
        settings,
        capsys,
        *("train", "--project", project.name, "--name", "once-more"),
        *("--from-lineage", settings.checkpoints / "by-one"),
    )
    assert again["loss"] == one["loss"]
    assert again["same_losses"] is True
    merged = command_line(settings, capsys, "merge", "by-one", "--project", project.name)
    assert merged["checkpoint"] == "by-one-merged"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--from-lineage", "nowhere.json"], "lineage"),
        (["--from-lineage", "nowhere.json", "--lr", "0.1"], "leave out"),
        (["--lora-target", "c_attn"], "no module c_attn"),
        (["--method", "full", "--quantization", "4bit"], "plain"),
    ],
)
def test_bad_options_are_one_line(
    settings: Settings,
    project: Project,
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    student = [] if "--from-lineage" in arguments else ["--student", tiny(settings)]
    asked = ["train", "--project", project.name, "--name", "x", "--home", str(settings.home)]
    assert main([*asked, *student, *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("error: ")
    assert complaint in said[-1]


def test_a_job_starts_its_processes_itself_and_hears_why_they_end(
    settings: Settings, project: Project
) -> None:
    given = {**SMALL, "max_tokens": 20}
    params = tiny_home.asked_for(settings, project, "too-short", given, processes=2)
    with pytest.raises(BadInput, match="longest question takes"):
        run_now(settings, "train", params, project.id)
    job = jobs.listed(connect(settings.database), project.id)[0]
    assert "2 processes train together" in log_of(settings, job.id)
    assert job.state == "failed"


@pytest.mark.parametrize(
    ("processes", "config", "complaint"),
    [(0, None, "0 processes"), (2, "x.yaml", "leave out"), (None, "x.yaml", "no accelerate file")],
)
def test_processes_that_cannot_be_started_are_bad_input(
    processes: int | None, config: str | None, complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        launch_of(processes, config)


def test_an_accelerate_file_says_how_to_start(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("num_processes: 2\n")
    assert launch_of(None, str(file)) == {"config": str(file)}
    assert options({"config": str(file)}) == ["--config_file", str(file)]
    assert launch_of(1, None) is None
