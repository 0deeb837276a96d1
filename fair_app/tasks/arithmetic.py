"""Generated word problems for use without network: ten families, one to four steps, from a seed.

Every problem has a derivation in GSM8K's form, with a calculation `<<3*4=12>>` a line. All numbers
are whole and at least 2. The split is a property of a problem's filling, its family and its
numbers: train and test can share neither a problem nor a filling, whatever their seeds.
"""

import random
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.asking import put
from fair_app.tasks.base import Grade, Question
from fair_app.tasks.files import read_rows
from fair_app.tasks.grading import grade
from fair_app.tasks.gsm8k import final_number, solved_question
from fair_app.tasks.rows import check_limit
from fair_app.tasks.sources import file_origin
from fair_app.tasks.stories import FAMILIES, NAMES, Family, Step

SIZES = {"train": 2000, "test": 1000}
DEFAULT_SEED = 731
STEP_SHARES = (0.4, 0.3, 0.2, 0.1)
"""Shares of problems with 1, 2, 3 and 4 steps in the first few hundred; then one-step ones run out.

One-step problems, with small numbers, give a small student something to get right: the offline one
gets a tenth to a quarter of all, and hardly any of the longer ones.
"""
LARGEST_FACTOR = 60
"""A running number above this is not multiplied any more."""

Filling = tuple[str, tuple[int, ...]]


class Arithmetic:
    """The offline task. A file given as rows is read as GSM8K's are."""

    name = "arithmetic"
    title = "Arithmetic (generated)"
    grader = "number"
    has_derivations = True

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self.seed = seed

    def load(
        self, split: str, rows: Path | None = None, limit: int | None = None
    ) -> list[Question]:
        """Generate the first `limit` problems of a split: at most 2,000 to train on, 1,000 to test.

        Fewer are the beginning of more. Raises BadInput for another split or a limit below 1.
        """
        check_limit(limit)
        if rows is not None:
            return [solved_question(row) for row in read_rows(rows, limit)]
        if split not in SIZES:
            raise BadInput(f"arithmetic has no split '{split}'; use one of {', '.join(SIZES)}.")
        size = SIZES[split] if limit is None else min(limit, SIZES[split])
        return list(islice(problems(self.seed, split), size))

    def origin(self, split: str, rows: Path | None = None) -> dict[str, str]:
        """The file and its checksum, or the seed."""
        if rows is not None:
            return file_origin(rows)
        return {"generated": self.name, "split": split, "seed": str(self.seed)}

    def prompt(self, question: Question) -> str:
        """Put the problem, and the form of the answer."""
        return put(question, self.grader)

    def grade(self, answer: str, question: Question) -> Grade:
        """Compare the number that the answer gives with the gold one."""
        return grade(answer, question.gold_answer, self.grader)

    def gold_final(self, gold_text: str) -> str:
        """Read the number behind `####`."""
        return final_number(gold_text)


def problems(seed: int, split: str) -> Iterator[Question]:
    """Generate the problems of a split without end, each with a filling of its own."""
    draw = random.Random(f"{seed} {split}")
    seen: set[Filling] = set()
    while True:
        family = draw.choice(FAMILIES)
        steps = draw.choices(range(1, len(STEP_SHARES) + 1), STEP_SHARES)[0]
        story = _story(draw, family, steps)
        numbers = _numbers(draw, story)
        if numbers is None:
            continue
        filling = family.name, tuple(sorted(numbers))
        if split_of(filling) == split and filling not in seen:
            seen.add(filling)
            yield _write(draw, family, story, numbers, f"{split}-{len(seen) - 1}")


def split_of(filling: Filling) -> str:
    """The split that a filling belongs to: a third of all, by their checksum, are for testing."""
    family, numbers = filling
    return "train" if zlib.crc32(f"{family} {numbers}".encode()) % 3 else "test"


def _story(draw: random.Random, family: Family, steps: int) -> list[Step]:
    """Draw an opening, moves in their order, and sometimes an ending: `steps` steps in all."""
    # After "8 in each row" a further step could mean a row or all of them.
    openings = [step for step in family.openings if steps == 1 or step.operator != "/"]
    opening = draw.choice(openings)
    ends = steps > 1 and (draw.random() < 0.5 or steps - 1 > len(family.moves))
    chosen = sorted(draw.sample(range(len(family.moves)), steps - 1 - ends))
    ending = [draw.choice(family.endings)] if ends else []
    return [opening, *(family.moves[index] for index in chosen), *ending]


def _numbers(draw: random.Random, story: list[Step]) -> list[int] | None:
    """Draw the opening's first number and one number a step; None where a step has no fit."""
    operator = story[0].operator
    if operator == "/":
        share = draw.randint(2, 9)
        running = share * draw.randint(2, 9)
        numbers, story = [running, share], story[1:]
        running //= share
    else:
        start = 12 if len(story) == 1 else 30
        running = draw.randint(2, 9) if operator == "*" else draw.randint(4, start)
        numbers = [running]
    largest = 9 if len(story) == 1 else 20
    for step in story:
        number = _operand(draw, step.operator, running, largest)
        if number is None:
            return None
        numbers.append(number)
        running = _apply(step.operator, running, number)
    return numbers


def _operand(draw: random.Random, operator: str, running: int, largest: int) -> int | None:
    """Draw the second number of a step, so that the result is whole and at least 2.

    `largest`: what is added or taken away at most.
    """
    if operator == "+":
        return draw.randint(2, largest)
    if operator == "-":
        return draw.randint(2, min(running - 2, largest)) if running >= 4 else None
    if operator == "*":
        return draw.randint(2, 9) if running <= LARGEST_FACTOR else None
    shares = [share for share in range(2, 10) if running % share == 0 and running > share]
    return draw.choice(shares) if shares else None


def _apply(operator: str, left: int, right: int) -> int:
    if operator == "/":
        return left // right
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def _write(
    draw: random.Random, family: Family, story: list[Step], numbers: list[int], source_id: str
) -> Question:
    """Put the numbers, names and things into the story, and derive the answer line by line."""
    (name, he), (friend, _) = draw.sample(NAMES, 2)
    words = {
        "name": name,
        "friend": friend,
        "he": he,
        "He": he.capitalize(),
        "his": {"he": "his", "she": "her"}[he],
        "thing": draw.choice(family.things),
    }
    running, told, lines = numbers[0], [], []
    for step, number in zip(story, numbers[1:], strict=True):
        values = {**words, "a": numbers[0], "n": number}
        told.append(step.tell.format(**values))
        result = _apply(step.operator, running, number)
        shown = f"{running} {step.operator} {number}"
        calculation = f"{running}{step.operator}{number}={result}"
        unit = step.unit.format(**values)
        lines.append(
            f"{step.because.format(**values)}: {shown} = <<{calculation}>>{result} {unit}."
        )
        running = result
        question = step.ask.format(**values)
    count = f"{len(story)} step{'s' if len(story) > 1 else ''}"
    return Question(
        " ".join([*told, question]),
        str(running),
        "\n".join([*lines, f"#### {running}"]),
        source_id=source_id,
        kind=f"{family.name}, {count}",
    )
