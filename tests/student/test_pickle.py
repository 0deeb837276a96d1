"""A pickle posing as weights: it is refused in a sentence, and nothing in it runs."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest

from fair_app.errors import BadInput
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref

MODELS = Path("no-models")


class Hostile:
    """Makes a folder when it is unpickled, as any other code could run then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def posing(base: Path, folder: Path, name: str, harm: Path) -> Path:
    """A model's folder whose weights are a pickle under this name."""
    folder.mkdir()
    for file in base.iterdir():
        if not file.name.endswith(".safetensors"):
            shutil.copy(file, folder)
    (folder / name).write_bytes(pickle.dumps(Hostile(harm)))
    return folder


def test_the_pickle_is_one_that_would_do_harm(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Hostile(tmp_path / "harm")))
    assert (tmp_path / "harm").is_dir()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "model.pt"])
def test_a_model_s_pickle_is_not_read(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    harm = tmp_path / "harm"
    folder = posing(tiny_folder, tmp_path / "model", name, harm)
    with pytest.raises(BadInput):
        load(parse_ref(str(folder), MODELS, MODELS))
    assert not harm.exists()


@pytest.mark.parametrize("name", ["adapter_model.bin", "adapter_model.safetensors"])
def test_an_adapter_s_pickle_is_not_read(tiny_folder: Path, tmp_path: Path, name: str) -> None:
    harm, folder = tmp_path / "harm", tmp_path / "checkpoints" / "made"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(pickle.dumps(Hostile(harm)))
    config = {"peft_type": "LORA", "r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    lineage = {"base": str(tiny_folder), "quantization": "none"}
    (folder / "lineage.json").write_text(json.dumps(lineage))
    with pytest.raises(BadInput):
        load(parse_ref("checkpoint:made", folder.parent, MODELS))
    assert not harm.exists()
