"""How near the collector comes to what the network allows, and to the reference's way.

    python benchmarks/collect.py [--calls 6000] [--in-flight 64] [--latency 0.3]

A loopback server in a process of its own answers every call after the latency; so many in flight
allow in-flight/latency calls a second at best. The collector writes every call, rationale, feedback
and review into SQLite on the way. The reference sends one call after the other, on the same server.
Peak memory is that of the collecting process, which runs apart for each provider.
"""

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from fair_app.committee.base import Access, Request, Role  # noqa: E402
from fair_app.committee.registry import build  # noqa: E402
from fair_app.settings import Settings  # noqa: E402
from fair_app.studio.teachers import PROBE  # noqa: E402
from tests.committee.collecting import KEY, collect, spec_at, taught_at  # noqa: E402
from tests.wire.formats import PROVIDERS  # noqa: E402
from tests.wire.server import served_apart  # noqa: E402

SEQUENTIAL_CALLS = 20


def main() -> None:
    """Print a line for each provider, the reference's way, and memory by the number of calls."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.3, help="seconds of each answer")
    parser.add_argument("--flat", type=int, metavar="N", help="also N calls at no latency")
    chosen = parser.parse_args()
    ideal = chosen.in_flight / chosen.latency
    print(f"{chosen.in_flight} in flight, {chosen.latency} s an answer: ideal {ideal:.0f} calls/s")
    with served_apart("--latency", str(chosen.latency)) as url:
        slow = apart(sequentially, url, SEQUENTIAL_CALLS)
        print(f"one after the other  {slow:6.1f} calls/s")
        for provider in PROVIDERS:
            run = apart(collected, url, provider, chosen.calls, chosen.in_flight)
            report(provider, run, ideal, slow)
    if chosen.flat:
        with served_apart() as url:
            for calls in (1000, chosen.flat):
                run = apart(collected, url, "openai", calls, chosen.in_flight)
                print(f"{calls:7,} calls  peak {run[3]:.0f} MiB, {run[0] / run[1]:.0f} calls/s")


def report(provider: str, run: tuple[int, float, float, float], ideal: float, slow: float) -> None:
    """One line: pace, share of the ideal, times the reference, processor time a call, memory."""
    calls, seconds, cpu, peak = run
    pace = calls / seconds
    print(
        f"{provider:20} {pace:6.1f} calls/s, {pace / ideal:.0%} of the ideal, {pace / slow:.0f} "
        f"times one after the other; {1000 * cpu / calls:.2f} ms of CPU a call, "
        f"peak {peak:.0f} MiB",
        flush=True,
    )


def apart(work, *arguments):  # type: ignore[no-untyped-def]
    """Run in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def collected(
    url: str, provider: str, calls: int, in_flight: int
) -> tuple[int, float, float, float]:
    """A committee of three teachers of one provider: calls, seconds, CPU seconds, peak MiB."""
    os.environ["FAIR_TEST_KEY"] = KEY
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        specs = [spec_at(url, f"{provider}-{n}", provider) for n in range(3)]
        project = taught_at(settings, specs, calls // 12)
        began, cpu = time.perf_counter(), time.process_time()
        result = collect(settings, project, concurrency=in_flight)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert (result["left"], result["failed"]) == (0, 0), result
    # Linux counts in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return result["calls"], seconds, cpu, peak


def sequentially(url: str, calls: int) -> float:
    """Calls a second of one call after the other, through the same SDK."""
    os.environ["FAIR_TEST_KEY"] = KEY

    async def ask() -> float:
        from fair_app.keys import usable

        teacher = build(spec_at(url, "one"), Access(Settings(), usable()))
        began = time.perf_counter()
        for number in range(calls):
            await teacher.ask(Request(Role.RATIONALE, f"{PROBE.text} ({number})", "probe", PROBE))
        seconds = time.perf_counter() - began
        await teacher.close()
        return calls / seconds

    return asyncio.run(ask())


if __name__ == "__main__":
    main()
