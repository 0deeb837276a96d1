"""Which kernels compute a run: chosen by what is there, and told in its log and lineage.

On a GPU with liger-kernel (requirements-gpu.txt) the norms, the rotation of positions and the gated
products of a layer are fused into Triton kernels (arXiv 2410.10989), which keep fewer activations.
Its fused linear cross-entropy is left out: with a weight for every token it computes the logits a
second time in the backward pass, and `loss` has its order of work with the logits computed once.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from transformers import PreTrainedModel

from fair_app.student.encoder_decoder import is_encoder_decoder
from fair_app.training.attention import FLASH, attention_of, is_packable

LIGER = "liger-kernel"


def fuse(model: PreTrainedModel) -> str | None:
    """Fuse what can be fused of a loaded model's layers; says by what, None where nothing was."""
    installed = _installed()
    if installed is None or model.device.type != "cuda":
        return None
    patches = import_module("liger_kernel.transformers.monkey_patch")
    if model.config.model_type not in patches.MODEL_TYPE_TO_APPLY_LIGER_FN:
        return None
    # the same entry that transformers' Trainer uses
    import_module("liger_kernel.transformers")._apply_liger_kernel_to_instance(
        model, cross_entropy=False, fused_linear_cross_entropy=False
    )
    return installed


def kernels(model: PreTrainedModel, fused: str | None) -> dict[str, str]:
    """What computes a run of a model, in words."""
    if is_encoder_decoder(model):
        attention = "SDPA over padded rows, prompts and responses apart"
    elif not is_packable(model):
        attention = "one sequence a pass"
    elif attention_of(model) == FLASH:
        attention = "flash attention over packed segments"
    else:
        attention = "SDPA for each packed segment"
    return {"attention": attention, "layers": fused or "as transformers has them"}


def _installed() -> str | None:
    try:
        return f"{LIGER} {version(LIGER)}"
    except PackageNotFoundError:
        return None
