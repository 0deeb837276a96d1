"""The form for a teacher: a preset to begin with, and the fields of a committee file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fair_app.committee.base import TeacherSpec
from fair_app.committee.committee_file import default_committee
from fair_app.committee.presets import (
    PAPER_NOTE,
    PRESETS,
    default_remote_committee,
    paper_committee,
    terms_of,
)
from fair_app.committee.registry import PROVIDERS
from pages.components.markup import text
from pages.languages import _

WHOLE = {
    "whole:remote": ("One model of each provider", default_remote_committee, ""),
    "whole:offline": ("The three offline teachers", default_committee, ""),
    "whole:paper": ("The paper’s committee", paper_committee, PAPER_NOTE),
}
"""Whole committees, beside the teachers one by one."""

CHOICES = [
    *((one.title, one.key) for one in PRESETS),
    *((f"Whole committee: {title}", key) for key, (title, _, _) in WHOLE.items()),
]

FIELDS = (
    *("name", "provider", "model", "base_url", "api_key_env", "temperature", "max_tokens"),
    *("requests_per_minute", "tokens_per_minute"),
    *("usd_per_million_input", "usd_per_million_output", "reasoning_effort", "timeout_s"),
)
"""The fields of the form, in its order, as a committee file calls them."""

EFFORTS = ["none", "minimal", "low", "medium", "high"]


@dataclass(frozen=True)
class TeacherForm:
    """The form's components. `replaces` holds the name of the teacher that is being changed."""

    box: gr.Column
    heading: gr.HTML
    preset: gr.Dropdown
    about: gr.HTML
    body: gr.Column
    fields: list[Any]
    replaces: gr.State
    save: gr.Button
    close: gr.Button

    @property
    def provider(self) -> gr.Dropdown:
        """The field that says who is asked."""
        return self.fields[FIELDS.index("provider")]

    @property
    def base_url(self) -> gr.Textbox:
        """The field that names another server."""
        return self.fields[FIELDS.index("base_url")]

    @property
    def outputs(self) -> list[Any]:
        """All that `opened`, `changed` and `closed` fill."""
        return [
            *(self.box, self.heading, self.preset, self.about, self.body, self.save),
            *(self.replaces, *self.fields),
        ]


def teacher_form() -> TeacherForm:
    """Lay out the form, closed."""
    with gr.Column(visible=False, elem_id="teacher-form", elem_classes="sheet") as box:
        heading = gr.HTML("", elem_id="teacher-heading", apply_default_css=False)
        preset = gr.Dropdown(
            CHOICES,
            value=PRESETS[0].key,
            label="Begin with",
            filterable=False,
            elem_id="teacher-preset",
        )
        about = gr.HTML("", elem_id="teacher-about", apply_default_css=False)
        with gr.Column(elem_classes="bare") as body:
            with gr.Row(elem_classes="fields"):
                first = [
                    _words("name", "Name"),
                    gr.Dropdown(
                        list(PROVIDERS),
                        value="openai",
                        label="Provider",
                        filterable=False,
                        elem_id="teacher-provider",
                    ),
                    _words("model", "Model"),
                    _words("base_url", "Base URL"),
                    _words("api_key_env", "Key’s variable"),
                    _number("temperature", "Temperature"),
                    _number("max_tokens", "Most tokens an answer", 0),
                ]
            with (
                gr.Accordion("Limits, prices, thinking", open=False, elem_classes="more"),
                gr.Row(elem_classes="fields"),
            ):
                rare = [
                    _number("requests_per_minute", "Calls a minute"),
                    _number("tokens_per_minute", "Tokens a minute"),
                    _number("usd_per_million_input", "USD a million tokens sent"),
                    _number("usd_per_million_output", "USD a million received"),
                    gr.Dropdown(
                        [("As the provider has it", ""), *((one, one) for one in EFFORTS)],
                        value="",
                        label="Thinking",
                        filterable=False,
                        elem_id="teacher-reasoning_effort",
                    ),
                    _number("timeout_s", "Seconds until a call is given up"),
                ]
        with gr.Row(elem_classes="actions"):
            save = gr.Button("Add", variant="primary", size="sm", elem_id="teacher-save")
            close = gr.Button("Close", size="sm", elem_id="teacher-close")
    fields = [*first, *rare]
    return TeacherForm(box, heading, preset, about, body, fields, gr.State(""), save, close)


def opened(taken: Sequence[str], key: str = PRESETS[0].key) -> list[Any]:
    """The form for a new teacher that begins with a preset, under a name that is free."""
    whole = WHOLE.get(key)
    spec = whole[1]()[0] if whole else next(one for one in PRESETS if one.key == key).spec
    if not whole:
        spec = spec.model_copy(update={"name": _free(spec.name, taken)})
    return [
        gr.Column(visible=True),
        f"<h3>{text(_('Add a teacher'))}</h3>",
        gr.Dropdown(
            choices=[(_(title), preset) for title, preset in CHOICES], value=key, visible=True
        ),
        about_preset(key),
        gr.Column(visible=not whole),
        gr.Button("Use this committee" if whole else "Add"),
        "",
        *_values(spec),
    ]


def changing(spec: TeacherSpec) -> list[Any]:
    """The form with what a teacher is now."""
    return [
        gr.Column(visible=True),
        f"<h3>{text(_('Change {name}', name=spec.name))}</h3>",
        gr.Dropdown(visible=False),
        _about("", spec),
        gr.Column(visible=True),
        gr.Button("Save"),
        spec.name,
        *_values(spec),
    ]


def closed() -> list[Any]:
    """The form out of sight."""
    return [gr.Column(visible=False), *[gr.skip()] * 5, "", *[gr.skip()] * len(FIELDS)]


def about_preset(key: str) -> str:
    """What to know of a preset, and what its provider's terms say."""
    if key in WHOLE:
        committee, note = WHOLE[key][1:]
        names = ", ".join(f"{one.name} ({one.model})" for one in committee())
        said = [terms_of(one) for one in committee()]
        return _paragraphs(
            _("It takes the place of the present committee: {names}.", names=names),
            note,
            *filter(None, said),
        )
    preset = next(one for one in PRESETS if one.key == key)
    return _about(preset.note, preset.spec)


def about_provider(provider: str, base_url: str) -> str:
    """What a provider's terms say of training on its output."""
    spec = TeacherSpec.model_construct(provider=provider, base_url=(base_url or "").strip() or None)
    return _about("", spec)


def given(values: Sequence[Any]) -> dict[str, Any]:
    """The fields of a committee file from the form's values; empty ones are left out."""
    fields = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in zip(FIELDS, values, strict=True)
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _about(note: str, spec: TeacherSpec) -> str:
    return _paragraphs(note, terms_of(spec) or "")


def _paragraphs(*sentences: str) -> str:
    return "".join(f'<p class="soft">{text(_(one))}</p>' for one in sentences if one)


def _values(spec: TeacherSpec) -> list[Any]:
    values = spec.model_dump()
    return ["" if name in TEXTS and values[name] is None else values[name] for name in FIELDS]


TEXTS = ("base_url", "api_key_env", "reasoning_effort")


def _free(name: str, taken: Sequence[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found


def _words(name: str, label: str) -> gr.Textbox:
    return gr.Textbox("", label=label, max_lines=1, elem_id=f"teacher-{name}")


def _number(name: str, label: str, precision: int | None = None) -> gr.Number:
    return gr.Number(None, label=label, precision=precision, elem_id=f"teacher-{name}")
