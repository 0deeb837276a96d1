"""`students shrink`: which layers are kept, with their own weights, and a student comes out."""

import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from db import jobs
from db.store import connect
from fair_app.cli.main import main
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.student.shrinking import shrink
from fair_app.student.shrunk import NOTE, kept_layers
from tests.training.tiny import tiny_folder, tiny_model, tiny_tokenizer

SMALL = {
    "vocab_size": 257,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.3,
}
TOKENS = torch.tensor([[5, 77, 130, 9, 200]])


def deep_model(layers: int) -> LlamaForCausalLM:
    """The tiny model with more layers, all of them different."""
    torch.manual_seed(0)
    config = tiny_model().config
    config.num_hidden_layers = layers
    return LlamaForCausalLM(config).eval()


def saved_again(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    model.save_pretrained(folder)
    return AutoModelForCausalLM.from_pretrained(folder).eval()


@given(st.integers(2, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1))))
def test_kept_layers_are_evenly_spaced_from_the_first_to_the_last(case: tuple[int, int]) -> None:
    total, keep = case
    kept = kept_layers(total, keep)
    assert len(kept) == keep
    assert kept[0] == 0
    if keep > 1:
        assert kept[-1] == total - 1
        steps = [after - before for before, after in pairwise(kept)]
        assert min(steps) >= 1
        assert max(steps) - min(steps) <= 1


def test_half_is_rounded_down() -> None:
    assert kept_layers(30, "half") == kept_layers(30, 15)
    assert kept_layers(5, "half") == [0, 4]
    assert kept_layers(2, "half") == [0]


@pytest.mark.parametrize(("total", "keep"), [(4, 4), (4, 5), (1, "half")])
def test_nothing_to_leave_out_is_refused(total: int, keep: int | str) -> None:
    with pytest.raises(BadInput, match=f"The student has {total} layers"):
        kept_layers(total, keep)


def test_what_is_left_computes_with_the_kept_layers_own_weights(tmp_path: Path) -> None:
    whole, model = deep_model(5), deep_model(5)
    assert shrink(model, 3) == ([0, 2, 4], 5)
    smaller = saved_again(model, tmp_path / "smaller")
    assert smaller.config.num_hidden_layers == 3
    expected = deep_model(3)
    numbers = {"0": "0", "2": "1", "4": "2"}
    weights = {}
    for name, weight in whole.state_dict().items():
        parts = name.split(".")
        if parts[1] == "layers":
            if parts[2] not in numbers:
                continue
            parts[2] = numbers[parts[2]]
        weights[".".join(parts)] = weight
    expected.load_state_dict(weights)
    with torch.inference_mode():
        assert torch.equal(smaller(TOKENS).logits, expected(TOKENS).logits)
        with_cache = smaller.generate(TOKENS, max_new_tokens=5, do_sample=False, use_cache=True)
        without = smaller.generate(TOKENS, max_new_tokens=5, do_sample=False, use_cache=False)
    assert torch.equal(with_cache, without)


def test_settings_of_each_layer_go_with_it(tmp_path: Path) -> None:
    types = ["full_attention", "sliding_attention", "full_attention", "sliding_attention"]
    config = Qwen2Config(
        **SMALL,
        num_hidden_layers=4,
        layer_types=types,
        use_sliding_window=True,
        sliding_window=8,
        tie_word_embeddings=True,
    )
    model = Qwen2ForCausalLM(config)
    shrink(model, 2)
    smaller = saved_again(model, tmp_path / "smaller")
    assert smaller.config.layer_types == ["full_attention", "sliding_attention"]


def test_layers_that_are_not_alike_are_not_left_out() -> None:
    config = Qwen3MoeConfig(
        **SMALL,
        num_hidden_layers=3,
        mlp_only_layers=[1],
        num_experts=2,
        num_experts_per_tok=1,
        moe_intermediate_size=8,
    )
    with pytest.raises(BadInput, match="not alike"):
        shrink(Qwen3MoeForCausalLM(config), 2)


def test_an_encoder_decoder_is_not_shrunk() -> None:
    config = T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2, vocab_size=32)
    with pytest.raises(BadInput, match="t5 model: shrink a decoder-only one"):
        shrink(T5ForConditionalGeneration(config), "half")


# ---- the command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home beside a model folder of four layers."""
    folder = tmp_path / "deep"
    deep_model(4).bfloat16().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return tmp_path / "home"


def run(home: Path, line: str) -> int:
    return main(["--home", str(home), *shlex.split(line)])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out))


def test_a_shrunk_student_is_a_student(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    origin = home.parent / "deep"
    assert run(home, f"--json students shrink --student {origin} --layers half --name half") == 0
    result = told(capsys)
    folder = Path(result["folder"])
    assert folder == (home / "models" / "half").resolve()
    assert (result["layers"], result["of"], result["kept"]) == (2, 4, [0, 3])
    assert result["made_from"] == str(origin)
    assert not [file for file in folder.iterdir() if file.suffix in (".bin", ".pt", ".pkl")]
    assert not list(folder.parent.glob(".*"))
    note = json.loads((folder / NOTE).read_text())
    assert {key: result[key] for key in note} == note
    settings = Settings(home=home)
    loaded = load(parse_ref(str(folder), settings.checkpoints, settings.models))
    assert loaded.model.num_parameters() == result["parameters"]
    assert loaded.model.config.num_hidden_layers == 2
    assert loaded.tokenizer("What is 2 + 2?") == tiny_tokenizer()("What is 2 + 2?")
    job = jobs.listed(connect(settings.database), None, 1)[0]
    assert (job.kind, job.state, job.project_id) == ("shrink", "succeeded", None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--student {deep} --layers 4 --name a", "at most 3, not 4"),
        ("--student {deep} --layers none --name a", "is not a number of layers"),
        ("--student {deep} --layers 0 --name a", "is not a number of layers"),
        ("--student {deep} --layers half --name ../a", "cannot be a student's name"),
        ("--student {deep} --layers half --name smollm2-135m", "choose another name"),
        ("--student {deep}/no --layers half --name a", "There is no model folder"),
    ],
)
def test_what_cannot_be_shrunk_so_is_a_sentence(
    home: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    line = options.format(deep=home.parent / "deep")
    assert run(home, f"students shrink {line}") == 2
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
    models = home / "models"
    assert not models.exists() or not list(models.iterdir())


def test_a_taken_name_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_folder(home / "models" / "mine")
    line = f"students shrink --student {home.parent / 'deep'} --layers 1 --name mine"
    assert run(home, line) == 2
    assert "choose another name" in capsys.readouterr().err
