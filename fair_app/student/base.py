"""What a student is: something that answers prompts, in batches, as they finish."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Decoding:
    """How answers are drawn. Temperature 0 is greedy; otherwise nucleus sampling with a seed."""

    name: str = "greedy"
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 256
    seed: int = 731


GREEDY = Decoding()
PAPER = Decoding("paper", temperature=0.3, top_p=0.9, max_new_tokens=512)
"""Exam and test settings of arXiv 2410.03663, section 4."""
DECODINGS = {decoding.name: decoding for decoding in (GREEDY, PAPER)}


@dataclass(frozen=True)
class Completion:
    """One answer: its text, its tokens without the end token, and whether the limit cut it off."""

    text: str
    tokens: int
    truncated: bool


PromptStyle = Literal["chat", "plain"]
PROMPT_STYLES: dict[PromptStyle, str] = {
    "chat": "in the model's chat template",
    "plain": "as plain text, as the reference does",
}
"""How a question is put to the model. Without a chat template, both are the plain text."""


ENCODER_DECODERS = ("t5", "mt5")
"""The model types (transformers' `model_type`) whose students read with an encoder: T5, Flan-T5 and
ByT5 are "t5". Other students are decoders alone."""


def never_cancelled() -> None:
    """The default for callers that cannot be cancelled."""


class Student(Protocol):
    """A model that answers questions."""

    description: dict[str, object]
    """What moves answers and is stored with them: model, dtype, quantization, batch size…"""

    def answer(
        self,
        prompts: Sequence[str],
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
        seeds: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Completion]]:
        """Yield `(index into prompts, completion)` as answers finish, in any order, each once.

        `seeds` has one a prompt, in place of the decoding's. `cancelled` is called between steps
        and raises Cancelled when a person stopped the work.
        """
        ...
