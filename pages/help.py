"""What every setting is for: a line below its label, and more at the end of its page.

help.toml has the texts, by the ids of the fields. They are put on when a page has been laid out: a
page says nothing of its fields itself, but where another line counts for a while (`short`).
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.base import FormComponent

from pages.components.markup import text
from pages.components.painted import fixed

HERE = Path(__file__).parent
LABEL = "What these settings mean"


@dataclass(frozen=True, eq=False)
class Help:
    """What one setting is for. `states` are lines that take the place of `short` for a while."""

    section: str
    fields: tuple[str, ...]
    short: str
    more: str
    states: Mapping[str, str] = field(default_factory=dict)


@cache
def texts() -> tuple[Help, ...]:
    """All that help.toml says, in its order. Raises TypeError for a key that is none of `Help`."""
    sections = tomllib.loads((HERE / "help.toml").read_text(encoding="utf-8"))["section"]
    return tuple(
        Help(one["title"], tuple(said.pop("fields")), **said)
        for one in sections
        for said in one["setting"]
    )


@cache
def _by_field() -> dict[str, Help]:
    return {name: said for said in texts() for name in said.fields}


def short(name: str, state: str = "") -> str:
    """The line below a field's label, or the one that takes its place in a state.

    Raises KeyError for a field or a state that help.toml does not have.
    """
    said = _by_field()[name]
    return said.states[state] if state else said.short


def settings_in(block: Any) -> Iterator[Any]:
    """The fields in a block that are filled in, as they are laid out: those with a label."""
    for one in getattr(block, "children", []):
        yield from settings_in(one)
    if (
        isinstance(block, FormComponent)
        and (block.show_label or isinstance(block, gr.Checkbox))
        and block.visible != "hidden"
        and block.interactive is not False
    ):
        yield block


def explain(page: Any) -> None:
    """Put the texts on a page that is laid out: each field's line, and the rest at its end.

    A page of several sub-pages has the rest at the end of each.
    """
    with page:
        for part in [one for one in page.children if _is_subpage(one)] or [page]:
            labels: dict[Help, dict[str, None]] = {}
            for one in settings_in(part):
                said = _by_field().get(one.elem_id or "")
                if said is not None:
                    one.info = said.short
                    labels.setdefault(said, {})[one.label] = None
            if part is page:
                _lay_out(labels)
            else:
                with part:
                    _lay_out(labels)


def _is_subpage(block: Any) -> bool:
    return "subpage" in (block.elem_classes or [])


def _lay_out(labels: Mapping[Help, Iterable[str]]) -> None:
    if not labels:
        return
    sections: dict[str, str] = {}
    for said, names in labels.items():
        row = f"<dt>{'<br>'.join(map(text, names))}</dt><dd>{text(said.more)}</dd>"
        sections[said.section] = f"{sections.get(said.section, '')}<div>{row}</div>"
    with gr.Accordion(LABEL, open=False, elem_classes="meanings"):
        fixed(
            "".join(
                f'<h4>{text(title)}</h4><dl class="rows">{rows}</dl>'
                for title, rows in sections.items()
            )
        )
