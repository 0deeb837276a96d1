"""The choice of a student: one of this machine, or of the hub with what the hub says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.student.check import Finding, findings, look_up, this_machine
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.student.registry import Quantization, parse_ref
from fair_app.studio.projects import Project
from fair_app.studio.training import trained
from pages.components.exam_fields import own_field
from pages.components.markup import text
from pages.components.page import LIVE
from pages.components.painted import painted
from pages.languages import _, said_of

MARKS = {"good": "✓", "note": "i", "bad": "!"}


@dataclass(frozen=True)
class StudentFields:
    """The student's field, and below it what the hub says of a model there."""

    student: gr.Dropdown
    checked: gr.HTML


def student_fields() -> StudentFields:
    """Lay out the field."""
    return StudentFields(
        gr.Dropdown(
            [OFFLINE_STUDENT],
            value=OFFLINE_STUDENT,
            label="Student",
            allow_custom_value=True,
            interactive=True,
            elem_id="exam-student",
        ),
        painted("exam-student-check"),
    )


def wire_check(settings: Settings, fields: StudentFields, quantization: gr.Dropdown) -> None:
    """Check a model of the hub when it is named, and again for another quantization."""
    asked = [fields.student, quantization]
    for event in (fields.student.input, quantization.input):
        event(lambda ref, bits: asking(settings, ref), asked, fields.checked, **LIVE).then(
            lambda ref, bits: checked(settings, ref, bits), asked, fields.checked, **LIVE
        )


def chosen_so(settings: Settings, project: Project, params: dict[str, Any]) -> gr.Dropdown:
    """The student's field as it was for an exam with these parameters."""
    made = [f"checkpoint:{one.name}" for one in trained(settings, project)]
    served = params.get("server")
    here = [] if served else [project.student]
    choices = list(dict.fromkeys([OFFLINE_STUDENT, *here, *made]))
    value = OFFLINE_STUDENT if served else project.student
    return gr.Dropdown(choices=choices, value=value, **own_field(served, "exam-student"))


def asking(settings: Settings, ref: str | None) -> str:
    """What to show until the hub has answered."""
    if _is_hub_id(settings, ref):
        return f'<p class="soft" role="status">{text(_("Asking the hub about it…"))}</p>'
    return ""


def checked(settings: Settings, ref: str | None, quantization: Quantization) -> str:
    """What the hub says of a model, as a list; nothing for any other student."""
    if not ref or not _is_hub_id(settings, ref):
        return ""
    try:
        return painting(findings(look_up(ref.strip()), this_machine(), quantization))
    except BadInput as fault:
        return painting([Finding("bad", said_of(fault))])
    except WorkFailed as fault:
        return painting([Finding("note", said_of(fault))])


def painting(found: Sequence[Finding]) -> str:
    """Findings, each with a mark beside its sentence."""
    rows = "".join(
        f'<li class="{one.level}"><i aria-hidden="true">{MARKS[one.level]}</i>'
        f"<span>{text(said_of(one.sentence))}</span></li>"
        for one in found
    )
    return f'<ul class="findings" role="status">{rows}</ul>'


def _is_hub_id(settings: Settings, ref: str | None) -> bool:
    try:
        return bool(ref) and (
            parse_ref(str(ref), settings.checkpoints, settings.models).kind == "hub"
        )
    except BadInput:
        return False
