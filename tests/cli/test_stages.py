"""`prefer` and `export --format gguf` on a real project with the tiny student: from training to a
second stage, its repetition, a merge and a file for llama.cpp."""

import json
import math
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFReader

from db import checkpoints, jobs, projects
from db.store import connect
from fair_app.cli.main import main
from fair_app.jobs import queue
from fair_app.settings import Settings
from fair_app.studio.training import train_params
from tests.browser.taught import taught
from tests.training.tiny import tiny_folder

needs_trl = pytest.mark.skipif(
    find_spec("trl") is None, reason="trl is optional: pip install -r requirements-dpo.txt"
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Two threads on a model this small wait for each other more than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A home with a project and its first checkpoint: a DoRA adapter on 4-bit weights."""
    home = tmp_path_factory.mktemp("home")
    project = taught(Settings(home=home))
    student = tiny_folder(home / "tiny")
    options = "--name first --method dora --lora-rank 4 --epochs 1 --batch-size 2"
    assert run(home, f"train --project '{project.name}' --student {student} {options}") == 0
    return home


def run(home: Path, line: str) -> int:
    return main(["--home", str(home), *shlex.split(line)])


def project(home: Path) -> str:
    (found,) = projects.all_projects(connect(Settings(home=home).database))
    return f"'{found.name}'"


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out))


def lineage(home: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((home / "checkpoints" / name / "lineage.json").read_text()))


@needs_trl
def test_a_second_stage_from_its_start_to_llama_cpp(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = project(home)
    options = "--epochs 3 --batch-size 2 --lr 1e-3 --beta 0.3"
    line = f"--json prefer --project {own} --checkpoint first --name second {options}"
    assert run(home, line) == 0
    result = told(capsys)
    assert result["checkpoint"] == "second"
    found = json.loads((home / "checkpoints/second/preferences.json").read_text())
    assert len(found) == result["preferences"] > 3
    assert result["steps"] == math.ceil(3 * len(found) / 2)
    assert result["left_out"] == 0
    assert result["margin"] > 0
    made = lineage(home, "second")
    assert (made["stage"], made["start"]) == ("preference", "checkpoint:first")
    assert (made["quantization"], made["method"]) == ("4bit", "dora")
    assert made["losses"][0][0] == pytest.approx(0.6931, abs=1e-3)
    assert {"trl", "torch", "peft"} <= made["versions"].keys()
    assert {"teachers", "prompts", "threshold", "decisions", "data_sha256"} <= made.keys()
    folder = home / "checkpoints" / "second"
    assert {file.name for file in folder.iterdir()} >= {
        "adapter_model.safetensors",
        "preferences.json",
        "README.md",
    }
    assert not [file for file in folder.iterdir() if file.suffix in (".bin", ".pt", ".pth", ".pkl")]
    card = (folder / "README.md").read_text()
    assert "DPO" in card
    assert "DoRA adapter" in card
    assert "`prefer --from-lineage` makes the same checkpoint again" in card
    assert not list((home / "checkpoints").glob(".*"))

    again = f"--json prefer --project {own} --name again --from-lineage {folder}"
    assert run(home, again) == 0
    assert told(capsys)["same_losses"] is True
    first, second = (
        (home / "checkpoints" / name / "adapter_model.safetensors").read_bytes()
        for name in ("second", "again")
    )
    assert first == second

    assert run(home, f"merge second --project {own} --name whole") == 0
    assert "preferences.json" in {file.name for file in (home / "checkpoints/whole").iterdir()}
    merged = (home / "checkpoints/whole/README.md").read_text()
    assert "library_name: transformers" in merged
    assert "with the lineage of second makes what was merged again" in merged

    capsys.readouterr()
    export = f"--json export --project {own} --format gguf --output {tmp_path}"
    assert run(home, f"{export} --checkpoint whole --quantization bf16") == 0
    (file,) = told(capsys)["files"]
    assert Path(file).name == "whole-bf16.gguf"
    names = {tensor.name for tensor in GGUFReader(file).tensors}
    assert {"token_embd.weight", "blk.1.attn_q.weight", "output_norm.weight"} <= names

    line = f"prefer --project {own} --checkpoint whole --name third --max-steps 1"
    assert run(home, line) == 0
    assert lineage(home, "third")["base"] == "checkpoint:whole"
    store = connect(Settings(home=home).database)
    assert checkpoints.by_name(store, "third") is not None


@needs_trl
def test_an_interrupted_stage_is_resumed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, store = project(home), connect(Settings(home=home).database)
    line = f"prefer --project {own} --checkpoint first --name broken --lr 1e30 --epochs 9"
    assert run(home, line) == 1
    assert "no longer a number" in capsys.readouterr().err
    job = jobs.listed(store, 1)[0]
    assert (job.kind, job.state) == ("prefer", "failed")
    assert run(home, f"prefer --project {own} --checkpoint first --name broken") == 2
    assert "is taken by a checkpoint or by a run that can be resumed" in capsys.readouterr().err
    assert run(home, f"prefer --project {own} --name broken --resume") == 1
    assert run(home, f"prefer --project {own} --name never --resume") == 2
    assert "No training of 'never' was interrupted" in capsys.readouterr().err


@needs_trl
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--name x", "Say which checkpoint goes on"),
        ("--name x --checkpoint none", "There is no checkpoint 'none'"),
        ("--name x --checkpoint first --beta 0", "beta is 0.0: give a value that is more than 0"),
        ("--name x --checkpoint first --epochs 0", "epochs is 0"),
        ("--name first --checkpoint first", "The name 'first' is taken"),
        ("--name x --checkpoint first --max-tokens 30", "No preference fits into max_tokens 30"),
        ("--name x --from-lineage nowhere", "cannot be read as a lineage"),
        ("--name x --from-lineage first --beta 1", "leave out its settings"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    assert run(home, f"prefer --project {project(home)} {line}") == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last


def test_a_run_that_cannot_begin_gives_its_name_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = f"train --project {project(home)} --name tight --student {home / 'tiny'}"
    for _ in range(2):  # the second time, too, it is the limit that is named
        assert run(home, f"{options} --max-tokens 9") == 2
        assert "give more than" in capsys.readouterr().err
    job = jobs.listed(connect(Settings(home=home).database), 1)[0]
    assert (job.kind, job.state) == ("train", "failed")
    assert run(home, f"train --project {project(home)} --name tight --resume") == 2
    assert "start a new one" in capsys.readouterr().err


def test_a_run_that_could_not_begin_leaves_its_name_to_the_one_that_took_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, student = project(home), home / "tiny"
    assert run(home, f"train --project {own} --name later --student {student} --max-tokens 9") == 2
    settings = Settings(home=home)
    (found,) = projects.all_projects(connect(settings.database))
    params = train_params(settings, found, name="later", student=str(student))
    waits = queue.submit(settings, "train", params, found)
    capsys.readouterr()
    # the texts are the same, so that nothing but the newer job tells the two apart
    assert run(home, f"train --project {own} --name later --resume") == 2
    assert "Another run has taken this one's name since" in capsys.readouterr().err
    assert (home / "checkpoints" / ".later.training" / "examples.json").is_file()
    queue.take_out(settings, waits)


def test_without_trl_one_sentence_says_what_to_install(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fair_app.studio import preferring

    monkeypatch.setattr(preferring, "find_spec", lambda name: None)
    assert run(home, f"prefer --project {project(home)} --checkpoint first --name x") == 2
    assert "pip install -r requirements-dpo.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--format gguf", "--checkpoint NAME"),
        ("--format gguf --checkpoint none", "There is no checkpoint 'none'"),
        ("--format sft --checkpoint first", "leave them out"),
    ],
)
def test_a_gguf_needs_a_checkpoint(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, said: str
) -> None:
    assert run(home, f"export --project {project(home)} --output {tmp_path} {line}") == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
