"""Loading a student: full or 4-bit, with or without a trained adapter. Imports torch.

What is loaded is free again when the process ends; every job has a process of its own.
"""

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils.logging import disable_progress_bar

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.base import ENCODER_DECODERS
from fair_app.student.offline import ensure_offline_student
from fair_app.student.out_of_memory import adapter_must_fit
from fair_app.student.registry import Quantization, StudentRef

_CANNOT_GENERATE = (
    "ForMaskedLM",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "EncoderModel",
)


@dataclass(frozen=True)
class LoadedModel:
    """A language model in evaluation mode, its tokenizer (left padding), and what they are.

    A decoder alone, or one of `ENCODER_DECODERS`.

    `description` is plain JSON: what moves answers and belongs beside them.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    description: dict[str, object]


def device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load(
    ref: StudentRef, quantization: Quantization = "none", where: torch.device | None = None
) -> LoadedModel:
    """Load a student for generation or training.

    "none" gives plain bfloat16 weights, with a checkpoint's adapter merged into them; where the
    adapter was trained on a 4-bit base, into that base's values, so that the student is the one
    that was trained. "4bit" gives NF4 with double quantization and bfloat16 products (QLoRA, arXiv
    2305.14314, section 3), with the adapter beside it. It is loaded onto `device()`, or to `where`.

    Raises BadInput when the model cannot be a student (missing, gated, of another kind, code or
    pickle in its folder), WorkFailed when the hub cannot be reached.
    """
    disable_progress_bar()  # of the weights: it fills the log of a job (downloads keep theirs)
    if ref.base_kind == "offline":
        ensure_offline_student(Path(ref.source).parent)
    base_quantization: Quantization = "4bit" if "4bit" in (quantization, ref.trained_on) else "none"
    tokenizer, model = _load_base(ref, base_quantization, where or device())
    if base_quantization == "4bit" and quantization == "none":
        model = model.dequantize(torch.bfloat16)
    if ref.adapter is not None:
        model = _with_adapter(model, ref.adapter, merge=quantization == "none")
    model.eval()
    gc.collect()  # what loading left over is as large as the model
    return LoadedModel(model, tokenizer, _describe(ref, model, quantization, base_quantization))


def load_tokenizer(ref: StudentRef) -> PreTrainedTokenizerBase:
    """The tokenizer that `load` gives, without the weights. Raises as `load` does."""
    if ref.base_kind == "offline":
        ensure_offline_student(Path(ref.source).parent)
    try:
        return _tokenizer(ref)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise _as_sentence(ref, error) from error


def has_encoder(ref: StudentRef) -> bool:
    """Whether a student's base reads with an encoder, without the weights. Raises as `load` does.

    A hub model's configuration may be downloaded for it.
    """
    if ref.base_kind == "offline":
        return False
    try:
        return bool(_config(ref).is_encoder_decoder)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise _as_sentence(ref, error) from error


def _config(ref: StudentRef) -> transformers.PreTrainedConfig:
    config = AutoConfig.from_pretrained(ref.source, trust_remote_code=False)
    _check_generates(ref, config)
    return config


def _tokenizer(ref: StudentRef) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(
        ref.source, trust_remote_code=False, padding_side="left"
    )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def _load_base(
    ref: StudentRef, quantization: Quantization, where: torch.device
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    try:
        config = _config(ref)
        tokenizer = _tokenizer(ref)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model, report = kind.from_pretrained(
            ref.source,
            dtype=torch.bfloat16,
            device_map={"": where},
            quantization_config=_nf4() if quantization == "4bit" else None,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        raise _as_sentence(ref, error) from error
    except torch.OutOfMemoryError as error:
        raise WorkFailed(
            f"{ref.base} does not fit into memory: use 4-bit weights or a smaller student."
        ) from error
    if report["missing_keys"]:  # transformers would go on with random numbers in their place
        missing = sorted(report["missing_keys"])
        raise BadInput(
            f"The weights of {ref.base} are incomplete: {len(missing)} are missing, "
            f"{missing[0]} among them. Get them again."
        )
    return tokenizer, model


def _nf4() -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _check_generates(ref: StudentRef, config: transformers.PreTrainedConfig) -> None:
    architectures = getattr(config, "architectures", None) or []
    known = ENCODER_DECODERS if config.is_encoder_decoder else MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if config.model_type not in known or any(
        name.endswith(_CANNOT_GENERATE) for name in architectures
    ):
        raise BadInput(
            f"{ref.base} is a {config.model_type} model, which cannot be a student: use a "
            "decoder-only language model such as Llama, Qwen or Mistral, or one of T5's kin (T5, "
            "Flan-T5, ByT5, mT5)."
        )


def _as_sentence(ref: StudentRef, error: Exception) -> Exception:
    """What transformers says in many lines, as one sentence that says what to do."""
    if isinstance(error, BadInput):
        return error
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return BadInput(
            f"{ref.base} is gated: accept its terms on https://huggingface.co/{ref.base} and set "
            "HF_TOKEN."
        )
    if any(isinstance(cause, RepositoryNotFoundError | HFValidationError) for cause in causes):
        return BadInput(f"The hub has no model {ref.base} that you may read: check its name.")
    if "trust_remote_code" in str(error):
        return BadInput(
            f"{ref.base} needs code from its own repository, which is not run here: choose a model "
            "that transformers knows."
        )
    first_line = str(error).strip().split("\n")[0].rstrip(".")
    if ref.base_kind == "hub":
        return WorkFailed(
            f"{ref.base} could not be loaded from the hub; check the connection, or give a folder "
            f"that holds the model ({first_line})."
        )
    return BadInput(f"{ref.base} cannot be loaded: {first_line}. Get it again, or choose another.")


def _with_adapter(model: PreTrainedModel, adapter: Path, *, merge: bool) -> PreTrainedModel:
    from peft import PeftModel

    with adapter_must_fit(adapter):
        adapted = PeftModel.from_pretrained(model, adapter)
    # Both return transformers' own model; unmerged, with the LoRA layers in their places.
    return adapted.merge_and_unload() if merge else adapted.get_base_model()


def _describe(
    ref: StudentRef,
    model: PreTrainedModel,
    quantization: Quantization,
    base_quantization: Quantization,
) -> dict[str, object]:
    own_quantization = getattr(model.config, "quantization_config", None)
    if quantization == "none" and own_quantization is not None:
        as_loaded = str(getattr(own_quantization, "quant_method", "unknown"))
    else:
        as_loaded = quantization
    return {
        "student": ref.ref,
        "base": ref.base,
        "model_type": model.config.model_type,
        "parameters": model.num_parameters(),
        "dtype": str(model.dtype).removeprefix("torch."),
        "quantization": as_loaded,
        "base_quantization": base_quantization,
        "device": _device_name(device()),
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _device_name(where: torch.device) -> str:
    return torch.cuda.get_device_name(where) if where.type == "cuda" else where.type
