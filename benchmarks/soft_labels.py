"""What a mentor's soft labels cost: seconds a step without them, online, and stored in either form.

`python benchmarks/soft_labels.py --rounds 2` lets the ways take turns on the same pairs and steps,
each run in a process of its own. Loading and the first step are not counted; making the store is
counted apart, with its size. The pairs are those of `benchmarks/train.py`. Student and mentor are
the offline student, or other REFs with one tokenizer. A round takes four to five minutes on two
cores.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # noqa: E402

from benchmarks.train_pairs import published_folder, questions  # noqa: E402
from fair_app.errors import BadInput, WorkFailed  # noqa: E402
from fair_app.settings import Settings  # noqa: E402
from fair_app.student.loading import load  # noqa: E402
from fair_app.student.offline import OFFLINE_STUDENT, ensure_offline_student  # noqa: E402
from fair_app.student.registry import parse_ref  # noqa: E402
from fair_app.training.fused import fuse  # noqa: E402
from fair_app.training.mentoring import soft_labels  # noqa: E402
from fair_app.training.methods import trainee  # noqa: E402
from fair_app.training.settings import HIDDEN, ONLINE, TOP_K, TrainingSettings  # noqa: E402
from fair_app.training.soft_store import HEAD  # noqa: E402
from fair_app.training.storing import FOLDER  # noqa: E402
from fair_app.training.telling import Telling  # noqa: E402
from fair_app.training.trainer import Reports, StepMetrics, train  # noqa: E402

WITHOUT = "without"
WAYS = (WITHOUT, ONLINE, TOP_K, HIDDEN)
PAIRS_A_STEP = 8


@dataclass(frozen=True)
class Asked:
    """What a run is to do. `max_tokens` of a text."""

    way: str
    student: str
    mentor: str
    pairs: int
    max_tokens: int
    tau: float


@dataclass(frozen=True)
class Measured:
    """A run: seconds of each step but the first, all losses, peak memory in GiB.

    Of a store the seconds that making it took (loading the mentor included), its bytes, those of
    the mentor's head in it, and the tokens that it is of; 0 without one. `told` is what the run
    says of its soft labels.
    """

    seconds: list[float]
    losses: list[float | None]
    peak_gib: float
    making_s: float
    bytes: int
    head_bytes: int
    tokens: int
    told: dict[str, Any]


def measured(asked: Asked) -> Measured:
    """Train the student so, on what all ways learn."""
    texts = questions(asked.pairs)
    settings = TrainingSettings(
        quantization="none",
        max_tokens=asked.max_tokens,
        schedule="constant",
        batch_size=min(PAIRS_A_STEP, len(texts)),
        epochs=2,
        max_steps=1 + math.ceil(len(texts) / PAIRS_A_STEP),
        mentor=None if asked.way == WITHOUT else asked.mentor,
        soft_weight=0.0 if asked.way == WITHOUT else 0.3,
        tau=asked.tau,
        soft_labels="auto" if asked.way == WITHOUT else asked.way,
    )
    home = Settings()
    student = parse_ref(asked.student, home.checkpoints, home.models)
    seen: list[StepMetrics] = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        began = time.perf_counter()
        soft = soft_labels(home, student, settings, texts, work, Telling(say=print))
        making = time.perf_counter() - began
        files = list(work.glob(f"{FOLDER}/*"))
        loaded = load(student)
        fuse(loaded.model)
        train(
            trainee(loaded.model, settings),
            loaded.tokenizer,
            texts,
            settings,
            work / "state",
            reports=Reports(seen.append),
            save_every=settings.max_steps or 1,
            soft=soft,
        )
        told = soft.told if soft else {}
        return Measured(
            [one.seconds for one in seen[1:]],
            [one.loss for one in seen],
            peak(),
            making if files else 0.0,
            sum(file.stat().st_size for file in files),
            sum(file.stat().st_size for file in files if file.stem == HEAD),
            told.get("tokens", 0),
            told,
        )


def peak() -> float:
    """The most memory that the process, or its GPU, has taken, in GiB."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in KiB


def main() -> None:
    """Run the ways in turn; print a line a run, and each way beside the first."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--student", default=OFFLINE_STUDENT, metavar="REF")
    parser.add_argument("--mentor", default=OFFLINE_STUDENT, metavar="REF")
    parser.add_argument("--pairs", type=int, default=24, help="pairs to learn from (default 24)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each way (default 2)")
    parser.add_argument("--max-tokens", type=int, default=512, help="of a text (default 512)")
    parser.add_argument("--tau", type=float, default=2.0, help="temperature (default 2)")
    given = parser.parse_args()
    if given.pairs < 1 or given.rounds < 1:
        raise BadInput("Give at least one pair and one round.")
    ensure_offline_student(Settings().models)
    source = "the published SVAMP run" if published_folder() else "generated problems"
    print(
        f"{given.pairs} pairs of {source}, {PAIRS_A_STEP} a step; student {given.student}, mentor "
        f"{given.mentor}"
    )
    runs: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for _ in range(given.rounds):
        for way in WAYS:
            names = given.student, given.mentor
            asked = Asked(way, *names, given.pairs, given.max_tokens, given.tau)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                run = process.submit(measured, asked).result()
            runs[way].append(run)
            print(line(way, run), flush=True)
    print("\n".join(beside(runs)))


def line(way: str, run: Measured) -> str:
    """One run in a line."""
    store = ""
    if run.tokens:
        each = (run.bytes - run.head_bytes) / 10**6 / run.tokens * 1000
        beside = (
            f"and a head of {run.head_bytes / 10**6:.1f} MB"
            if run.head_bytes
            else f"({run.told['kept']:,} kept, {run.told['mass']:.1%} of the mass)"
        )
        store = (
            f", store of {run.tokens:,} tokens made in {run.making_s:.1f} s: "
            f"{each:.2f} MB per 1,000 tokens {beside}"
        )
    return (
        f"{way:10}{'  '.join(f'{one:.2f}' for one in run.seconds)} s a step, losses "
        f"{' '.join(f'{one:.4f}' for one in run.losses)}, peak {run.peak_gib:.1f} GiB{store}"
    )


def beside(runs: dict[str, list[Measured]]) -> list[str]:
    """The median step of each way, and how many times that of the first it takes."""
    seconds = {
        way: median(one for run in measured for one in run.seconds)
        for way, measured in runs.items()
    }
    first = seconds[WAYS[0]]
    return [f"{way:10}{one:.2f} s a step, {one / first:.2f} times" for way, one in seconds.items()]


if __name__ == "__main__":
    try:
        main()
    except (BadInput, WorkFailed) as fault:
        sys.exit(f"error: {fault}")
