"""What a training run is asked to do, checked before anything is loaded."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from fair_app.errors import BadInput
from fair_app.student.registry import QUANTIZATIONS, Quantization

Method = Literal["lora", "rslora", "dora", "full"]
METHODS: tuple[Method, ...] = ("lora", "rslora", "dora", "full")
SAMPLINGS = ("epoch", "once")
BALANCES = ("none", "teachers")
SCHEDULES = ("linear", "cosine", "constant", "constant_with_warmup")
SOFT_SCALINGS = ("usual", "reference")
AUTO, ONLINE, STORED, HIDDEN, TOP_K = "auto", "online", "stored", "hidden", "top-k"
SOFT_LABELS = (AUTO, ONLINE, STORED, HIDDEN, TOP_K)
SOFT_WEIGHT = 0.3
"""What lambda is where a mentor is named and nothing is said of it."""
OF_THE_MENTOR = ("mentor", "soft_weight", "tau", "soft_scaling", "soft_labels")
ALL_LINEAR = "all-linear"
_TARGETS = re.compile(r"[A-Za-z0-9_.]+( *, *[A-Za-z0-9_.]+)*")


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of one dual-loss run. Raises BadInput where one makes no sense.

    `method`: an adapter (LoRA, arXiv 2106.09685; rank-stabilised, arXiv 2312.03732; with a
    magnitude of its own, DoRA, arXiv 2402.09353), or "full", which tunes all weights. On 4-bit
    weights an adapter is QLoRA (arXiv 2305.14314). `lora_target`: "all-linear", or names of modules
    with commas between.

    `balance`: "teachers" draws every teacher as often as the others, as far as there are texts.

    `batch_size` counts questions per optimizer step: a question brings one rationale and one piece
    of feedback. `tokens_per_pass` bounds the tokens of one forward and backward pass and with them
    the memory; it changes neither the loss nor the gradient. None: what fits is found before the
    first step, and `checkpointing` (activations computed again in the backward pass) comes by
    itself where memory asks for it. `memory_gb` (10^9 bytes) is what the run may take, None for all
    that the machine has.

    `validation_share` of the questions are held out; every `validate_every` steps (None: ten times
    a run) their losses are taken, and after `patience` times without a better one the run stops
    (None: never) and the best weights count. `warmup` is the share of steps in which the learning
    rate rises.

    `mentor` is the REF of a model whose soft labels the rationales are learned with (Mentor-KD,
    arXiv 2410.09037): `soft_weight` is lambda, the share of the KL divergence in their loss, and
    `tau` the temperature of both distributions. `soft_scaling`: "usual" multiplies the divergence
    by tau squared, "reference" does not. `soft_labels`: the mentor computes in every step
    ("online"), or once before the first, and its last hidden states are kept ("hidden"), its
    likeliest tokens ("top-k"), or whichever of the two takes less ("stored"); "auto" is online
    where both models fit into memory, else stored. With a `soft_weight` of 0 the mentor is never
    loaded.
    """

    alpha: float = 0.5
    epochs: int = 2
    max_steps: int | None = None
    learning_rate: float = 1e-3
    schedule: str = "linear"
    warmup: float = 0.05
    batch_size: int = 16
    max_tokens: int = 512
    sampling: str = "epoch"
    balance: str = "none"
    seed: int = 731
    method: Method = "lora"
    quantization: Quantization = "4bit"
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    lora_target: str = ALL_LINEAR
    max_gradient_norm: float = 1.0
    validation_share: float = 0.0
    validate_every: int | None = None
    patience: int | None = None
    tokens_per_pass: int | None = None
    memory_gb: float | None = None
    checkpointing: bool = False
    mentor: str | None = None
    soft_weight: float = 0.0
    tau: float = 2.0
    soft_scaling: str = "usual"
    soft_labels: str = AUTO

    def __post_init__(self) -> None:
        _check(0 <= self.alpha <= 1, "alpha", self.alpha, "between 0 and 1")
        for name in ("epochs", "batch_size", "lora_rank", "lora_alpha"):
            _check(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("max_steps", "validate_every", "patience", "tokens_per_pass"):
            value = getattr(self, name)
            _check(value is None or value >= 1, name, value, "at least 1")
        _check(self.max_tokens >= 2, "max_tokens", self.max_tokens, "at least 2")
        rate = self.learning_rate
        _check(0 < rate < math.inf, "learning_rate", rate, "more than 0, and usually far under 1")
        for name in ("lora_dropout", "warmup", "validation_share"):
            value = getattr(self, name)
            _check(0 <= value < 1, name, value, "at least 0, under 1")
        norm = self.max_gradient_norm
        _check(norm > 0, "max_gradient_norm", norm, "more than 0")
        memory = self.memory_gb
        _check(memory is None or memory > 0, "memory_gb", memory, "more than 0")
        _check(0 <= self.soft_weight <= 1, "lambda", self.soft_weight, "between 0 and 1")
        _check(0 < self.tau < math.inf, "tau", self.tau, "more than 0, and usually 1 to 4")
        for name, known in (
            ("method", METHODS),
            ("quantization", QUANTIZATIONS),
            ("sampling", SAMPLINGS),
            ("balance", BALANCES),
            ("schedule", SCHEDULES),
            ("soft_scaling", SOFT_SCALINGS),
            ("soft_labels", SOFT_LABELS),
        ):
            value = getattr(self, name)
            _check(value in known, name, value, f"one of {', '.join(known)}")
        _check(
            _TARGETS.fullmatch(self.lora_target) is not None or self.lora_target == ALL_LINEAR,
            "lora_target",
            self.lora_target,
            f"{ALL_LINEAR}, or names of modules with commas between",
        )
        if self.method == "full" and self.quantization != "none":
            raise BadInput("All weights can be tuned only where they are plain: quantization none.")
        if self.patience is not None and not self.validation_share:
            raise BadInput("Stopping early needs a validation_share to look at: give 0.1, say.")
        if self.soft_weight and not self.mentor:
            raise BadInput(
                "Soft labels need a mentor: name one (--mentor REF), or set lambda to 0."
            )

    @property
    def targets(self) -> str | list[str]:
        """The modules that get an adapter, as PEFT takes them."""
        if self.lora_target == ALL_LINEAR:
            return ALL_LINEAR
        return [name.strip() for name in self.lora_target.split(",")]

    @property
    def has_soft_labels(self) -> bool:
        """Whether a mentor's soft labels move anything; only the rationales have some."""
        return self.soft_weight > 0 and self.alpha < 1

    @property
    def soft_factor(self) -> float:
        """What the divergence is multiplied by beside lambda.

        The gradient of a softened softmax is smaller by tau squared, which "usual" makes up for
        (Hinton et al., arXiv 1503.02531, section 2).
        """
        return self.tau**2 if self.soft_scaling == "usual" else 1.0

    def to_dict(self) -> dict[str, object]:
        """The settings as plain values, for a lineage file or a job's parameters.

        Those of the mentor stand in it only where there is one.
        """
        values = asdict(self)
        if self.mentor is None:
            values = {name: value for name, value in values.items() if name not in OF_THE_MENTOR}
        return values


def one_sided(settings: TrainingSettings) -> str:
    """Which part an alpha of 0 or 1 leaves out, in a sentence; "" where both count."""
    if settings.alpha == 0:
        return "Alpha is 0: the rationales alone are learned from, the feedback does not count."
    if settings.alpha == 1:
        nor = "; nor do the mentor's soft labels" if settings.soft_weight else ""
        alone = "Alpha is 1: the feedback alone is learned from, the rationales do not count"
        return f"{alone}{nor}."
    return ""


def _check(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise BadInput(f"{name} is {value!r}: give a value that is {wanted}.")


QUICK_LOOK = TrainingSettings()
"""Made for the offline student on two cores: minutes, and a visible gain."""

BALANCED = TrainingSettings(
    epochs=5,
    learning_rate=3e-4,
    schedule="cosine",
    max_tokens=1024,
    lora_rank=32,
    lora_alpha=64,
    lora_dropout=0.05,
    validation_share=0.1,
    patience=3,
)
"""For a student of some billions of parameters: held-out questions say when it is enough."""

PAPER = TrainingSettings(
    epochs=10,
    learning_rate=1e-5,
    schedule="constant",
    batch_size=16,
    max_tokens=512,
    sampling="once",
    method="full",
    quantization="none",
)
"""arXiv 2410.03663, section 4: all weights, batch 8 with accumulation 2."""

QUICK = "quick look"
PRESETS = {QUICK: QUICK_LOOK, "balanced": BALANCED, "paper": PAPER}


def chosen_settings(preset: str, given: Mapping[str, Any]) -> TrainingSettings:
    """A preset with what is given in place of its own; None is not given.

    Another method than the preset's brings what it needs along: full fine-tuning plain weights.
    Raises BadInput for an unknown preset or setting, and where a value makes no sense.
    """
    if preset not in PRESETS:
        raise BadInput(f"There is no preset '{preset}': use one of {', '.join(PRESETS)}.")
    changed = {name: value for name, value in given.items() if value is not None}
    unknown = changed.keys() - {field.name for field in fields(TrainingSettings)}
    if unknown:
        raise BadInput(
            f"There is no training setting {', '.join(sorted(unknown))}: `train --help` has them."
        )
    if changed.get("method") == "full":
        changed.setdefault("quantization", "none")
    if changed.get("mentor"):
        changed.setdefault("soft_weight", SOFT_WEIGHT)
    # Without held-out questions there is nothing to stop early for.
    if changed.get("validation_share") == 0:
        changed.setdefault("patience", None)
    return TrainingSettings(**{**PRESETS[preset].to_dict(), **changed})
