"""Which of a mentor's answers become its rationales (Mentor-KD, arXiv 2410.09037, section 3.2)."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

Outcome = Literal["kept", "wrong", "duplicate", "incomplete"]


class Sample(Protocol):
    """One answer to a question; `correct` is its final answer's grade."""

    @property
    def text(self) -> str | None: ...

    @property
    def finish(self) -> str | None: ...

    @property
    def correct(self) -> bool: ...


def outcomes(samples: Sequence[Sample], known: Iterable[str] = ()) -> list[Outcome]:
    """What becomes of each answer to one question, in their order.

    Kept is what is complete, right, and neither in `known`, the texts that stand on the question
    already, nor what an earlier one of `samples` says; case and white space do not tell two texts
    apart.
    """
    seen = {normalised(text) for text in known}
    found: list[Outcome] = []
    for sample in samples:
        text = normalised(sample.text or "")
        if sample.finish != "complete" or not text:
            found.append("incomplete")
        elif not sample.correct:
            found.append("wrong")
        elif text in seen:
            found.append("duplicate")
        else:
            seen.add(text)
            found.append("kept")
    return found


def normalised(text: str) -> str:
    """A text by which duplicates are found: without case, white space as single blanks."""
    return " ".join(text.split()).casefold()
