"""Processes for tests, forked from one that has loaded torch and its kin already: loading them
takes longer than most of what such a process does."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch

from tests.ports import free_port

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [f"tests.training.{one}" for one in ("launched", "limited", "soft_launched")] + ["bitsandbytes"]
)
TIMEOUT_S = 600
"""On a machine that does much else beside."""


def together(processes: int, work: Callable[..., Any], *given: Any, **told: str) -> Any:
    """What `work` returns in the first of so many processes of a run.

    In the environment they are told their places as accelerate and torchrun do, and `told` beside.
    """
    port = str(free_port())
    with ProcessPoolExecutor(processes, mp_context=FORKS) as pool:
        at_work = [
            pool.submit(_placed, _place(rank, processes, port) | told, work, given)
            for rank in range(processes)
        ]
        first, *_ = [one.result(TIMEOUT_S) for one in at_work]
        return first


def killed(until: Callable[[Any], bool], work: Callable[..., Any], *given: Any) -> list[Any]:
    """What a process has told when it is killed, with the first that it is killed at.

    `work` gets a function to tell with, then what is `given`.
    """
    heard, tell = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_telling, args=(tell, work, given))
    process.start()
    tell.close()
    found = [heard.recv()]
    while not until(found[-1]):
        found.append(heard.recv())
    process.kill()
    process.join(TIMEOUT_S)
    assert process.exitcode == -signal.SIGKILL
    return found


def _place(rank: int, processes: int, port: str) -> dict[str, str]:
    return {
        **dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank)),
        **dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes)),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }


def _placed(environment: dict[str, str], work: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    os.environ.update(environment)
    torch.set_num_threads(1)
    return work(*given)


def _telling(tell: Any, work: Callable[..., Any], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)  # as in the process that goes on: sums depend on it
    work(tell.send, *given)
