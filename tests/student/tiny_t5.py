"""A tiny encoder-decoder student for tests: T5's own classes, random weights, and a tokenizer of a
few questions' words."""

import math
import string
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, PreTrainedModel, T5Tokenizer

from fair_app.student.loading import LoadedModel
from fair_app.tasks.registry import task
from tests.training.tiny import questions

SPECIAL = ["<pad>", "</s>", "<unk>"]
WORDS, RARE = 180, -12.0
"""How many words stand whole, and the logarithm of a single character's share."""
START, END = 0, 1
SHAPE: dict[str, Any] = {
    "d_model": 32,
    "d_kv": 16,
    "d_ff": 48,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "dropout_rate": 0.0,
    "decoder_start_token_id": START,
}


@cache
def pieces() -> tuple[tuple[str, float], ...]:
    """A unigram vocabulary: T5's special tokens, printable characters, and frequent words.

    It is counted, not trained: a trained one would be another in every process, and the tiny
    model's answers with it.
    """
    arithmetic = task("arithmetic")
    asked = [arithmetic.prompt(one) for one in arithmetic.load("train", limit=40)]
    made = [text.text for one in questions(8) for text in (*one.rationales, *one.feedback)]
    words = Counter(word for text in (*asked, *made) for word in text.split())
    frequent = sorted(words, key=lambda word: (-words[word], word))[:WORDS]
    return (
        *((piece, 0.0) for piece in SPECIAL),
        *((f"▁{word}", math.log(words[word] / words.total())) for word in frequent),
        *((character, RARE) for character in ["▁", *string.printable[:94]]),
    )


def t5_tokenizer() -> T5Tokenizer:
    return T5Tokenizer(vocab=list(pieces()), extra_ids=0)


def tiny_t5(family: str = "t5", *, own_head: bool = False, **changed: Any) -> PreTrainedModel:
    """Float32, the same at every call. `own_head`: not the embedding's, as in Flan-T5."""
    torch.manual_seed(0)
    shape = {"vocab_size": len(pieces()), **SHAPE, **changed}
    if own_head:
        shape["tie_word_embeddings"] = False
    model = AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model(family, **shape)).eval()
    if own_head:
        model.lm_head.weight = torch.nn.Parameter(torch.randn(len(pieces()), shape["d_model"]))
    return model


def loaded_t5(family: str = "t5", **changed: Any) -> LoadedModel:
    """A tiny student in float32 whose weights are large enough to say many things, and end them."""
    model = tiny_t5(family, **{"initializer_factor": 2.3, **changed})
    model.generation_config.eos_token_id = list(range(END, len(pieces()), 8))
    return LoadedModel(model, t5_tokenizer(), {})


def t5_folder(folder: Path, **changed: Any) -> Path:
    """The tiny student as a model folder, in bfloat16."""
    tiny_t5(**changed).to(torch.bfloat16).save_pretrained(folder)
    t5_tokenizer().save_pretrained(folder)
    return folder
