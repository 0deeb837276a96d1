"""A tiny language model, a tokenizer of single bytes and made-up mistakes: seconds, no download."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from fair_app.training.examples import Text, TrainingQuestion
from fair_app.training.packing import Example, encode
from fair_app.training.pool import ExamplePool

END = "<end>"
CHAT_TEMPLATE = "{% for message in messages %}[{{ message.content }}]{% endfor %}>"


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([END, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        chat_template=CHAT_TEMPLATE,
    )


def tiny_model(seed: int = 0, *, tied: bool = False) -> LlamaForCausalLM:
    """Two layers, grouped keys, float32, weights large enough that attention matters."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=tied,
    )
    return LlamaForCausalLM(config)


def tiny_folder(folder: Path, *, tied: bool = False) -> Path:
    """The tiny model as a model folder."""
    tiny_model(tied=tied).bfloat16().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def questions(count: int = 5) -> list[TrainingQuestion]:
    """Mistakes with texts of different lengths from two teachers."""
    return [
        TrainingQuestion(
            question_id=number,
            prompt=f"What is {number} + {number * number}?",
            student_answer=f"It is {number}." * (number % 3 + 1),
            rationales=(
                Text("ann", f"{number} + {number * number} = {number + number * number}."),
                Text("bob", f"The answer is {number + number * number}." + " So it is." * number),
            ),
            feedback=(
                Text("ann", f"You forgot to add {number * number}."),
                Text("bob", "Wrong!" * (number + 1)),
            ),
        )
        for number in range(1, count + 1)
    ]


def in_brackets(_: object, text: str) -> str:
    """What the tiny tokenizer's chat template makes of a message."""
    return f"[{text}]>"


def example(part: str, prompt: str, response: str, max_tokens: int = 512) -> Example:
    found = encode(tiny_tokenizer(), in_brackets, part, prompt, response, max_tokens)  # type: ignore[arg-type]
    assert found is not None
    return found


def pool(asked: list[TrainingQuestion], max_tokens: int = 512) -> ExamplePool:
    return ExamplePool(tiny_tokenizer(), in_brackets, asked, max_tokens)
