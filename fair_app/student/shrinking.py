"""The body of a shrinking job: a student with fewer of its layers, as a model folder of its own.

A model keeps working, if badly, when whole layers are left out of it, and learns again from there
(arXiv 1910.01108, section 3; arXiv 2004.03844). What is left is a smaller student with the same
tokenizer: the one kind that a mentor's soft labels need.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn import ModuleList
from transformers import PreTrainedModel

from fair_app.errors import BadInput
from fair_app.jobs.context import JobContext
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.student.shrunk import NOTE, kept_layers
from fair_app.whole_files import whole_folder


def run(job: JobContext) -> dict[str, Any]:
    """Shrink the student that the job's parameters name into a folder of the models.

    Result: folder, made_from, layers (how many are left), of, kept (which, from 0), parameters;
    the same stands in the folder. Raises BadInput for a student whose layers cannot be counted or
    are fewer than wanted, and as `loading.load` does; WorkFailed when the disk is full.
    """
    params = job.params
    folder = job.settings.models / params["name"]
    if not _is_made(folder, params):
        with job.device():
            job.progress(f"loading {params['student']}", 0, 0)
            ref = parse_ref(params["student"], job.settings.checkpoints, job.settings.models)
            loaded = load(ref)
            kept, total = shrink(loaded.model, params["layers"])
            job.check_cancelled()
            job.progress(f"writing {params['name']}", 0, 0)
            note = {
                "made_from": ref.ref,
                "base": ref.base,
                "layers": len(kept),
                "of": total,
                "kept": kept,
                "parameters": loaded.model.num_parameters(),
                "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            }
            with whole_folder(folder) as partial:
                loaded.model.save_pretrained(partial)
                loaded.tokenizer.save_pretrained(partial)
                (partial / NOTE).write_text(json.dumps(note, indent=2), encoding="utf-8")
    return {"folder": str(folder.resolve()), **_note(folder)}


def shrink(model: PreTrainedModel, layers: int | str) -> tuple[list[int], int]:
    """Leave evenly spaced layers of a decoder-only model, in place: which, and of how many.

    `layers` is as for `kept_layers`. The model is whole only after it was saved and loaded again:
    its layers still hold their former numbers. Raises BadInput where that cannot be done.
    """
    config = model.config.get_text_config()
    name = model.config.name_or_path
    if getattr(model.config, "is_encoder_decoder", False):
        raise BadInput(
            f"{name} is a {model.config.model_type} model: shrink a decoder-only one, as Llama."
        )
    if getattr(model.config, "quantization_config", None) is not None:
        raise BadInput(f"The weights of {name} are quantized: shrink the plain ones.")
    stack = _layers(model)
    total = len(stack)
    kept = kept_layers(total, layers)
    for number in reversed(range(total)):
        if number not in kept:
            del stack[number]
    config.num_hidden_layers = len(kept)
    for key, value in config.to_dict().items():
        if "layer" in key and isinstance(value, list | tuple) and len(value) == total:
            setattr(config, key, [value[number] for number in kept])
    _check_whole(model)
    return kept, total


def _layers(model: PreTrainedModel) -> ModuleList:
    """The one stack of a model's layers. Raises BadInput where there is none, or more."""
    total = model.config.get_text_config().num_hidden_layers
    stacks = {
        name: module for name, module in model.named_modules() if isinstance(module, ModuleList)
    }
    found = [
        module
        for name, module in stacks.items()
        if len(module) == total and not any(name.startswith(f"{other}.") for other in stacks)
    ]
    if len(found) != 1:
        raise BadInput(
            f"The layers of a {model.config.model_type} model are not one after another: shrink a "
            "model such as Llama, Qwen or Mistral."
        )
    return found[0]


def _check_whole(model: PreTrainedModel) -> None:
    """Raise BadInput unless a model made of the present settings would have these very weights.

    It would not where what stands in a layer depends on the layer's number.
    """
    with torch.device("meta"):
        expected = type(model)(model.config).state_dict()
    if _shapes(expected) != _shapes(model.state_dict()):
        raise BadInput(
            f"The layers of a {model.config.model_type} model are not alike, so that none can be "
            "left out: shrink a model such as Llama, Qwen or Mistral."
        )


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in weights.items()}


def _is_made(folder: Path, params: dict[str, Any]) -> bool:
    """Whether a process that was killed at the very end left just this student complete."""
    if not (folder / NOTE).is_file():
        return False
    note = _note(folder)
    kept = kept_layers(note["of"], params["layers"])
    return (note["made_from"], note["kept"]) == (params["student"], kept)


def _note(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    return found
