"""Examples of a run as the student will see them: what is only read in grey, what counts in ink."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import gradio as gr

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings
from fair_app.studio.projects import open_project
from fair_app.studio.training_preview import Preview, Side, Totals, example_preview
from pages.components.fold import fold
from pages.components.markup import count, text
from pages.components.notice import notice
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.languages import _, said_of

CSS = (Path(__file__).parent / "training_preview.css").read_text(encoding="utf-8")
READING = "Reading the texts with the student’s tokenizer…"


class ExamplesFold:
    """A folded section; nothing is read before it is unfolded."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.heading = fold(
            "training-examples-fold",
            "Examples",
            "as the student will see them",
        )
        with gr.Column(elem_id="training-examples"):
            self._number = gr.Number(
                1,
                label="Example",
                precision=0,
                minimum=1,
                elem_id="training-example-number",
            )
            self._block = painted("training-examples-shown")

    def wire(self, place: Place, asked: Sequence[Any], read: Callable[..., dict[str, Any]]) -> None:
        """Show examples when unfolded, turned to another number, or when a field has changed.

        `asked` are the form's fields; `read` makes of their values what `example_preview` takes.
        """

        def show(project_name: str, number: float | None, *values: Any) -> str:
            project = open_project(self._settings, project_name)
            try:
                first = int(number or 1)
                return shown(example_preview(self._settings, project, first=first, **read(*values)))
            except (BadInput, WorkFailed) as fault:
                return notice(said_of(fault), "warning")

        inputs = [place.project, self._number, *asked]
        follow: dict[str, Any] = {**ACTION, "trigger_mode": "always_last"}
        self.heading.unfold(
            lambda: f'<p class="soft" role="status">{text(_(READING))}</p>',
            None,
            self._block,
            **ACTION,
        ).then(show, inputs, self._block, **follow)
        self._number.input(show, inputs, self._block, **follow)
        # The heading's value moves with the fields: unfolded, it then asks for the examples anew.
        left = [field for field in asked if isinstance(field, gr.Number | gr.Textbox)]
        chosen = [field for field in asked if isinstance(field, gr.Dropdown)]
        changes = [
            *(event for field in left for event in (field.blur, field.submit)),
            *(field.change for field in chosen),
        ]
        gr.on(changes, _key, [place.project, *asked], self.heading, **ACTION)


def _key(*values: Any) -> str:
    return f"{crc32(repr(values).encode()):x}"


def shown(found: Preview) -> str:
    """The totals, and the examples with both sides beside each other."""
    pairs = "".join(
        f"<h4>{text(_named(found, place))}</h4>"
        f'<div class="sides">{_side(_("Feedback"), one.feedback)}'
        f"{_side(_('Rationale'), one.rationale)}</div>"
        for place, one in enumerate(found.examples)
    )
    note = notice(found.totals.note) if found.totals.note else ""
    return f'<div class="seen">{note}<p class="soft">{_totals(found.totals)}</p>{pairs}</div>'


def _named(found: Preview, place: int) -> str:
    return _(
        "Example {number} of {questions}, in the order of the first epoch",
        number=f"{found.first + place:,}",
        questions=f"{found.totals.questions:,}",
    )


def _totals(totals: Totals) -> str:
    parts = [
        count(totals.questions, "question"),
        *([_("{n} more held out", n=f"{totals.held_out:,}")] if totals.held_out else []),
        _(
            "{texts} of {tokens} tokens, of which {learned} count",
            texts=count(totals.texts, "text"),
            tokens=f"{totals.tokens:,}",
            learned=f"{totals.learned:,}",
        ),
        _("the longest has {tokens}", tokens=f"{totals.longest:,}"),
        _(
            "{n} shortened, by {tokens} tokens in all",
            n=f"{totals.shortened:,}",
            tokens=f"{totals.cut:,}",
        )
        if totals.shortened
        else _("none is shortened"),
        *([_("{n} too long and left out", n=f"{totals.left_out:,}")] if totals.left_out else []),
        count(totals.steps, "step"),
    ]
    return " · ".join(parts)


def _side(title: str, side: Side | None) -> str:
    if side is None:
        none = text(_("This question has none."))
        return f'<section><h5>{text(title)}</h5><p class="soft">{none}</p></section>'
    shortened = text(_("shortened by {tokens}", tokens=f"{side.cut:,}"))
    cut = f'<span class="tag warn">{shortened}</span>' if side.cut else ""
    tokens = {
        "prompt": count(side.prompt_tokens, "token"),
        "response": f"{side.response_tokens:,}",
    }
    said = (
        _("{prompt} read, {response} learned", **tokens)
        if side.counts
        else _("{prompt} read, {response} not counted", **tokens)
    )
    start = '<span class="soft">…</span>' if side.cut else ""
    return (
        f"<section><h5>{text(title)} <span>{text(side.teacher)}</span></h5>"
        f'<p class="soft">{text(said)} {cut}</p>'
        f'<pre class="said">{start}<span class="masked">{text(side.prompt)}</span>'
        f'<span class="{"counts" if side.counts else "masked"}">{text(side.response)}</span>'
        "</pre></section>"
    )
