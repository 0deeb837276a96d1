"""Files of Mentor-KD about the mistakes of `tests.browser.taught`: what is 1 + 1, 2 + 2 … 5 + 5?

Rows are as the authors' scripts write them: a question ends with a line's end, a chain stops before
the final answer, and a mentor's final answer is a float's text. A teacher's file has none.
"""

import json
from pathlib import Path
from typing import Any


def row(number: int, **other: Any) -> dict[str, Any]:
    """What a mentor wrote of the mistake `number + number`."""
    return {
        "input": f"What is {number} + {number}?\n",
        "chain": f"{number} and {number} make {2 * number}.",
        "completion": f"{2 * number}.0",
        "answer": str(2 * number),
        "initial_correct": True,
        **other,
    }


def taught_row(number: int, **other: Any) -> dict[str, Any]:
    """What a teacher wrote of it."""
    found = {**row(number), "chain": f"First there are {number}.\n\nThen {number} more.", **other}
    found.pop("completion")
    return found


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content, indent=4), encoding="utf-8")
    return path
