"""A student whose frozen weights are divided among the processes of a run (FSDP2). Imports torch.

Each process keeps its share of every layer's weights, plain or in 4 bits; when a layer's turn
comes, forward or backward, all gather it, compute, and give the others' shares up again. The
adapter is small: every process holds it whole, and its gradients are added up as they are without
sharding. So the losses, the state and the checkpoint are those of any other run, and a run may be
resumed either way. Embedding, head and the scales of 4-bit blocks stay whole, too.

All processes must gather a layer at the same time: see `fair_app.training.in_step`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn import Module, Parameter

from fair_app.errors import BadInput
from fair_app.student.encoder_decoder import is_encoder_decoder
from fair_app.training.dividing import Sharding, check_method
from fair_app.training.methods import Trainee, causal_model
from fair_app.training.processes import Processes

PROCESSOR = torch.device("cpu")


@contextmanager
def in_turn(processes: Processes) -> Iterator[None]:
    """Let the processes of a machine do something one after another, where they were told to.

    Loading takes the machine's memory for the whole student, once instead of once a process.
    """
    turns, place = 0, 0
    if processes.sharding is not None and processes.sharding.in_turns:
        turns, place = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
    for _ in range(place):
        distributed.barrier()
    yield
    for _ in range(turns - place):
        distributed.barrier()


def mesh_of(processes: Processes, where: torch.device) -> DeviceMesh:
    """The processes as FSDP takes them; all must ask for it at the same time."""
    return init_device_mesh(where.type, (processes.size,))


def divide(student: Trainee, sharding: Sharding, mesh: DeviceMesh, where: torch.device) -> None:
    """Keep this process's share of a student's frozen layers, and bring it to the device `where`.

    The student is one with an adapter (see `methods.with_adapter`) and may lie on the processor:
    no more than a layer of it is whole on `where` at a time.
    Raises BadInput for a student that cannot be divided: one without frozen weights or with an
    encoder, or whose layers are not found.
    """
    model = causal_model(student)
    parts = mesh.size()
    check_method("lora" if model is not student else "full", parts)
    if is_encoder_decoder(model):
        raise BadInput(
            "FSDP divides decoder-only students alone: set distributed_type to MULTI_GPU."
        )
    layers = layers_of(model, sharding)
    adapter = {one for one in student.parameters() if one.requires_grad}
    for layer in layers:
        _unwrap_4_bit(layer, where)
        fully_shard(
            layer, mesh=mesh, reshard_after_forward=sharding.reshard, ignored_params=adapter
        )
    whole = {one for one in student.parameters() if not isinstance(one, DTensor)}
    # without weights of its own: as the root it knows when a pass begins and ends
    fully_shard(model.get_decoder(), mesh=mesh, ignored_params=whole)
    for tensor in (*whole, *student.buffers()):
        tensor.data = tensor.data.to(where)


def layers_of(model: Module, sharding: Sharding) -> list[Module]:
    """The modules whose weights are gathered together. Raises BadInput where there are none."""
    names = set(sharding.layers or getattr(model, "_no_split_modules", None) or ())
    found = [one for one in model.modules() if type(one).__name__ in names]
    if not found:
        asked = ", ".join(sorted(names)) or "of a known kind"
        raise BadInput(
            f"This student has no layers {asked} that FSDP could divide: name their class as "
            "fsdp_transformer_layer_cls_to_wrap."
        )
    return found


def _unwrap_4_bit(layer: Module, where: torch.device) -> None:
    """Leave 4-bit weights as plain bytes, whose scales bitsandbytes finds at their module.

    FSDP makes plain parameters of them in any case; the scales would be left on the processor.
    """
    for module in layer.modules():
        weight = module._parameters.get("weight")
        state = getattr(weight, "quant_state", None)
        if weight is not None and state is not None:
            state.to(where)
            module.quant_state = state
            module.weight = Parameter(weight.data.to(where), requires_grad=False)
