"""What a training run is asked to do, checked before anything is loaded."""

from dataclasses import asdict, dataclass

from fair_app.errors import BadInput
from fair_app.student.registry import QUANTIZATIONS, Quantization

SAMPLINGS = ("epoch", "once")
SCHEDULES = ("linear", "constant")


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of one dual-loss LoRA run. Raises BadInput where one makes no sense.

    `batch_size` counts questions per optimizer step: a question brings one rationale and one piece
    of feedback. `tokens_per_pass` bounds the tokens of one forward and backward pass and with them
    the memory; it changes neither the loss nor the gradient.
    """

    alpha: float = 0.5
    epochs: int = 2
    max_steps: int | None = None
    learning_rate: float = 1e-3
    schedule: str = "linear"
    batch_size: int = 16
    max_tokens: int = 512
    sampling: str = "epoch"
    seed: int = 731
    quantization: Quantization = "4bit"
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    lora_target: str = "all-linear"
    max_gradient_norm: float = 1.0
    tokens_per_pass: int = 2048
    checkpointing: bool = False

    def __post_init__(self) -> None:
        _check(0 <= self.alpha <= 1, "alpha", self.alpha, "between 0 and 1")
        for name in ("epochs", "batch_size", "lora_rank", "lora_alpha", "tokens_per_pass"):
            _check(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        if self.max_steps is not None:
            _check(self.max_steps >= 1, "max_steps", self.max_steps, "at least 1")
        _check(self.max_tokens >= 2, "max_tokens", self.max_tokens, "at least 2")
        _check(0 < self.learning_rate < 1, "learning_rate", self.learning_rate, "between 0 and 1")
        _check(0 <= self.lora_dropout < 1, "lora_dropout", self.lora_dropout, "at least 0, under 1")
        norm = self.max_gradient_norm
        _check(norm > 0, "max_gradient_norm", norm, "more than 0")
        for name, known in (
            ("quantization", QUANTIZATIONS),
            ("sampling", SAMPLINGS),
            ("schedule", SCHEDULES),
        ):
            value = getattr(self, name)
            _check(value in known, name, value, f"one of {', '.join(known)}")

    def to_dict(self) -> dict[str, object]:
        """The settings as plain values, for a lineage file or a job's parameters."""
        return asdict(self)


def _check(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise BadInput(f"{name} is {value!r}: give a value that is {wanted}.")


QUICK_LOOK = TrainingSettings()
"""Made for the offline student on two cores: minutes, and a visible gain."""

PAPER = TrainingSettings(
    epochs=10,
    learning_rate=1e-5,
    schedule="constant",
    batch_size=16,
    max_tokens=512,
    sampling="once",
)
"""arXiv 2410.03663, section 4: batch 8 with accumulation 2. The paper tunes all weights; an adapter
learns little at this rate, so a higher one is worth a try."""

PRESETS = {"quick look": QUICK_LOOK, "paper": PAPER}
