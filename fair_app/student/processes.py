"""A student on every core: copies of a small model in processes of one thread each.

A step of a small model is many small operations, at which two threads wait for one another more
than they work; two processes do not. Imports torch only in the copies.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.base import Completion, Decoding, PromptStyle, never_cancelled
from fair_app.student.registry import Quantization, StudentRef

QUESTIONS_A_PROCESS = 8
"""Fewer are not worth another copy of the model."""
MEMORY_SHARE = 0.25
"""Of the free memory, what the weights of all copies may take."""
LOOK_EVERY_S = 0.5


class CopiedStudent:
    """Copies of a student that share the questions; see `fair_app.student.base.Student`.

    Equal prompts with one seed go to one copy, so that a sampled answer's random numbers are those
    of one process. Close it when the work is done.
    """

    def __init__(
        self,
        ref: StudentRef,
        quantization: Quantization,
        copies: int,
        prompts: PromptStyle = "chat",
    ) -> None:
        context = get_context("spawn")
        self._copies: list[tuple[BaseProcess, Connection]] = []
        for _ in range(copies):
            here, there = context.Pipe()
            process = context.Process(
                target=_serve, args=(ref, quantization, prompts, there, os.getpid()), daemon=True
            )
            process.start()
            there.close()
            self._copies.append((process, here))
        try:
            described = [_received(pipe, "ready") for _, pipe in self._copies]
        except BaseException:
            self.close()
            raise
        self.description: dict[str, object] = {**described[0], "processes": copies}

    def answer(
        self,
        prompts: Sequence[str],
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
        seeds: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Completion]]:
        """Yield `(index into prompts, completion)` as answers finish in any of the copies.

        Raises what a copy raises, WorkFailed when one has died, and what `cancelled` raises.
        """
        seeds = [decoding.seed] * len(prompts) if seeds is None else seeds
        shares = dealt(list(zip(prompts, seeds, strict=True)), len(self._copies))
        at_work: dict[Connection, list[int]] = {}
        for (_, pipe), share in zip(self._copies, shares, strict=True):
            if share:
                asked = [prompts[index] for index in share]
                pipe.send((asked, decoding, [seeds[index] for index in share]))
                at_work[pipe] = share
        while at_work:
            cancelled()
            ready = wait(list(at_work), LOOK_EVERY_S)
            for pipe in [one for one in at_work if one in ready]:
                message = _received(pipe, "answer", "done")
                if message is None:
                    del at_work[pipe]
                    continue
                place, completion, self.description["batch_size"] = message
                yield at_work[pipe][place], completion

    def close(self) -> None:
        """End the copies and give their memory back."""
        for process, pipe in self._copies:
            process.kill()
            process.join()
            pipe.close()
        self._copies.clear()


def copies_that_fit(ref: StudentRef, questions: int) -> int:
    """In how many processes a student should answer so many questions on this machine's cores.

    One, unless its weights are a folder on this disk, small beside the free memory, and there are
    questions enough for more.
    """
    folder = Path(ref.source)
    if not folder.is_dir():
        return 1
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    room = int(MEMORY_SHARE * psutil.virtual_memory().available / max(1, weights))
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, room, questions // QUESTIONS_A_PROCESS))


def dealt(asked: Sequence[tuple[str, int]], copies: int) -> list[list[int]]:
    """Indices of prompts and seeds in as many shares: long and short evenly, equals together."""
    shares: list[list[int]] = [[] for _ in range(copies)]
    share_of: dict[tuple[str, int], list[int]] = {}
    by_length = sorted(range(len(asked)), key=lambda index: -len(asked[index][0]))
    for index in by_length:
        share = share_of.setdefault(asked[index], min(shares, key=len))
        share.append(index)
    return shares


def _received(pipe: Connection, *kinds: str) -> Any:
    """The next message of a copy; what it raised is raised here."""
    try:
        kind, content = pipe.recv()
    except (EOFError, ConnectionError):
        raise WorkFailed(
            "A process of the student ended without a word, perhaps for lack of memory; resume to "
            "go on."
        ) from None
    if kind == "fault":
        raise content
    assert kind in kinds
    return content


def _serve(
    ref: StudentRef,
    quantization: Quantization,
    style: PromptStyle,
    pipe: Connection,
    parent: int,
) -> None:
    """A copy's life: load, then answer what comes through the pipe until the parent is gone."""
    # Read when torch is first imported, which is below.
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    from fair_app.student.generation import TransformersStudent
    from fair_app.student.loading import load

    torch.set_num_threads(1)

    def end_with_parent() -> None:
        if os.getppid() != parent:
            os._exit(1)

    try:
        student = TransformersStudent(load(ref, quantization), prompts=style)
        pipe.send(("ready", student.description))
        while True:
            prompts, decoding, seeds = pipe.recv()
            for place, completion in student.answer(prompts, decoding, end_with_parent, seeds):
                pipe.send(("answer", (place, completion, student.batch_size)))
            pipe.send(("done", None))
    except (BadInput, WorkFailed) as fault:
        pipe.send(("fault", fault))
    except (EOFError, ConnectionError, KeyboardInterrupt):
        return  # The parent is gone, or ends us.
