"""A student with an encoder from its exam to its evaluation, by the commands of any other: a tiny
T5 with a head of its own, as Flan-T5 has it, learns four questions by heart."""

import json
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from db import exams, jobs, trials
from db.store import connect
from fair_app.cli.main import main
from fair_app.settings import Settings
from tests.student.tiny_t5 import t5_folder

QUESTIONS = 4
ANSWER = "--max-new-tokens 90 --quantization none"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a taught project whose student has an encoder, and two checkpoints of it."""
    home = tmp_path_factory.mktemp("home")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    student = t5_folder(home / "flan", own_head=True, d_model=64, d_ff=64)
    exam = f"exam --project P --student {student} --task arithmetic --limit {QUESTIONS} {ANSWER}"
    by_heart = "--method full --epochs 120 --batch-size 4 --lr 3e-3 --alpha 0 --sampling once"
    adapter = "--quantization none --epochs 2 --batch-size 2 --lr 5e-2 --lora-rank 4"
    for line in (
        exam,
        "collect --project P",
        f"train --project P --name whole --max-tokens 2000 {by_heart}",
        f"train --project P --name adapter --max-tokens 2000 {adapter}",
    ):
        assert main(["--home", str(home), *shlex.split(line)]) == 0, line
    torch.set_num_threads(threads)
    return home


def run(home: Path, capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    code = main(["--home", str(home), "--json", *shlex.split(line)])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def ok(home: Path, capsys: pytest.CaptureFixture[str], line: str) -> Any:
    code, result, err = run(home, capsys, line)
    assert code == 0, err
    return result


def texts(home: Path, evaluation: int) -> list[str]:
    return [row.text for row in exams.answers(connect(Settings(home=home).database), evaluation)]


def lineage(home: Path, name: str) -> Any:
    return json.loads((home / "checkpoints" / name / "lineage.json").read_text())


def test_it_learns_what_the_committee_wrote(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = connect(Settings(home=home).database)
    (exam,) = exams.of_project(store, 1, "exam")
    assert exams.counts(store, exam.id).correct == 0
    assert exam.description["model_type"] == "t5"
    assert exam.description["chat_template"] is False
    tested = f"evaluate --project P --split train --limit {QUESTIONS} {ANSWER}"
    found = ok(home, capsys, f"{tested} --student checkpoint:whole")
    assert found["accuracy"] >= 0.5
    taught = {
        " ".join(text["text"].split())
        for one in json.loads((home / "checkpoints/whole/examples.json").read_text())
        for text in one["rationales"]
    }
    assert len(taught & set(texts(home, found["evaluation"]))) >= 3, "learned by heart"
    made = lineage(home, "whole")
    assert made["student"]["model_type"] == "t5"
    assert made["student"]["kernels"]["attention"].startswith("SDPA over padded rows")
    assert made["losses"][-1][0] < 0.1 * made["losses"][0][0]
    assert made["result"]["loss_feedback"] is None, "alpha is 0"
    both = lineage(home, "adapter")["result"]
    assert both["loss"] == pytest.approx(0.5 * (both["loss_feedback"] + both["loss_rationale"]))


def test_an_adapter_merged_is_the_student_that_was_trained(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tested = "evaluate --project P --limit 3 --max-new-tokens 12"
    merged = ok(home, capsys, "merge adapter --project P --name merged")
    assert merged["parameters"] == lineage(home, "adapter")["student"]["parameters"]
    answered = [
        texts(home, ok(home, capsys, f"{tested} --student {ref}")["evaluation"])
        for ref in (home / "flan", "checkpoint:adapter", "checkpoint:merged")
    ]
    assert answered[1] == answered[2]
    assert answered[0] != answered[1], "that it learned something"
    config = json.loads((home / "checkpoints/adapter/adapter_config.json").read_text())
    assert config["task_type"] == "SEQ_2_SEQ_LM"
    names = {name.rpartition(".")[2] for name in config["target_modules"]}
    assert names == {"q", "k", "v", "o", "wi", "wo"}


def test_a_run_from_its_lineage_is_the_same(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "checkpoints" / "adapter"
    line = f"train --project P --name again --from-lineage {folder}"
    assert ok(home, capsys, line)["same_losses"] is True
    weights = [
        (home / "checkpoints" / name / "adapter_model.safetensors").read_bytes()
        for name in ("adapter", "again")
    ]
    assert weights[0] == weights[1]


def test_on_4_bits_it_is_trained_and_samples_answers(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "train --project P --name small --quantization 4bit --max-steps 1 --max-tokens 2000"
    assert ok(home, capsys, line)["steps"] == 1
    tested = "evaluate --project P --limit 2 --max-new-tokens 4 --decoding paper --samples 2"
    found = ok(home, capsys, f"{tested} --student checkpoint:small")
    assert 0 <= found["agreement"] <= 1


def test_it_is_tried(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = "--student checkpoint:adapter --max-new-tokens 6 'What is 2 + 2?'"
    ok(home, capsys, f"try --project P {asked}")
    store = connect(Settings(home=home).database)
    job = jobs.latest(store, 1, "try")
    assert job is not None
    (trial,) = trials.of_job(store, job.id)
    assert trial.state == "done"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("export --format gguf --output gguf --checkpoint whole", "are not written here for a t5"),
        ("train --name x --mentor smollm2-135m --lambda 0.3", "encoder"),
        pytest.param(
            "prefer --name x --checkpoint adapter",
            "Preferences are learned by decoder-only students alone",
            marks=pytest.mark.skipif(find_spec("trl") is None, reason="trl is optional"),
        ),
    ],
)
def test_what_it_cannot_do_is_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], line: str, said: str, tmp_path: Path
) -> None:
    command, _, rest = line.replace("--output gguf", f"--output {tmp_path}").partition(" ")
    code, _, err = run(home, capsys, f"{command} --project P {rest}")
    assert code == 2
    (last,) = [one for one in err.splitlines() if one.startswith("error: ")]
    assert said in last
    assert not (home / "checkpoints" / ".x.training").exists()
