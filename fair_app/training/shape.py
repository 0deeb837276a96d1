"""What a model is made of, read from the heads of its files: no weights and no torch.

A safetensors file begins with the length of its head (8 bytes, little-endian) and the head itself,
JSON with the shape of every tensor (the format's own documentation).
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache

from fair_app.errors import BadInput
from fair_app.student.base import ENCODER_DECODERS
from fair_app.student.registry import StudentRef

EMBEDDINGS = {
    "embed_tokens",
    "embed_in",
    "embed_out",
    "lm_head",
    "wte",
    "wpe",
    "shared",
    "relative_attention_bias",
}
"""Matrices that are neither kept in 4 bits nor given an adapter by "all-linear"."""
KEPT_BY_T5 = ("wo",)
LARGEST_HEAD = 100 * 2**20


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a model. `linear` has the shapes of its linear layers by module name.

    `layers` are those that a token passes: of the encoder, or of the decoder, whichever are more.
    """

    parameters: int
    linear: dict[str, tuple[int, int]]
    hidden: int
    layers: int
    vocabulary: int
    has_encoder: bool = False

    @property
    def quantized_parameters(self) -> int:
        """How many of the parameters "4bit" keeps in 4 bits: those of linear layers.

        The second matrix of a T5's feed-forward layers stays as it is, as transformers has it.
        """
        kept = KEPT_BY_T5 if self.has_encoder else ()
        return sum(prod(shape) for name, shape in self.linear.items() if not is_named(name, kept))

    @property
    def module_names(self) -> list[str]:
        """The last parts of the names of linear layers, the most frequent first."""
        return module_names(self.linear)

    def targeted(self, targets: str | list[str]) -> list[tuple[int, int]]:
        """The shapes of the layers that an adapter goes to. Raises BadInput as `check_targets`."""
        if isinstance(targets, str):
            return list(self.linear.values())
        check_targets(targets, self.linear)
        return [shape for name, shape in self.linear.items() if is_named(name, targets)]


def module_names(names: Iterable[str]) -> list[str]:
    """The last parts of module names, the most frequent first."""
    return [name for name, _ in Counter(name.rpartition(".")[2] for name in names).most_common()]


def is_named(module: str, targets: Iterable[str]) -> bool:
    """Whether a module's name is one of the targets or ends with one, as PEFT compares them."""
    return any(module == one or module.endswith(f".{one}") for one in targets)


def check_targets(targets: Iterable[str], modules: Iterable[str]) -> None:
    """Raise BadInput when a model has no module of one of these names, and say which it has."""
    known = list(modules)
    missing = [one for one in targets if not any(is_named(name, [one]) for name in known)]
    if missing:
        raise BadInput(
            f"This student has no module {', '.join(missing)}: it has "
            f"{', '.join(module_names(known))}."
        )


def rough_shape(parameters: int) -> ModelShape:
    """A shape for a model of which only the size is known: 12 square matrices a layer, and 128
    hidden units for each of the layers, as in the Llama models."""
    layers = max(1, round((parameters / (12 * 128**2)) ** (1 / 3)))
    hidden = 128 * layers
    linear = {
        f"{layer}.{place}": (hidden, hidden) for layer in range(layers) for place in range(12)
    }
    return ModelShape(parameters, linear, hidden, layers, vocabulary=32_000)


def shape_of(ref: StudentRef) -> ModelShape | None:
    """The shape of a student's base; None when its files are not on this machine."""
    folder = folder_of(ref)
    return read_shape(folder) if folder else None


def read_shape(folder: Path) -> ModelShape:
    """Read the shape of a model folder. Raises BadInput when its files cannot be read."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tensors = {
            name: tuple(tensor["shape"])
            for file in sorted(folder.glob("*.safetensors"))
            for name, tensor in _head(file).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{folder} does not hold a model that can be read: get it again.") from error
    config = {**config, **(config.get("text_config") or {})}
    return ModelShape(
        parameters=sum(map(prod, tensors.values())),
        linear={
            name.removesuffix(".weight"): (shape[0], shape[1])
            for name, shape in tensors.items()
            if name.endswith(".weight")
            and len(shape) == 2
            and name.removesuffix(".weight").rpartition(".")[2] not in EMBEDDINGS
        },
        hidden=_number(config, "hidden_size", "n_embd", "d_model"),
        layers=max(
            _number(config, "num_hidden_layers", "n_layer", "num_layers"),
            _number(config, "num_decoder_layers"),
        ),
        vocabulary=_number(config, "vocab_size"),
        has_encoder=config.get("model_type") in ENCODER_DECODERS,
    )


def folder_of(ref: StudentRef) -> Path | None:
    """Where the files of a student's base lie; None when they are not on this machine."""
    if ref.base_kind != "hub":
        folder = Path(ref.source)
        return folder if (folder / "config.json").is_file() else None
    cached = try_to_load_from_cache(ref.source, "config.json")
    snapshot = Path(cached).parent if isinstance(cached, str) else None
    return snapshot if snapshot and any(snapshot.glob("*.safetensors")) else None


def _head(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > LARGEST_HEAD:
            raise ValueError(f"{file.name} is no safetensors file")
        head = json.loads(opened.read(length))
    head.pop("__metadata__", None)
    return dict(head)


def _number(config: dict[str, Any], *names: str) -> int:
    """The first of these entries that a configuration has as a number, else 0."""
    return next((value for name in names if isinstance(value := config.get(name), int)), 0)
