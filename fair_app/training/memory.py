"""How much memory a run needs, what fits a machine, and what to do when it was too much. No torch.

The bytes are those of `MasterAdamW`: a trained weight has a float32 copy, its gradient and two
moments beside the bfloat16 that the model computes with.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fair_app.errors import BadInput
from fair_app.student.check import BYTES_PER_PARAMETER, GB, OVERHEAD_BYTES, Machine, size
from fair_app.student.registry import Quantization
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import ModelShape

MASTER_BYTES = 16
"""Float32 weight, gradient and AdamW's two moments."""
NF4_BYTES = 0.55
"""Four bits and, with double quantization, what their blocks are scaled by."""
ACTIVATION_BYTES = 72
"""A token's activations by layer and hidden unit, kept for the backward pass (measured with the
offline student in bfloat16: 1,024 tokens in a pass took 1.13 GB, 63.6 bytes of each; on a processor
the probabilities of its attention come to it, 4 to 7 bytes)."""
ROOM = 1.1
"""What lies between an allocator's blocks, and what a step needs for a moment."""
LABELS_AT_ONCE = 256
SMALLEST_PASS = 64
MOST_ON_A_PROCESSOR, MOST_ON_A_GPU = 2048, 16_384
"""Tokens a pass that are enough, however much memory there is. With the one docs/performance.md
was measured; the other holds a whole step of 16 pairs, so that the weights are read and taken out
of their 4 bits once."""
READ_AT_ONCE = 1024
READING_BYTES = 32
"""A token's activations by hidden unit where nothing is learned: those of one layer."""
CHECKPOINT_BELOW = 512
"""Tokens a pass under which recomputing activations saves more than smaller passes do."""


@dataclass(frozen=True)
class Room:
    """What bounds the memory of a pass. Neither changes the loss of a step, nor its gradient."""

    tokens_per_pass: int
    checkpointing: bool


def tighter(room: Room) -> Room | None:
    """The next smaller room after memory ran out; None when there is none.

    Half the tokens a pass (and so more accumulation), then activations computed again in the
    backward pass, then fewer tokens still.
    """
    if room.tokens_per_pass // 2 >= CHECKPOINT_BELOW:
        return replace(room, tokens_per_pass=room.tokens_per_pass // 2)
    if not room.checkpointing:
        return replace(room, checkpointing=True)
    if room.tokens_per_pass > SMALLEST_PASS:
        return replace(room, tokens_per_pass=max(SMALLEST_PASS, room.tokens_per_pass // 2))
    return None


def pass_need(hidden: int, layers: int, vocabulary: int, room: Room) -> float:
    """The bytes that a full pass takes beside the weights and their gradients, roughly."""
    every = ACTIVATION_BYTES * layers
    of_one = 2 * layers + ACTIVATION_BYTES  # each layer's input, and all of one layer
    kept = of_one if room.checkpointing else every
    logits = 3 * 4 * LABELS_AT_ONCE * vocabulary
    return ROOM * (room.tokens_per_pass * hidden * kept + logits)


def first_room(
    free: float, need: Callable[[Room], float], most: int, checkpointing: bool = False
) -> Room:
    """The largest room of at most `most` tokens a pass whose `need` is within the `free` bytes.

    Where none is, the tightest. With `checkpointing` activations are computed again in any case.
    """
    room = Room(most, checkpointing)
    while need(room) > free and (smaller := tighter(room)) is not None:
        room = smaller
    return room


def least_need(shape: ModelShape, settings: TrainingSettings, parts: int = 1) -> float:
    """The bytes that a process needs at least, about: one sequence a pass, activations recomputed.

    `parts`: the weights of the layers are divided among so many processes (see `sharding`), which
    hold two layers whole at a time.
    """
    layers = (
        NF4_BYTES * shape.quantized_parameters
        if settings.quantization == "4bit"
        else BYTES_PER_PARAMETER["none"] * shape.quantized_parameters
    )
    others = BYTES_PER_PARAMETER["none"] * (shape.parameters - shape.quantized_parameters)
    if parts > 1:
        layers = layers / parts + 2 * layers / max(1, shape.layers)
    weights = layers + others
    if settings.method == "full":
        trained: float = MASTER_BYTES * shape.parameters
    else:
        ends = sum(inner + outer for inner, outer in shape.targeted(settings.targets))
        trained = (MASTER_BYTES + BYTES_PER_PARAMETER["none"]) * settings.lora_rank * ends
    passes = pass_need(
        shape.hidden, shape.layers, shape.vocabulary, Room(settings.max_tokens, True)
    )
    return ROOM * (weights + trained) + passes + OVERHEAD_BYTES


def mentor_need(shape: ModelShape, trained_on: Quantization, machine: Machine) -> float:
    """The bytes that a mentor takes which is only read, roughly: its weights, and one pass.

    It is loaded in 4 bits on a GPU alone, where it was trained so.
    """
    quantized = shape.quantized_parameters if trained_on == "4bit" and machine.name else 0
    plain = BYTES_PER_PARAMETER["none"] * (shape.parameters - quantized)
    logits = 4 * 4 * LABELS_AT_ONCE * shape.vocabulary
    reading = READ_AT_ONCE * shape.hidden * READING_BYTES
    return ROOM * (NF4_BYTES * quantized + plain + reading + logits)


def memory_of(settings: TrainingSettings, machine: Machine) -> int:
    """The bytes that a run may take of a machine."""
    if settings.memory_gb is None:
        return machine.memory_bytes
    return min(machine.memory_bytes, round(settings.memory_gb * GB))


def check_fits(
    name: str, shape: ModelShape, settings: TrainingSettings, machine: Machine, parts: int = 1
) -> None:
    """Raise BadInput when a machine cannot hold a run of a student, and say what would fit.

    `parts` as in `least_need`.
    """
    memory = memory_of(settings, machine)
    need = least_need(shape, settings, parts)
    if need <= memory:
        return
    where = "memory limit" if memory < machine.memory_bytes else machine.name or "this machine"
    raise BadInput(
        f"To train {name} this way takes about {size(need)} of memory, more than the "
        f"{size(memory)} of {'the ' if memory < machine.memory_bytes else ''}{where}: "
        f"{_what_fits(shape, settings, memory)}."
    )


def _what_fits(shape: ModelShape, settings: TrainingSettings, memory: int) -> str:
    adapter = settings if settings.method != "full" else replace(settings, method="lora")
    for how, other in (
        ("use a LoRA adapter", adapter),
        ("use an adapter on 4-bit weights", replace(adapter, quantization="4bit")),
        (
            "use an adapter of rank 8 on 4-bit weights and at most 256 tokens a text",
            replace(
                adapter,
                quantization="4bit",
                lora_rank=min(8, settings.lora_rank),
                max_tokens=min(256, settings.max_tokens),
            ),
        ),
    ):
        need = least_need(shape, other)
        if need <= memory:
            return f"{how} (about {size(need)}), which fits"
    rest = memory - OVERHEAD_BYTES
    if rest < GB // 10:
        return "nothing can be trained in so little; give it more"
    largest = rest / (least_need(shape, replace(adapter, quantization="4bit")) - OVERHEAD_BYTES)
    most = largest * shape.parameters
    return f"take a student of at most about {_parameters(most)}, in 4 bits"


def _parameters(number: float) -> str:
    if number >= GB:
        return f"{number / GB:.1f} billion parameters"
    return f"{max(1, round(number / 10**6))} million parameters"
