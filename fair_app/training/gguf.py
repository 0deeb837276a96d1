"""The body of a GGUF export: a checkpoint, merged, as one file for llama.cpp.

The format is that of the ggml project, whose `gguf` package writes it; which tensor and which
number goes where follows its documentation and llama.cpp's model loader.
"""

import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import (
    GGML_QUANT_SIZES,
    GGML_QUANT_VERSION,
    MODEL_ARCH,
    MODEL_ARCH_NAMES,
    MODEL_TENSOR,
    TENSOR_NAMES,
    GGMLQuantizationType,
    GGUFWriter,
    LlamaFileType,
    RopeScalingType,
    get_tensor_name_map,
)
from gguf.quants import quant_shape_to_byte_shape, quantize
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from fair_app.errors import BadInput
from fair_app.jobs.context import JobContext
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.gguf_tokenizer import add_tokenizer
from fair_app.training.limits import memory_in_a_sentence
from fair_app.whole_files import whole_file

ARCHITECTURES = {
    "llama": MODEL_ARCH.LLAMA,
    "mistral": MODEL_ARCH.LLAMA,
    "qwen2": MODEL_ARCH.QWEN2,
    "qwen3": MODEL_ARCH.QWEN3,
}
TYPES = {
    "f16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "bf16": (GGMLQuantizationType.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}


def run(job: JobContext) -> dict[str, Any]:
    """Write the checkpoint that the job's parameters name; result: files, bytes, tensors.

    Raises BadInput for a model or a tokenizer that is not written here, WorkFailed when memory or
    the disk is full.
    """
    params = job.params
    file = Path(params["file"])

    def written_so_far(done: int, total: int) -> None:
        job.check_cancelled()
        job.progress(f"writing {file.name}", done, total)

    ref = parse_ref(params["checkpoint"], job.settings.checkpoints, job.settings.models)
    with job.device(), memory_in_a_sentence():
        job.progress(f"loading {params['checkpoint']}", 0, 0)
        loaded = load(ref)
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as partial:
            written = write_gguf(
                loaded.model,
                loaded.tokenizer,
                partial,
                params["type"],
                params["name"],
                written_so_far,
            )
    job.log(f"{file.name}: {written} tensors, {file.stat().st_size:,} bytes")
    return {"files": [str(file)], "bytes": file.stat().st_size, "tensors": written}


def write_gguf(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    file: Path,
    kind: str,
    name: str,
    report: Callable[[int, int], None] = lambda *_: None,
) -> int:
    """Write plain weights with their tokenizer; how many tensors there are.

    Matrices get the type `kind` (of `TYPES`), everything else float32. `report` is called before
    each tensor and at the end with how many are written, of how many; it may raise Cancelled.
    Raises BadInput for an architecture or a tokenizer that is not written here.
    """
    config = model.config
    if config.model_type not in ARCHITECTURES:
        raise BadInput(
            f"GGUF files are not written here for a {config.model_type} model: `merge` the "
            "checkpoint and convert its folder with llama.cpp's own convert_hf_to_gguf.py."
        )
    architecture = ARCHITECTURES[config.model_type]
    writer = GGUFWriter(None, MODEL_ARCH_NAMES[architecture])
    _add_numbers(writer, config, kind, name)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        add_tokenizer(writer, Path(folder), model.get_input_embeddings().num_embeddings)
    tensors = dict(_tensors(model, architecture))
    for tensor_name, tensor in tensors.items():
        stored = _type(tensor, kind)
        shape = quant_shape_to_byte_shape(tuple(tensor.shape), stored)
        writer.add_tensor_info(tensor_name, shape, np.dtype(np.uint8), math.prod(shape), stored)
    writer.write_header_to_file(file)
    try:
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for done, tensor in enumerate(tensors.values()):
            report(done, len(tensors))  # converted one at a time: it may be a large model
            writer.write_tensor_data(quantize(tensor.float().cpu().numpy(), _type(tensor, kind)))
        report(len(tensors), len(tensors))
    finally:
        writer.close()
    return len(tensors)


def _add_numbers(writer: GGUFWriter, config: PreTrainedConfig, kind: str, name: str) -> None:
    head_size = _head_size(config)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_file_type(TYPES[kind][1])
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(head_size)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    match rope.get("rope_type", "default"):
        case "default":
            pass
        case "linear":
            writer.add_rope_scaling_type(RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        case "llama3" if config.model_type == "llama":
            pass  # a tensor says it: see `_frequency_factors`
        case other:
            raise BadInput(
                f"GGUF files are not written here for positions of the kind {other}: `merge` the "
                "checkpoint and convert its folder with llama.cpp's own convert_hf_to_gguf.py."
            )


def _head_size(config: PreTrainedConfig) -> int:
    own = getattr(config, "head_dim", None)
    return int(own or config.hidden_size // config.num_attention_heads)


def _frequency_factors(rope: dict[str, Any], head_size: int) -> torch.Tensor:
    """By what Llama 3.1 divides each frequency of its positions: by 1 the fast ones, by its factor
    the slow ones, by something between the rest."""
    exponents = torch.arange(0, head_size, 2, dtype=torch.float32) / head_size
    waves = 2 * math.pi * rope["rope_theta"] ** exponents
    turns = rope["original_max_position_embeddings"] / waves
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    share = ((turns - low) / (high - low)).clip(0, 1)
    return 1 / ((1 - share) / rope["factor"] + share)


def _tensors(
    model: PreTrainedModel, architecture: MODEL_ARCH
) -> Iterator[tuple[str, torch.Tensor]]:
    """The model's weights under GGUF's names, laid out as llama.cpp turns their positions."""
    config = model.config
    names = get_tensor_name_map(architecture, config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise BadInput(
                f"llama.cpp has no place for this model's {name}: keep the checkpoint as it is."
            )
        layer = name.split(".")[-2]
        in_pairs = architecture == MODEL_ARCH.LLAMA and layer in heads
        yield found, _in_pairs(tensor, heads[layer]) if in_pairs else tensor
    rope = config.rope_parameters
    if rope.get("rope_type") == "llama3":
        factors = _frequency_factors(rope, _head_size(config))
        yield f"{TENSOR_NAMES[MODEL_TENSOR.ROPE_FREQS]}.weight", factors


def _in_pairs(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """The rows of each head as neighbours that are turned together; here they lie half a head
    apart."""
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def _type(tensor: torch.Tensor, kind: str) -> GGMLQuantizationType:
    if tensor.dim() == 1:
        return GGMLQuantizationType.F32
    stored = TYPES[kind][0]
    block, _ = GGML_QUANT_SIZES[stored]
    return stored if tensor.shape[-1] % block == 0 else GGMLQuantizationType.F16
