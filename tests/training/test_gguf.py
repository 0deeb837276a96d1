"""GGUF files: read back by transformers' own loader, and what is refused."""

import json
from pathlib import Path

import pytest
import torch
from gguf import GGUFReader
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GgufConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from fair_app.errors import BadInput, Cancelled
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.gguf import write_gguf
from fair_app.training.gguf_tokenizer import pre_tokenizer
from fair_app.whole_files import whole_file
from tests.training.tiny import END, tiny_model, tiny_tokenizer

SIZES = {
    "vocab_size": 257,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "max_position_embeddings": 128,
    "bos_token_id": None,
    "eos_token_id": 0,
}


def read_back(file: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(gguf_file=file.name, dequantize=True),
    )


def field(file: Path, name: str) -> object:
    return GGUFReader(file).fields[name].contents()


@pytest.mark.model
def test_the_offline_student_comes_back_bit_for_bit(student_folder: Path, tmp_path: Path) -> None:
    ref = parse_ref(str(student_folder), tmp_path, tmp_path)
    loaded = load(ref)
    file = tmp_path / "student-f16.gguf"
    assert write_gguf(loaded.model, loaded.tokenizer, file, "f16", "student") == 272
    found = read_back(file).state_dict()
    for name, tensor in loaded.model.state_dict().items():
        # float16 has bfloat16's digits, but not its smallest numbers
        ours, theirs = tensor.float(), found[name].float()
        exact = ours.abs() >= 2**-17
        assert torch.equal(ours[exact], theirs[exact]), name
        assert torch.allclose(ours, theirs, rtol=0, atol=2**-25), name
    assert field(file, "tokenizer.chat_template") == loaded.tokenizer.chat_template
    assert field(file, "tokenizer.ggml.eos_token_id") == loaded.tokenizer.eos_token_id


@pytest.mark.parametrize(
    "model",
    [
        tiny_model,
        lambda: tiny_model(tied=True),
        lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES)),
        lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=128)),
    ],
    ids=["llama", "tied", "qwen2", "qwen3"],
)
def test_every_architecture_comes_back(model: object, tmp_path: Path) -> None:
    torch.manual_seed(3)
    one = model().bfloat16()  # type: ignore[operator]
    for parameter in one.parameters():  # of which some begin as ones and zeros
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    file = tmp_path / "tiny-bf16.gguf"
    write_gguf(one, tiny_tokenizer(), file, "bf16", "tiny")
    found = read_back(file).state_dict()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor.float(), found[name]), name


def test_a_cancelled_export_stops_at_the_next_tensor_and_leaves_nothing(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            raise Cancelled

    file = tmp_path / "tiny.gguf"
    with pytest.raises(Cancelled), whole_file(file) as partial:
        write_gguf(tiny_model(), tiny_tokenizer(), partial, "f16", "tiny", report)
    total = len(tiny_model().state_dict())
    assert seen == [(number, total) for number in range(4)]
    assert not list(tmp_path.iterdir())


def test_eight_bits_are_close_and_half_as_large(tmp_path: Path) -> None:
    model = tiny_model()
    for kind in ("f16", "q8_0"):
        write_gguf(model, tiny_tokenizer(), tmp_path / f"{kind}.gguf", kind, "tiny")
    found = read_back(tmp_path / "q8_0.gguf").state_dict()
    name = "model.layers.0.mlp.gate_proj.weight"
    ours = model.state_dict()[name]
    assert torch.allclose(ours, found[name], rtol=0, atol=float(ours.abs().max()) / 127)
    assert not torch.equal(ours, found[name])
    types = {one.name: one.tensor_type.name for one in GGUFReader(tmp_path / "q8_0.gguf").tensors}
    assert types["blk.0.ffn_gate.weight"] == "Q8_0"
    assert types["blk.0.attn_norm.weight"] == "F32"
    # a row of 48 is no whole number of blocks
    assert types["blk.0.ffn_down.weight"] == "F16"


def test_the_positions_of_llama_3_are_those_of_transformers(tmp_path: Path) -> None:
    rope = {
        "rope_type": "llama3",
        "rope_theta": 10_000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    model = LlamaForCausalLM(LlamaConfig(**SIZES, head_dim=32, rope_parameters=rope))
    file = tmp_path / "tiny.gguf"
    write_gguf(model, tiny_tokenizer(), file, "f16", "tiny")
    (factors,) = (one.data for one in GGUFReader(file).tensors if one.name == "rope_freqs.weight")
    plain = 1 / 10_000.0 ** (torch.arange(0, 32, 2) / 32)
    expected = plain / model.model.rotary_emb.inv_freq
    assert torch.allclose(torch.tensor(factors), expected)
    assert expected.min() == 1
    assert expected.max() == 8
    assert field(file, "llama.rope.freq_base") == 10_000.0
    assert field(file, "tokenizer.ggml.pre") == "gpt-2"


def test_pieces_have_the_scores_of_their_merges(tmp_path: Path) -> None:
    pieces = ["<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "b", "▁a", "ab"]
    merges = [("▁", "a"), ("a", "b")]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    model = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.ByteFallback()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    file = tmp_path / "pieces.gguf"
    write_gguf(tiny_model(), wrapped, file, "f16", "pieces")
    assert field(file, "tokenizer.ggml.model") == "llama"
    assert field(file, "tokenizer.ggml.tokens")[: len(pieces)] == pieces  # type: ignore[index]
    assert field(file, "tokenizer.ggml.scores")[4:9] == [-2, -2, -2, 0, -1]  # type: ignore[index]
    # unknown, two that control, a byte, the rest; then rows without a token
    types = field(file, "tokenizer.ggml.token_type")
    assert types[:10] == [2, 3, 3, 6, 1, 1, 1, 1, 1, 5]  # type: ignore[index]
    assert field(file, "tokenizer.ggml.add_space_prefix") is True
    assert field(file, "tokenizer.ggml.eos_token_id") == 2


def split_by(*steps: pre_tokenizers.PreTokenizer) -> dict[str, object]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(list(steps))
    return dict(json.loads(tokenizer.to_str()))


def test_a_way_to_split_is_known_or_refused() -> None:
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert pre_tokenizer(split_by(plain)) == "gpt-2"
    assert pre_tokenizer(split_by(pre_tokenizers.Digits(individual_digits=True), plain)) == "smollm"
    for unknown in (
        [pre_tokenizers.ByteLevel(add_prefix_space=True)],
        [pre_tokenizers.Digits(individual_digits=False), plain],
        [pre_tokenizers.Whitespace(), plain],
        [pre_tokenizers.Split("x", "removed"), plain],
    ):
        with pytest.raises(BadInput, match="this tokenizer's way to split a text: `merge`"):
            pre_tokenizer(split_by(*unknown))


def test_other_models_and_tokenizers_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "no.gguf"
    other = GPT2LMHeadModel(GPT2Config(vocab_size=257, n_embd=32, n_layer=1, n_head=2))
    with pytest.raises(BadInput, match="not written here for a gpt2 model: `merge`"):
        write_gguf(other, tiny_tokenizer(), file, "f16", "no")
    turned = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 2.0}
    far = LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=turned))
    with pytest.raises(BadInput, match="positions of the kind yarn"):
        write_gguf(far, tiny_tokenizer(), file, "f16", "no")
    words = Tokenizer(models.WordLevel({END: 0}, unk_token=END))
    wrapped = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=END)
    with pytest.raises(BadInput, match="a WordLevel tokenizer"):
        write_gguf(tiny_model(), wrapped, file, "f16", "no")
    small = LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": 100}))
    with pytest.raises(BadInput, match="more tokens than the model has rows"):
        write_gguf(small, tiny_tokenizer(), file, "f16", "no")
    assert not file.exists()
