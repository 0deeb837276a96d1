"""Files of Mentor-KD about the mistakes of `tests.browser.taught`: what is 1 + 1, 2 + 2 … 5 + 5?"""

import json
from pathlib import Path
from typing import Any


def row(number: int, **other: Any) -> dict[str, Any]:
    """A rationale of the mistake `number + number`."""
    return {
        "input": f"What is {number} + {number}?",
        "chain": f"{number} and {number} make {2 * number}.",
        "completion": str(2 * number),
        "answer": str(2 * number),
        "initial_correct": True,
        **other,
    }


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
