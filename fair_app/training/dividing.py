"""How accelerate was told to divide a student's weights among processes. No torch.

FSDP2 divides those that are frozen below an adapter (see `sharding`). The other ways are not done
here, and a run that was told to use one must not think that it does.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fair_app.errors import BadInput

FSDP = "ACCELERATE_USE_FSDP"
NOT_DONE = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism_config",
}
"""The variables by which accelerate tells its processes so."""
WHOLE = ("NO", "MULTI_GPU", "MULTI_CPU")
"""What may stand as distributed_type where every process holds all weights."""
BY_LAYERS = ("", "TRANSFORMER_BASED_WRAP")
_YES, _NO = ("true", "1", "yes"), ("", "false", "0", "no", "none")


@dataclass(frozen=True)
class Sharding:
    """How frozen weights are divided.

    `layers` are the classes of the modules whose weights are gathered together; none: the model's
    own. With `reshard` they are given up between a layer's forward and its backward pass. With
    `in_turns` the processes of a machine load the student one after another.
    """

    layers: tuple[str, ...] = ()
    reshard: bool = True
    in_turns: bool = False


def shares(launch: Mapping[str, Any] | None) -> int:
    """Among how many processes a run's weights are divided; 1 where each holds all of them.

    `launch` says how the run's job starts its processes; where it starts none, accelerate may have
    started this one. Raises BadInput as `check_accelerate` and `told` do.
    """
    if launch is not None:
        return check_accelerate(Path(launch["config"])) if "config" in launch else 1
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    return launched if launched > 1 and told(os.environ) is not None else 1


def check_accelerate(file: Path) -> int:
    """Among how many processes a file of accelerate's settings divides the weights.

    Raises BadInput when it cannot be read, or asks for what is not done here.
    """
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(f"{file} cannot be read: `accelerate config` writes such a file.") from error
    if not isinstance(content, dict):
        raise BadInput(f"{file} holds no settings: `accelerate config` writes such a file.")
    asked = str(content.get("distributed_type", "NO"))
    if content.get("parallelism_config"):
        asked = "a parallelism_config"
    if asked in WHOLE:
        return 1
    if asked != "FSDP":
        raise BadInput(_not_done(str(file), asked))
    own = content.get("fsdp_config") or {}
    processes = content.get("num_processes", 1)
    if not isinstance(own, dict) or not isinstance(processes, int):
        raise BadInput(f"{file} has an fsdp_config or a num_processes that is none: correct it.")
    _sharding(str(file), {f"fsdp_{str(name).removeprefix('fsdp_')}": own[name] for name in own})
    return max(1, processes)


def told(environment: Mapping[str, str]) -> Sharding | None:
    """How accelerate has told this process to divide the weights; None for not at all.

    Raises BadInput for what is not done here.
    """
    for variable, name in NOT_DONE.items():
        if environment.get(variable, "").lower() in _YES:
            raise BadInput(_not_done("accelerate", name))
    if environment.get(FSDP, "").lower() not in _YES:
        return None
    return _sharding("accelerate", {name.lower(): environment[name] for name in environment})


def check_method(method: str, parts: int) -> None:
    """Raise BadInput when a method has no frozen weights that could be divided in `parts`."""
    if parts > 1 and method == "full":
        raise BadInput(
            "FSDP divides the frozen weights below an adapter, and method full freezes none: "
            "choose an adapter, or set distributed_type to MULTI_GPU."
        )


def _sharding(where: str, given: Mapping[str, Any]) -> Sharding:
    def said(name: str, default: str = "") -> str:
        value = given.get(name)
        return default if value is None else str(value).strip()

    def is_on(name: str, default: str) -> bool:
        value = said(name, default).lower()
        if value not in (*_YES, *_NO):
            raise BadInput(f"{where} has {name} {value}: give true or false.")
        return value in _YES

    if said("fsdp_version", "1") != "2":
        raise BadInput(f"{where} asks for the first version of FSDP: set fsdp_version to 2.")
    if is_on("fsdp_offload_params", "false"):
        raise BadInput(
            f"{where} asks for fsdp_offload_params, and a share stays on its GPU here: set it to "
            "false."
        )
    if is_on("fsdp_activation_checkpointing", "false"):
        raise BadInput(
            f"{where} asks for fsdp_activation_checkpointing, which comes by itself here where "
            "memory asks for it: set it to false."
        )
    if said("fsdp_auto_wrap_policy") not in BY_LAYERS:
        raise BadInput(
            f"{where} asks for {said('fsdp_auto_wrap_policy')}, and a model is divided by its "
            f"layers here: set fsdp_auto_wrap_policy to {BY_LAYERS[1]}."
        )
    # the file and the environment name it differently
    names = said("fsdp_transformer_layer_cls_to_wrap") or said("fsdp_transformer_cls_to_wrap")
    return Sharding(
        layers=tuple(name.strip() for name in names.split(",") if name.strip()),
        reshard=is_on("fsdp_reshard_after_forward", "true"),
        in_turns=is_on("fsdp_cpu_ram_efficient_loading", "true"),
    )


def _not_done(where: str, how: str) -> str:
    return (
        f"{where} asks for {how}, which divides the weights in a way that is not done here: set "
        "distributed_type to MULTI_GPU, or to FSDP with fsdp_version 2."
    )
