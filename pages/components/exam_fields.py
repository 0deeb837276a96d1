"""How a student answers: the fields that exam and evaluation share."""

from typing import Any, NamedTuple

import gradio as gr

from fair_app.student.base import DECODINGS
from pages.components.page import ACTION

DECODING_CHOICES = [
    ("Greedy", "greedy"),
    ("As in the paper (temperature 0.3, top-p 0.9)", "paper"),
]
QUANTIZATION_CHOICES = [("None", "none"), ("4 bits", "4bit")]
PROMPT_CHOICES = [("The model’s chat template", "chat"), ("Plain, as the reference’s", "plain")]


class AnsweringFields(NamedTuple):
    """The fields, in the order in which `answering` takes their values."""

    decoding: gr.Dropdown
    max_new_tokens: gr.Number
    samples: gr.Number
    quantization: gr.Dropdown
    prompts: gr.Dropdown


def answering_fields(prefix: str) -> AnsweringFields:
    """Lay out the fields. Another decoding brings its own limit of tokens along."""
    fields = AnsweringFields(
        gr.Dropdown(
            DECODING_CHOICES,
            value="greedy",
            label="Decoding",
            filterable=False,
            elem_id=f"{prefix}-decoding",
        ),
        gr.Number(
            DECODINGS["greedy"].max_new_tokens,
            label="Most new tokens an answer",
            precision=0,
            minimum=1,
            elem_id=f"{prefix}-tokens",
        ),
        gr.Number(
            1,
            label="Samples a question",
            info="More than one: the majority’s answer counts",
            precision=0,
            minimum=1,
            elem_id=f"{prefix}-samples",
        ),
        gr.Dropdown(
            QUANTIZATION_CHOICES,
            value="none",
            label="Quantization",
            filterable=False,
            elem_id=f"{prefix}-quantization",
        ),
        gr.Dropdown(
            PROMPT_CHOICES,
            value="chat",
            label="Prompts",
            filterable=False,
            elem_id=f"{prefix}-prompts",
        ),
    )
    fields.decoding.input(
        lambda name: DECODINGS[name].max_new_tokens,
        fields.decoding,
        fields.max_new_tokens,
        **ACTION,
    )
    return fields


def answering(
    decoding: str,
    max_new_tokens: float | None,
    samples: float | None,
    quantization: str,
    prompts: str,
) -> dict[str, Any]:
    """The fields' values as parameters of an exam or evaluation."""
    return {
        "decoding": decoding,
        "max_new_tokens": int(max_new_tokens) if max_new_tokens is not None else None,
        "samples": int(samples) if samples is not None else 1,
        "quantization": quantization,
        "prompts": prompts,
    }


def answered_so(params: dict[str, Any]) -> tuple[Any, ...]:
    """The fields' values that these parameters came from; with none, the usual ones."""
    decoding = params.get("decoding", "greedy")
    return (
        decoding,
        params.get("max_new_tokens") or DECODINGS[decoding].max_new_tokens,
        params.get("samples", 1),
        params.get("quantization", "none"),
        params.get("prompts", "chat"),
    )
