"""Processes that share a model's layers make as many passes each.

It knows no adapters: a preview, which only draws and tokenises, need not wait for their library.
"""

from dataclasses import replace

import torch

from fair_app.training.packing import Pack, Segment, StepBatch
from fair_app.training.processes import Processes


def in_step(batch: StepBatch, processes: Processes) -> StepBatch:
    """A process's part of a step, with as many passes as any other process has.

    A pass gathers the layers, which takes all processes: who has no pack for it computes a token
    that counts for nothing. Without sharding the batch stays as it is.
    """
    if processes.sharding is None:
        return batch
    kinds = [[one for one in batch.packs if one.weighs == weighs] for weighs in (True, False)]
    most = processes.most([len(packs) for packs in kinds])
    packs = [
        pack
        for packs, count, weighs in zip(kinds, most, (True, False), strict=True)
        for pack in (*packs, *[idle(weighs=weighs)] * (int(count) - len(packs)))
    ]
    return replace(batch, packs=tuple(packs))


def idle(*, weighs: bool) -> Pack:
    """A pass of one token and no label: its loss is nothing, and so is its gradient."""
    places, none = torch.zeros(1, 1, dtype=torch.long), torch.empty(0, dtype=torch.long)
    return Pack(
        tokens=places,
        positions=places,
        segments=(Segment(1),),
        sources=none,
        labels=none,
        weights=torch.empty(0),
        is_feedback=torch.empty(0, dtype=torch.bool),
        examples=(),
        weighs=weighs,
    )
