"""What the teachers are asked: a template a role, with the rendered text beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from fair_app.committee.base import Role
from fair_app.committee.prompts import DEFAULTS, FIELDS
from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.projects import open_project
from fair_app.studio.teachers import preview, set_template, templates
from pages.components.markup import text
from pages.components.notice import notice, spoken
from pages.components.page import ACTION, Place
from pages.components.painted import fixed, painted
from pages.languages import _, said_of

TITLES = {Role.RATIONALE: "Rationale", Role.FEEDBACK: "Feedback", Role.REVIEW: "Review"}
ABOUT = (
    "A changed prompt makes new calls. What was asked with another one is kept, and is there again "
    "when that prompt is."
)


@dataclass(frozen=True)
class PromptsPanel:
    """The panel's components: an editor a role, of which one is on the screen."""

    panel: gr.Accordion
    role: gr.Radio
    editors: dict[Role, gr.Textbox]
    needed: gr.HTML
    shown: gr.HTML
    save: gr.Button
    reset: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What `values` fills."""
        return [self.panel, *self.editors.values(), self.shown]


def prompts_panel() -> PromptsPanel:
    """Lay out the panel, closed."""
    with gr.Accordion(
        "Prompts", open=False, elem_id="committee-prompts", elem_classes="fold"
    ) as panel:
        fixed(f'<p class="soft">{ABOUT}</p>')
        role = gr.Radio(
            [(title, one.value) for one, title in TITLES.items()],
            value=Role.RATIONALE.value,
            label="Prompts",
            show_label=False,
            container=False,
            elem_id="prompt-role",
            elem_classes="segments",
        )
        with gr.Row(elem_classes="pair-of"):
            with gr.Column():
                editors = {
                    one: gr.Textbox(
                        label=f"{title} prompt",
                        lines=9,
                        max_lines=18,
                        visible=one is Role.RATIONALE,
                        elem_id=f"prompt-{one.value}",
                    )
                    for one, title in TITLES.items()
                }
                needed = painted("prompt-needed", _needed(Role.RATIONALE))
                with gr.Row(elem_classes="actions"):
                    save = gr.Button("Save the prompt", size="sm", elem_id="prompt-save")
                    reset = gr.Button("Back to the default", size="sm", elem_id="prompt-reset")
            shown = painted("prompt-preview")
    return PromptsPanel(panel, role, editors, needed, shown, save, reset)


def values(settings: Settings, project: Any, role: str, keep: bool) -> list[Any]:
    """What the panel shows of a project; `keep` leaves what a person may be writing."""
    now = templates(settings, project)
    own = [_(TITLES[one].lower()) for one, template in now.items() if template != DEFAULTS[one]]
    label = _("Prompts ({roles} changed)", roles=", ".join(own)) if own else _("Prompts")
    if keep:
        return [gr.Accordion(label=label), *[gr.skip()] * (len(Role) + 1)]
    return [
        gr.Accordion(label=label),
        *(now[one] for one in TITLES),
        _preview(settings, project, Role(role), now[Role(role)]),
    ]


def wire(
    settings: Settings,
    place: Place,
    found: PromptsPanel,
    saved: Callable[..., Sequence[Any]],
    more: list[Any],
) -> None:
    """Wire the panel's events. `saved(project, request)` gives what `more` shows after a save."""
    editors = list(found.editors.values())

    def look(project: str, role: str, *texts: str) -> str:
        return _preview(settings, open_project(settings, project), Role(role), _own(role, texts))

    def choose(project: str, role: str, *texts: str) -> Sequence[Any]:
        chosen = Role(role)
        return [
            *(gr.Textbox(visible=one is chosen) for one in TITLES),
            _needed(chosen),
            look(project, role, *texts),
        ]

    def keep(request: gr.Request, project: str, role: str, *texts: str) -> Sequence[Any]:
        return set_to(request, project, role, _own(role, texts))

    def back(request: gr.Request, project: str, role: str) -> Sequence[Any]:
        return set_to(request, project, role, DEFAULTS[Role(role)])

    def set_to(request: gr.Request, name: str, role: str, template: str) -> Sequence[Any]:
        project = open_project(settings, name)
        set_template(settings, project, Role(role), template)
        label = values(settings, project, role, keep=True)[0]
        fields = [template if one is Role(role) else gr.skip() for one in TITLES]
        shown = _preview(settings, project, Role(role), template)
        return [label, *fields, shown, *saved(project, request)]

    inputs = [place.project, found.role, *editors]
    quick: dict[str, Any] = {**ACTION, "queue": False}
    for editor in editors:
        # Not `input`, which Gradio does not send when a text is pasted.
        editor.change(look, inputs, found.shown, trigger_mode="always_last", **quick)
    found.role.input(choose, inputs, [*editors, found.needed, found.shown], **quick)
    found.save.click(spoken(keep), inputs, [*found.outputs, *more], **ACTION)
    found.reset.click(spoken(back), inputs[:2], [*found.outputs, *more], **ACTION)


def _own(role: str, texts: Sequence[str]) -> str:
    return dict(zip(TITLES, texts, strict=True))[Role(role)] or ""


def _needed(role: Role) -> str:
    """The fields that a template must hold, and what stands there."""
    fields: Mapping[str, str] = FIELDS[role]
    rows = "".join(
        f"<li><code>{text('$' + name)}</code> {text(_(about))}</li>"
        for name, about in fields.items()
    )
    return f'<p class="soft">{text(_("It must hold:"))}</p><ul class="needs">{rows}</ul>'


def _preview(settings: Settings, project: Any, role: Role, template: str) -> str:
    try:
        rendered = preview(settings, project, role, template)
    except BadInput as fault:
        return notice(said_of(fault), "warning")
    return (
        f'<p class="soft">{text(_("As it is sent, about the first mistake:"))}</p>'
        f'<pre class="said">{text(rendered)}</pre>'
    )
