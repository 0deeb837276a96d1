"""A model's fingerprint: another one exactly when its answers may be others."""

import json
import os
import shutil
from pathlib import Path

import pytest

from fair_app.student import fingerprint as module
from fair_app.student.fingerprint import fingerprint
from fair_app.student.registry import parse_ref
from tests.training.tiny import tiny_folder, tiny_model


def of(ref: str | Path, folder: Path) -> str:
    return fingerprint(parse_ref(str(ref), folder, folder))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_folder(tmp_path / "model")


def test_what_the_hub_or_this_project_keeps_is_known_by_its_name(tmp_path: Path) -> None:
    assert of("smollm2-135m", tmp_path) == of("owner/model", tmp_path) == ""


def test_weights_settings_and_tokenizer_are_of_it(model: Path, tmp_path: Path) -> None:
    first = of(model, tmp_path)
    assert len(first) == 64
    assert of(shutil.copytree(model, tmp_path / "copy"), tmp_path) == first
    for name in ("config.json", "tokenizer.json", "chat_template.jinja"):
        file = model / name
        before = file.read_bytes()
        file.write_bytes(before + b" ")
        assert of(model, tmp_path) != first, name
        file.write_bytes(before)
    tiny_model(2).bfloat16().save_pretrained(model)
    assert of(model, tmp_path) != first


def test_what_is_told_of_a_model_is_not(model: Path, tmp_path: Path) -> None:
    first = of(model, tmp_path)
    for name in ("README.md", "lineage.json", "examples.json"):
        (model / name).write_text("{}")
    assert of(model, tmp_path) == first


def test_an_adapter_and_the_folder_below_it_are_both_of_a_checkpoint(
    model: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "trained"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"one")
    for base in (str(model), "smollm2-135m"):
        lineage = {"base": base, "quantization": "none"}
        (adapter / "lineage.json").write_text(json.dumps(lineage))
        first = of("checkpoint:trained", tmp_path)
        (adapter / "adapter_model.safetensors").write_bytes(b"two")
        second = of("checkpoint:trained", tmp_path)
        assert second not in (first, "")
        (adapter / "adapter_model.safetensors").write_bytes(b"one")
    lineage = {"base": str(model), "quantization": "none"}
    (adapter / "lineage.json").write_text(json.dumps(lineage))
    first = of("checkpoint:trained", tmp_path)
    tiny_model(2).bfloat16().save_pretrained(model)
    assert of("checkpoint:trained", tmp_path) != first


def test_a_file_is_read_again_only_when_it_was_written(model: Path, tmp_path: Path) -> None:
    first = of(model, tmp_path)
    read = module._content.cache_info().misses
    assert of(model, tmp_path) == first
    assert module._content.cache_info().misses == read
    weights = model / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # as long as before
    os.utime(weights, ns=(0, 0))
    assert of(model, tmp_path) != first
    assert module._content.cache_info().misses == read + 1
