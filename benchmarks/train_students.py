"""The students of the training benchmark, and what a machine could do at the most."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bitsandbytes
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from fair_app.student.loading import LoadedModel, load, load_tokenizer
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.student.registry import Quantization, parse_ref

REPOSITORY = Path(__file__).resolve().parents[1]
MODELS = REPOSITORY / "db" / "models"
LLAMA = "llama-2-7b"
STUDENTS = (OFFLINE_STUDENT, LLAMA)
SHAPE = {
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "max_position_embeddings": 4096,
}
"""Of Llama-2-7B (arXiv 2307.09288); its words are the offline student's 49,152."""


@dataclass(frozen=True)
class Arithmetic:
    """What a token costs in a LoRA step, in FLOP: in the layers, and as a label in the head.

    The frozen weights are gone through twice: forward, and backward by the activations.
    """

    token: float
    label: float


def student(name: str, quantization: Quantization) -> LoadedModel:
    """Load a student; that of a shape is made of random weights, on the GPU where there is one."""
    ref = parse_ref(OFFLINE_STUDENT, MODELS, MODELS)
    if name == OFFLINE_STUDENT:
        return load(ref, quantization)
    tokenizer = load_tokenizer(ref)
    config = LlamaConfig(**SHAPE, vocab_size=len(tokenizer), tie_word_embeddings=False)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return LoadedModel(random_student(config, quantization, device), tokenizer, {})


def random_student(
    config: LlamaConfig, quantization: Quantization, device: torch.device
) -> PreTrainedModel:
    """A model of a shape with random weights, plain or in 4 bits as `load` has them."""
    torch.manual_seed(0)
    with device:
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    if quantization == "4bit":
        for name, module in list(model.named_modules()):
            if isinstance(module, torch.nn.Linear) and name != "lm_head":
                model.set_submodule(name, _in_4_bits(module, device))
        model.is_loaded_in_4bit = True  # PEFT and TRL look for it
    return model.eval()


def _in_4_bits(module: torch.nn.Linear, device: torch.device) -> torch.nn.Module:
    made = bitsandbytes.nn.Linear4bit(
        module.in_features,
        module.out_features,
        bias=False,
        compute_dtype=torch.bfloat16,
        compress_statistics=True,
        quant_type="nf4",
        device="meta",
    )
    made.weight = bitsandbytes.nn.Params4bit(
        module.weight.data.cpu(), requires_grad=False, compress_statistics=True, quant_type="nf4"
    ).to(device)
    return made


def arithmetic(model: PreTrainedModel) -> Arithmetic:
    """What a step costs with this model, before it has an adapter."""
    head = model.get_output_embeddings()
    layers = sum(
        module.in_features * module.out_features
        for module in model.modules()
        if hasattr(module, "in_features") and module is not head
    )
    return Arithmetic(4.0 * layers, 4.0 * head.in_features * head.out_features)


def most_flops(device: torch.device) -> float:
    """The FLOP/s of this machine's largest bfloat16 products, the best of some."""
    size, times = (8192, 20) if device.type == "cuda" else (2048, 10)
    one = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(times):
        wait(device)
        began = time.perf_counter()
        one @ one
        wait(device)
        best = max(best, 2.0 * size**3 / (time.perf_counter() - began))
    return best


def wait(device: Any) -> None:
    """Let a GPU finish what it was asked for."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
