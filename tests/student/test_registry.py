"""Student REFs: the four forms, and one clear sentence for everything else."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.student.registry import StudentRef, parse_ref

CHECKPOINTS, MODELS = Path("no-checkpoints"), Path("no-models")


def make_checkpoint(folder: Path, **lineage: object) -> None:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"")
    lineage = {"base": "smollm2-135m", "quantization": "none", **lineage}
    (folder / "lineage.json").write_text(json.dumps(lineage))


def make_model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_the_offline_student_needs_no_conversion_to_be_named() -> None:
    ref = parse_ref("smollm2-135m", CHECKPOINTS, MODELS)
    assert ref.kind == ref.base_kind == "offline"
    assert ref.source == str(MODELS / "smollm2-135m")
    assert ref.base == "smollm2-135m"


def test_a_folder_is_its_own_base_under_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    ref = parse_ref("mine", CHECKPOINTS, MODELS)
    assert (ref.kind, ref.ref, ref.base, ref.source) == ("folder", "mine", str(folder), str(folder))


@pytest.mark.parametrize(
    "hub_id", ["HuggingFaceTB/SmolLM2-135M-Instruct", "meta-llama/Llama-2-7b-chat-hf", "a/b.c_d-1"]
)
def test_a_hub_id_is_taken_by_its_form(hub_id: str) -> None:
    ref = parse_ref(hub_id, CHECKPOINTS, MODELS)
    assert (ref.kind, ref.base, ref.source) == ("hub", hub_id, hub_id)


def test_a_checkpoint_knows_its_base_and_what_it_was_trained_on(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "first", quantization="4bit")
    ref = parse_ref("checkpoint:first", tmp_path, MODELS)
    assert ref == StudentRef(
        "checkpoint:first",
        "checkpoint",
        "smollm2-135m",
        "offline",
        str(MODELS / "smollm2-135m"),
        tmp_path / "first",
        "4bit",
    )


@pytest.mark.parametrize(
    "file", ["lineage.json", "adapter_config.json", "adapter_model.safetensors"]
)
def test_a_checkpoint_with_a_missing_file_is_refused(tmp_path: Path, file: str) -> None:
    make_checkpoint(tmp_path / "half")
    (tmp_path / "half" / file).unlink()
    with pytest.raises(BadInput, match=file):
        parse_ref("checkpoint:half", tmp_path, MODELS)


@pytest.mark.parametrize(
    ("lineage", "complaint"),
    [
        ({"base": None}, "does not name its base"),
        ({"base": "checkpoint:other"}, "does not name its base"),
        ({"base": "nobody knows"}, "no student 'nobody knows'"),
        ({"quantization": "8bit"}, "quantization '8bit'"),
    ],
)
def test_a_checkpoint_with_a_wrong_lineage_is_refused(
    tmp_path: Path, lineage: dict[str, object], complaint: str
) -> None:
    make_checkpoint(tmp_path / "odd", **lineage)
    with pytest.raises(BadInput, match=complaint):
        parse_ref("checkpoint:odd", tmp_path, MODELS)


def test_a_lineage_that_is_no_json_is_refused(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "torn")
    (tmp_path / "torn" / "lineage.json").write_text('{"base": ')
    with pytest.raises(BadInput, match="cannot be read as JSON"):
        parse_ref("checkpoint:torn", tmp_path, MODELS)


@pytest.mark.parametrize("name", ["", "missing", "../secret", "a/b", ".hidden"])
def test_a_checkpoint_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    make_checkpoint(tmp_path / "secret")
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(BadInput, match="no checkpoint"):
        parse_ref(f"checkpoint:{name}", tmp_path / "checkpoints", MODELS)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"not a model folder.*config\.json and no safetensors"):
        parse_ref(str(tmp_path), CHECKPOINTS, MODELS)


def test_a_folder_with_pickled_weights_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(BadInput, match="no safetensors weights"):
        parse_ref(str(tmp_path), CHECKPOINTS, MODELS)


@pytest.mark.parametrize("ref", ["./nowhere", "/no/such/folder", "~nobody-here/model"])
def test_a_path_that_is_not_there_is_not_taken_for_a_hub_id(ref: str) -> None:
    with pytest.raises(BadInput, match="no model folder"):
        parse_ref(ref, CHECKPOINTS, MODELS)


@pytest.mark.parametrize("ref", ["", "gpt2", "a/b/c", "a--b/c", "owner/name.git", "öwner/name"])
def test_anything_else_is_refused_with_the_accepted_forms(ref: str) -> None:
    with pytest.raises(BadInput, match="use smollm2-135m, checkpoint:NAME, a model folder, or"):
        parse_ref(ref, CHECKPOINTS, MODELS)


@given(st.text(max_size=300))
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        assert isinstance(parse_ref(text, CHECKPOINTS, MODELS), StudentRef)
    except BadInput as error:
        assert "\n" not in str(error) or "\n" in text
