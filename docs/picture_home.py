"""What must have happened in a home before its pictures are taken: three projects, by commands.

*demo* goes through the loop as `demo` does it. *study* has an ablation, rounds and a second task,
*half* a mentor. Most of their runs are a few steps long: they fill the pages, and show little of
the method. The lines that are done are noted in the home, so that a run that was cut off goes on.
"""

import json
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
DONE = "pictures-done.txt"
SUMS = "sums.jsonl"
"""The questions of the second task, in the home's folder of uploads."""
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana")
THINGS = ("apples", "books", "coins", "pens", "shells", "stamps")
BUS = "A bus drives 5 miles in the morning and 2 miles at noon. How many miles does the bus drive?"
SHORT = "--max-steps 8"
COMMANDS = f"""
try --project demo "{BUS}"
exam --project study --student smollm2-135m --task arithmetic --limit 200
collect --project study
ablate --project study --name parts --alpha 0,0.5,1 --threshold 0,3 --seeds 2 {SHORT} --limit 80
rounds --project study --rounds 2 --name round {SHORT} --exam-limit 80 --test-limit 80
evaluate --project study --student smollm2-135m --task sums --rows ROWS --limit 24 \
--map question=question,answer=answer --grader number
evaluate --project study --student checkpoint:parts-base-s731 --task sums --rows ROWS --limit 24
evaluate --project study --student checkpoint:round-2 --task sums --rows ROWS --limit 24
students shrink --student smollm2-135m --layers half --name half
exam --project half --student HALF --task arithmetic --limit 150 --max-new-tokens 120
collect --project half
train --project half --student smollm2-135m --rationales right --alpha 0 --name tutor --max-steps 24
evaluate --project half --student checkpoint:tutor --limit 100
mentor --project half --student checkpoint:tutor
augment --project half --k 3 --temperature 0.7
train --project half --name taught --teacher mixed+mentor --mentor checkpoint:tutor --alpha 0 \
--method full --quantization none --lr 5e-4 --max-steps 20
"""


def commands(home: Path) -> Iterator[str]:
    """The commands in their order, on this home's files."""
    for line in COMMANDS.strip().splitlines():
        rows, half = home / "uploads" / SUMS, home / "models" / "half"
        yield line.replace("ROWS", str(rows)).replace("HALF", str(half))


def left(home: Path) -> list[str]:
    """The commands that are not noted as done."""
    noted = home / DONE
    done = noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
    return [line for line in commands(home) if line not in done]


def filled(home: Path) -> None:
    """Bring a home to where its pictures can be taken; an hour and a half on two cores."""
    if tests_of_the_demo(home) < 2:
        run(home, "demo")
    rows = home / "uploads" / SUMS
    if not rows.exists():
        rows.parent.mkdir(parents=True, exist_ok=True)
        rows.write_text("".join(json.dumps(row) + "\n" for row in sums(24)), encoding="utf-8")
    for line in left(home):
        run(home, line)
        with (home / DONE).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


def run(home: Path, line: str) -> None:
    """One command of the studio, on this home."""
    print(f"python -m fair_app {line}", flush=True)
    command = [sys.executable, "-m", "fair_app", *shlex.split(line), "--home", str(home)]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def tests_of_the_demo(home: Path) -> int:
    """How many tests the demo project has."""
    sys.path.insert(0, str(REPOSITORY))
    from fair_app.settings import Settings
    from fair_app.studio.evaluations import summary
    from fair_app.studio.projects import ensure_demo

    settings = Settings(home=home)
    return len(summary(settings, ensure_demo(settings)))


def sums(number: int, seed: int = 731) -> Iterator[dict[str, str]]:
    """Word problems of one sum each, for a second task."""
    drawn = random.Random(seed)
    for _ in range(number):
        name, thing = drawn.choice(NAMES), drawn.choice(THINGS)
        first, second = drawn.randint(2, 60), drawn.randint(2, 60)
        question = f"{name} has {first} {thing} and is given {second} more. How many {thing} are "
        yield {"question": f"{question}there now?", "answer": str(first + second)}
