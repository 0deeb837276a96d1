"""Ways of accelerate to divide a student's weights among GPUs: none is used here. No torch.

Every process holds the whole student, and they add up their gradients (see `processes`). With 4-bit
weights and an adapter that is little; a run that was told to divide them must not think it does.
"""

from pathlib import Path
from typing import Any

import yaml

from fair_app.errors import BadInput

DIVIDING = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism_config",
}
"""The variables by which accelerate tells its processes so."""
WHOLE = ("NO", "MULTI_GPU", "MULTI_CPU")
"""What may stand as distributed_type: the ways in which every process holds all weights."""


def check_accelerate(file: Path) -> None:
    """Raise BadInput when a file of accelerate's settings cannot be read or divides the weights."""
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(f"{file} cannot be read: `accelerate config` writes such a file.") from error
    if not isinstance(content, dict):
        raise BadInput(f"{file} holds no settings: `accelerate config` writes such a file.")
    asked = str(content.get("distributed_type", "NO"))
    if asked not in WHOLE or content.get("parallelism_config"):
        name = asked if asked not in WHOLE else "a parallelism_config"
        raise BadInput(not_divided(str(file), name))


def not_divided(where: str, how: str) -> str:
    """What is said when weights are to be divided."""
    return (
        f"{where} asks for {how}, which divides the weights, and here every GPU holds all of them: "
        "set distributed_type to MULTI_GPU, and train on 4-bit weights what is too large otherwise."
    )
