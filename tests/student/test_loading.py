"""Loading: in bfloat16, in 4 bits, with an adapter; and one sentence for what cannot be loaded."""

import json
import os
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertForMaskedLM,
)

from fair_app.errors import BadInput
from fair_app.student.base import Decoding
from fair_app.student.generation import TransformersStudent
from fair_app.student.loading import load
from fair_app.student.registry import Quantization, StudentRef, parse_ref

TOKENS = torch.tensor([[0, 72, 101, 108, 108, 111, 33]])
MODELS = Path("no-models")


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=TOKENS).logits.float()


def checkpoint(folder: Path, base: Path, quantization: Quantization) -> StudentRef:
    """A random adapter on all linear layers, as a training run would leave it."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    adapted = get_peft_model(
        model, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    )
    adapted.save_pretrained(folder)
    lineage = {"base": str(base), "quantization": quantization}
    (folder / "lineage.json").write_text(json.dumps(lineage))
    return parse_ref(f"checkpoint:{folder.name}", folder.parent, MODELS)


def base_ref(folder: Path) -> StudentRef:
    return parse_ref(str(folder), MODELS, MODELS)


def test_a_folder_loads_in_bfloat16_and_says_what_it_is(tiny_folder: Path) -> None:
    loaded = load(base_ref(tiny_folder))
    assert loaded.model.dtype == torch.bfloat16
    assert not loaded.model.training
    assert loaded.tokenizer.padding_side == "left"
    assert loaded.tokenizer.pad_token_id is not None
    described = json.loads(json.dumps(loaded.description))
    assert described["quantization"] == "none"
    assert described["base"] == str(tiny_folder)
    assert described["dtype"] == "bfloat16"
    assert described["threads"] == torch.get_num_threads()
    assert described["transformers"]


def test_4_bits_are_nf4_with_double_quantization(tiny_folder: Path) -> None:
    loaded = load(base_ref(tiny_folder), "4bit")
    weight = loaded.model.model.layers[0].mlp.up_proj.weight
    assert weight.quant_state.quant_type == "nf4"
    assert weight.quant_state.nested
    assert loaded.description["quantization"] == "4bit"
    exact = logits(load(base_ref(tiny_folder)).model)
    assert 0 < (logits(loaded.model) - exact).abs().mean() < exact.abs().mean()


def test_an_adapter_is_merged_into_the_weights(tiny_folder: Path, tmp_path: Path) -> None:
    ref = checkpoint(tmp_path / "first", tiny_folder, "none")
    merged = load(ref)
    assert not any("lora" in name for name, _ in merged.model.named_modules())
    base = load(base_ref(tiny_folder)).model
    without = logits(base)
    beside = logits(PeftModel.from_pretrained(base, tmp_path / "first"))
    change = (beside - without).abs().mean()
    assert (logits(merged.model) - beside).abs().mean() < 0.05 * change
    assert merged.description["student"] == "checkpoint:first"
    assert merged.description["base"] == str(tiny_folder)


def test_an_adapter_trained_on_4_bits_is_merged_into_their_values(
    tiny_folder: Path, tmp_path: Path
) -> None:
    ref = checkpoint(tmp_path / "first", tiny_folder, "4bit")
    merged = load(ref)
    assert merged.model.dtype == torch.bfloat16
    assert merged.description["quantization"] == "none"
    assert merged.description["base_quantization"] == "4bit"
    trained = logits(
        PeftModel.from_pretrained(load(base_ref(tiny_folder), "4bit").model, tmp_path / "first")
    )
    on_plain_base = logits(load(checkpoint(tmp_path / "other", tiny_folder, "none")).model)
    difference = (on_plain_base - trained).abs().mean()
    assert (logits(merged.model) - trained).abs().mean() < 0.2 * difference


def test_a_checkpoint_in_4_bits_keeps_its_adapter_beside_the_base(
    tiny_folder: Path, tmp_path: Path
) -> None:
    ref = checkpoint(tmp_path / "first", tiny_folder, "4bit")
    loaded = load(ref, "4bit")
    assert any("lora_A" in name for name, _ in loaded.model.named_modules())
    trained = PeftModel.from_pretrained(
        load(base_ref(tiny_folder), "4bit").model, tmp_path / "first"
    )
    assert torch.equal(logits(loaded.model), logits(trained))
    found = dict(TransformersStudent(loaded, 2).answer(["Hi", "Ho"], Decoding(max_new_tokens=3)))
    assert sorted(found) == [0, 1]


def test_an_adapter_of_another_model_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    ref = checkpoint(tmp_path / "first", tiny_folder, "none")
    config = json.loads((tiny_folder / "config.json").read_text())
    other = tmp_path / "other"
    shutil.copytree(tiny_folder, other)
    AutoModelForCausalLM.from_config(
        type(AutoModelForCausalLM.from_pretrained(tiny_folder).config)(
            **{**config, "hidden_size": 32, "head_dim": 8}
        )
    ).save_pretrained(other)
    (tmp_path / "first" / "lineage.json").write_text(
        json.dumps({"base": str(other), "quantization": "none"})
    )
    ref = parse_ref("checkpoint:first", tmp_path, MODELS)
    with pytest.raises(BadInput, match="does not fit its base student"):
        load(ref)


def test_what_does_not_generate_is_refused(tmp_path: Path) -> None:
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=99,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
        )
    )
    model.save_pretrained(tmp_path)
    with pytest.raises(BadInput, match="is a bert model, which cannot be a student"):
        load(base_ref(tmp_path))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"not safetensors"),
        ("config.json", b"{}"),
        ("config.json", b'{"model_type": "no-such-architecture"}'),
        ("tokenizer.json", b"{}"),
    ],
)
def test_a_broken_folder_is_refused_in_one_sentence(
    tiny_folder: Path, tmp_path: Path, file: str, content: bytes
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_folder, folder)
    (folder / file).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load(base_ref(folder))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_missing_are_not_made_up(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(tiny_folder, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match=r"incomplete: 1 are missing, model\.layers\.0\.mlp"):
        load(base_ref(folder))


def test_a_folder_with_code_of_its_own_does_not_run_it(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "custom"
    shutil.copytree(tiny_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "custom"
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('ran')\n")
    with pytest.raises(BadInput, match="needs code from its own repository"):
        load(base_ref(folder))


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for a gated model and for one that is not there."""

    def do_HEAD(self) -> None:
        gated = self.path.startswith("/owner/gated")
        self.send_response(403 if gated else 404)
        self.send_header("X-Error-Code", "GatedRepo" if gated else "RepoNotFound")
        self.send_header("X-Error-Message", "Access is restricted." if gated else "Not found.")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


LOAD_FROM_HUB = """
import sys
from pathlib import Path
from huggingface_hub import constants
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
for hub_id in sys.argv[1:]:
    constants.HF_HUB_OFFLINE = hub_id.endswith("offline")  # as the variable of this name sets it
    try:
        load(parse_ref(hub_id, Path("none"), Path("none")))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture(scope="module")
def from_hub(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What loading says of a gated model, of one that is not there, and of one without the hub: in
    a process of its own, as the hub's address is read at import."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    where = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path_factory.mktemp("hub")),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD_FROM_HUB, "owner/gated", "owner/missing", "owner/offline"],
        env={**os.environ, **where},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    server.shutdown()
    return done.stdout.splitlines()


def test_gated_and_missing_models_are_told_apart(from_hub: list[str]) -> None:
    gated, missing, _ = from_hub
    assert gated.startswith("BadInput: owner/gated is gated: accept its terms on https://")
    assert missing == (
        "BadInput: The hub has no model owner/missing that you may read: check its name."
    )


def test_without_the_hub_the_sentence_says_what_else_to_do(from_hub: list[str]) -> None:
    said = from_hub[-1]
    assert said.startswith("WorkFailed: owner/offline could not be loaded from the hub; check the")
    assert "give a folder" in said
