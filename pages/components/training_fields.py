"""The settings of a training run as fields: a preset fills them, and each can be changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from fair_app.training.settings import METHODS, OF_THE_MENTOR, PRESETS, QUICK, SOFT_WEIGHT
from pages.components.page import ACTION

PRESET_TITLES = {QUICK: "Quick look", "balanced": "Balanced", "paper": "The paper’s"}
METHOD_TITLES = {
    "lora": "LoRA",
    "rslora": "Rank-stabilised LoRA",
    "dora": "DoRA",
    "full": "All weights",
}
SCHEDULE_CHOICES = [
    ("Falls to nothing", "linear"),
    ("Half a wave", "cosine"),
    ("Constant", "constant"),
    ("Constant, after a rise", "constant_with_warmup"),
]
SAMPLING_CHOICES = [("Drawn anew each epoch", "epoch"), ("Drawn once, as the reference", "once")]
BALANCE_CHOICES = [("Every text alike", "none"), ("Every teacher alike", "teachers")]
QUANTIZATION_CHOICES = [("4 bits", "4bit"), ("None", "none")]
WHOLE = {
    "epochs",
    "max_steps",
    "batch_size",
    "max_tokens",
    "seed",
    "lora_rank",
    "lora_alpha",
    "validate_every",
    "patience",
}
"""Settings that are whole numbers."""
OPTIONAL = {"max_steps", "validate_every", "patience", "memory_gb"}
"""Settings that may be left empty; the browser may send such a field as 0."""
SHOWN = PRESETS[QUICK]


class TrainingFields:
    """The fields in the order of `components`; `names` says which settings they are.

    `page` begins their ids in the document.
    """

    def __init__(self, page: str = "training") -> None:
        self._page = page
        self._made: dict[str, Any] = {}
        self.preset = gr.Dropdown(
            [(title, name) for name, title in PRESET_TITLES.items()],
            value=QUICK,
            label="Preset",
            filterable=False,
            elem_id=f"{page}-preset",
        )

    @property
    def names(self) -> list[str]:
        """The settings that have a field."""
        return list(self._made)

    @property
    def components(self) -> list[Any]:
        """The fields."""
        return list(self._made.values())

    def main(self) -> None:
        """Lay out what one may well change."""
        self._made["alpha"] = gr.Slider(
            0,
            1,
            SHOWN.alpha,
            step=0.05,
            label="Alpha",
            elem_id=f"{self._page}-alpha",
        )
        self._number("epochs", "Epochs", "epochs", minimum=1)

    def more(self) -> None:
        """Lay out the rest."""
        self._choice("method", "Method", [(METHOD_TITLES[name], name) for name in METHODS])
        self._choice("quantization", "Quantization", QUANTIZATION_CHOICES)
        self._number("learning_rate", "Learning rate", "rate")
        self._choice("schedule", "Over the run it", SCHEDULE_CHOICES)
        self._number("batch_size", "Questions a step", "batch", minimum=1)
        self._number("max_steps", "Most steps", "steps")
        self._number("max_tokens", "Most tokens a text", "tokens")
        self._choice("sampling", "Texts", SAMPLING_CHOICES)
        self._choice("balance", "Drawn", BALANCE_CHOICES)
        self._number("lora_rank", "Rank", "rank", minimum=1)
        self._number("lora_alpha", "LoRA’s alpha", "lora-alpha", minimum=1)
        self._number("lora_dropout", "Dropout", "dropout")
        self._made["lora_target"] = gr.Textbox(
            SHOWN.lora_target,
            label="Modules",
            max_lines=1,
            elem_id=f"{self._page}-target",
        )
        self._number("validation_share", "Held out", "held-out")
        self._number("validate_every", "Steps between validations", "validate-every")
        self._number("patience", "Patience", "patience")
        self._number("memory_gb", "Memory limit (GB)", "memory")
        self._number("seed", "Seed", "seed")

    def soft(self) -> None:
        """Lay out a mentor's soft labels, folded: without a mentor there are none."""
        with gr.Accordion(
            "Soft labels of a mentor", open=False, elem_classes="more"
        ) as self.soft_labels:
            self._made["mentor"] = gr.Textbox(
                label="Mentor",
                placeholder="none",
                max_lines=1,
                elem_id=f"{self._page}-mentor",
            )
            self._made["soft_weight"] = gr.Slider(
                0,
                1,
                SOFT_WEIGHT,
                step=0.05,
                label="Lambda",
                elem_id=f"{self._page}-lambda",
            )
            self._made["tau"] = gr.Slider(
                0.5,
                5,
                SHOWN.tau,
                step=0.5,
                label="Tau",
                elem_id=f"{self._page}-tau",
            )

    def wire(self) -> None:
        """Let a preset fill the fields, and full fine-tuning take plain weights."""
        self.preset.input(self.filled, self.preset, self.components, **ACTION)
        method, quantization = self._made["method"], self._made["quantization"]
        method.input(
            lambda name: "none" if name == "full" else gr.skip(), method, quantization, **ACTION
        )

    def filled(self, preset: str) -> list[Any]:
        """The values of a preset, a field each; those of a mentor stay, for no preset has one."""
        values = PRESETS[preset].to_dict()
        return [gr.skip() if name in OF_THE_MENTOR else values[name] for name in self.names]

    def as_asked(self, given: Mapping[str, Any]) -> list[Any]:
        """The values that these settings came from; of what was not given the usual ones."""
        usual = zip(self.names, self.filled(QUICK), strict=True)
        return [given.get(name, value) for name, value in usual]

    def given(self, values: Sequence[Any]) -> dict[str, Any]:
        """The fields' values as settings; an empty field is one that is not set.

        Without a mentor nothing is said of its soft labels.
        """
        found = {
            name: int(value) if name in WHOLE and value is not None else value
            for name, value in zip(self.names, values, strict=True)
            if value not in (None, "") and not (name in OPTIONAL and value == 0)
        }
        mentor = str(found.get("mentor", "")).strip()
        if mentor:
            return {**found, "mentor": mentor}
        return {name: value for name, value in found.items() if name not in OF_THE_MENTOR}

    def _number(self, name: str, label: str, element: str, **other: Any) -> None:
        self._made[name] = gr.Number(
            getattr(SHOWN, name),
            label=label,
            precision=0 if name in WHOLE else None,
            elem_id=f"{self._page}-{element}",
            **other,
        )

    def _choice(self, name: str, label: str, choices: list[tuple[str, str]]) -> None:
        self._made[name] = gr.Dropdown(
            choices,
            value=getattr(SHOWN, name),
            label=label,
            filterable=False,
            elem_id=f"{self._page}-{name}",
        )
