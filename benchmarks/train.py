"""How fast a training step is, and what it takes, beside the reference's and TRL's.

    python benchmarks/train.py [--ways reference,here,here-4bit,trl] [--pairs 32] [--rounds 2]
    python benchmarks/train.py --student llama-2-7b

Every way takes optimizer steps of 16 pairs from the same texts with the same LoRA adapter. The
reference's pads every sequence to 512 tokens, runs feedback and rationales through the model apart
and computes all logits; padding is masked, so that its loss is the one here. TRL's SFTTrainer
(requirements-benchmarks.txt; left out where it is missing) has its defaults, on the two data sets
joined. The ways take turns, each run in a process of its own; loading and the first step are not
counted. The pairs are those of the published SVAMP run where its files are found (FAIR_SHARED_DATA
or ../shared/data), else generated problems with the offline committee's texts.

`--student llama-2-7b` needs a GPU: the shape of Llama-2-7B with random weights, in 4 bits, and what
the GPU's arithmetic would allow.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # noqa: E402

from benchmarks.train_pairs import published_folder  # noqa: E402
from benchmarks.train_students import LLAMA, MODELS, STUDENTS  # noqa: E402
from benchmarks.train_ways import (  # noqa: E402
    PAIRS_A_STEP,
    Asked,
    Measured,
    here,
    reference,
    trl,
)
from fair_app.errors import BadInput  # noqa: E402
from fair_app.student.offline import OFFLINE_STUDENT, ensure_offline_student  # noqa: E402
from fair_app.student.registry import Quantization  # noqa: E402

Way = tuple[Callable[[Asked], Measured], Quantization]
WAYS: dict[str, Way] = {
    "reference": (reference, "none"),
    "reference-4bit": (reference, "4bit"),
    "here": (here, "none"),
    "here-4bit": (here, "4bit"),
    "trl": (trl, "none"),
    "trl-4bit": (trl, "4bit"),
}
DEFAULT = {
    OFFLINE_STUDENT: ["reference", "here", "here-4bit", "trl"],
    LLAMA: ["reference-4bit", "here-4bit", "trl-4bit"],
}


def main() -> None:
    """Run the ways in turn; print a line for each run, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--student", choices=STUDENTS, default=OFFLINE_STUDENT)
    parser.add_argument("--ways", metavar="A,B", help=f"of {', '.join(WAYS)}")
    parser.add_argument("--pairs", type=int, default=32, help="pairs to learn from (default 32)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each way (default 2)")
    arguments = parser.parse_args()
    if arguments.pairs < 1 or arguments.rounds < 1:
        raise BadInput("Give at least one pair and one round.")
    if arguments.student == LLAMA and not torch.cuda.is_available():
        print(f"no GPU: {LLAMA} is not measured")
        return
    ways = chosen(arguments.ways, arguments.student)
    source = "the published SVAMP run" if published_folder() else "generated problems"
    print(f"{arguments.student}, {arguments.pairs} pairs of {source}, {PAIRS_A_STEP} a step")
    ensure_offline_student(MODELS)
    runs: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name in ways:
            way, quantization = WAYS[name]
            asked = Asked(arguments.student, quantization, arguments.pairs)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                measured = process.submit(way, asked).result()
            runs[name].append(measured)
            print(line(name, measured), flush=True)
    for text in ratios(runs):
        print(text)


def chosen(given: str | None, student: str) -> list[str]:
    """The ways to run. Raises BadInput for one that is not known, or wants what is missing."""
    has_trl = find_spec("trl") is not None
    if given is None:
        if not has_trl:
            print("TRL is missing (requirements-benchmarks.txt): it is left out")
        return [name for name in DEFAULT[student] if has_trl or not name.startswith("trl")]
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in WAYS:
            raise BadInput(f"There is no way '{name}': give some of {', '.join(WAYS)}.")
        if name.startswith("trl") and not has_trl:
            raise BadInput("TRL is missing: pip install -r requirements-benchmarks.txt.")
    return list(dict.fromkeys(names))


def line(name: str, run: Measured) -> str:
    """One run in a line."""
    pace = run.tokens / median(run.seconds)
    return (
        f"{name:15}{'  '.join(f'{seconds:.1f}' for seconds in run.seconds)} s a step, "
        f"{pace:.0f} tokens/s ({pace / run.most:.0%} of the most, {run.most:.0f}), "
        f"losses {' '.join(f'{loss:.4f}' for loss in run.losses)}, "
        f"peak {run.peak_gib:.1f} GiB ({'; '.join(run.said)})"
    )


def ratios(runs: dict[str, list[Measured]]) -> list[str]:
    """Each way beside the first: its speed and its memory."""
    seconds = {
        name: median(second for run in measured for second in run.seconds)
        for name, measured in runs.items()
    }
    peaks = {name: max(run.peak_gib for run in measured) for name, measured in runs.items()}
    first = next(iter(runs))
    return [
        f"{name:15}{seconds[first] / seconds[name]:.2f} times the speed of {first}, "
        f"{peaks[name] / peaks[first]:.0%} of its memory"
        for name in runs
        if name != first
    ]


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
