"""Small models for tests: the offline student in float32, and tiny random ones of single bytes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from fair_app.student.loading import LoadedModel, load
from fair_app.student.registry import parse_ref

BEGIN, END = "<|im_start|>", "<|im_end|>"
TINY_SHAPE = {
    "vocab_size": 258,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
MANY_ENDS = list(range(1, TINY_SHAPE["vocab_size"], 10))
"""As end tokens, they let a random model's answers end after some ten tokens."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small models are faster with one thread, and do not stall beside other work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def student(student_folder: Path) -> LoadedModel:
    """The offline student in float32, in which batches hardly change the logits."""
    loaded = load(parse_ref("smollm2-135m", Path("none"), student_folder.parent))
    return replace(loaded, model=loaded.model.float())


def tiny_model() -> PreTrainedModel:
    """A random Llama of two layers, the same at every call."""
    torch.manual_seed(0)
    config = LlamaConfig(**TINY_SHAPE, num_hidden_layers=2, max_position_embeddings=512)
    return LlamaForCausalLM(config).eval()


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, with the offline student's marks."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([BEGIN, END, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        padding_side="left",
        chat_template=(
            "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
            "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
            "{% endif %}"
        ),
    )


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model, saved in bfloat16."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model().to(torch.bfloat16).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_student() -> LoadedModel:
    """A tiny random model in float32 whose answers have many lengths."""
    model = tiny_model()
    model.generation_config.eos_token_id = MANY_ENDS
    return LoadedModel(model, tiny_tokenizer(), {})
