"""How a student answers, and behind which server: the fields that exam and evaluation share."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from fair_app.student.base import DECODINGS
from pages.components.page import ACTION, LIVE
from pages.help import short

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


@dataclass(frozen=True)
class ServerFields:
    """Where a served student is asked; without an address it is not one."""

    group: gr.Accordion
    address: gr.Textbox
    model: gr.Textbox
    key: gr.Textbox

    @property
    def outputs(self) -> list[Any]:
        """What `served_so` fills."""
        return [self.group, self.address, self.model, self.key]


def server_fields(prefix: str, student: gr.Dropdown) -> ServerFields:
    """Lay out the fields, folded away. An address takes the place of the student's own field."""
    with gr.Accordion("A student behind a server", open=False, elem_classes="more") as group:
        address = gr.Textbox(
            label="Address",
            placeholder="http://127.0.0.1:8000/v1",
            max_lines=1,
            elem_id=f"{prefix}-server",
        )
        model = gr.Textbox(
            label="Its name for the model",
            placeholder="meta-llama/Llama-2-7b-chat-hf",
            max_lines=1,
            elem_id=f"{prefix}-served-model",
        )
        key = gr.Textbox(
            label="Key",
            type="password",
            max_lines=1,
            elem_id=f"{prefix}-server-key",
        )
    # Not `input`, which Gradio does not send for what is pasted.
    address.change(
        lambda given: gr.Dropdown(**own_field(given, student.elem_id)),
        address,
        student,
        **{**LIVE, "trigger_mode": "always_last"},
    )
    return ServerFields(group, address, model, key)


def served_so(params: dict[str, Any]) -> list[Any]:
    """The server's fields as they were for an exam with these parameters, without the key."""
    address = params.get("server") or ""
    return [gr.Accordion(open=bool(address)), address, params["student"] if address else "", ""]


def own_field(address: str | None, student: str) -> dict[str, Any]:
    """How the student's own field, of this id, is while the server's address is this."""
    served = bool((address or "").strip())
    return {"interactive": not served, "info": short(student, "served" if served else "")}
