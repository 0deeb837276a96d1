"""A page of several sub-pages, of which one is on the screen: links to them, an address for each.

A sub-page is a module as `pages.components.page` describes a page's: `build(settings, place)` lays
it out, below the links, and its `Page` is shown as the shell shows a page. `place.item` is `NAME`
or `NAME.REST`: a sub-page's `refresh` gets REST as its item, and where it writes `place.item` it
writes its own name before it. Its timer ticks while it is the one on the screen.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from fair_app.settings import Settings
from fair_app.studio.projects import Project
from pages.components.markup import text
from pages.components.page import Page, Place

HERE = Path(__file__).parent


class SubPage(Protocol):
    """A module with a sub-page."""

    def build(self, settings: Settings, place: Place) -> Page:
        """Lay out the sub-page and wire its events."""
        ...


def composed(
    name: str,
    title: str,
    modules: Sequence[SubPage],
    settings: Settings,
    place: Place,
    *,
    home: Callable[[str], str],
) -> Page:
    """Lay out the links and the sub-pages; what comes back is the page that they make.

    `home` names the sub-page of an item that bears no sub-page's name, such as an old address.
    """
    bar = gr.Column()
    opened = gr.State("")
    parts: dict[str, Page] = {}
    columns: dict[str, gr.Column] = {}
    for module in modules:
        with gr.Column(visible=False, elem_classes="subpage") as column:
            part = module.build(settings, place)
        parts[part.name], columns[part.name] = part, column
    with bar:
        links = _links(name, title, list(parts.values()))
    timers = [part.timer for part in parts.values() if part.timer]
    own = [one for part in parts.values() for one in part.outputs]
    outputs = list(dict.fromkeys([links, opened, *columns.values(), *timers, *own, place.item]))

    def refresh(project: Project, item: str, then: str, *values: Any, **who: str) -> Sequence[Any]:
        now, rest = asked(item, then, list(parts), home)
        start, given = 0, {}
        for part in parts.values():
            given[part.name] = values[start : start + len(part.inputs)]
            start += len(part.inputs)
        part = parts[now]
        known = {"person": part.personal, "actor": part.acting}
        wanted = {key: value for key, value in who.items() if known[key]}
        shown: dict[Any, Any] = {
            links: {"project": project.name, "open": now},
            opened: now,
            place.item: f"{now}.{rest}" if rest else now,
            **{column: gr.Column(visible=key == now) for key, column in columns.items()},
            **{timer: gr.Timer(active=timer is part.timer) for timer in timers},
        }
        found = part.refresh(project, rest, *given[now], **wanted)
        shown |= dict(zip(part.outputs, found, strict=True))
        return [shown.get(one, gr.skip()) for one in outputs]

    return Page(
        name=name,
        title=title,
        refresh=refresh,
        inputs=[opened, *(one for part in parts.values() for one in part.inputs)],
        outputs=outputs,
        timers=timers,
        personal=any(part.personal for part in parts.values()),
        acting=any(part.acting for part in parts.values()),
        css=(HERE / "subpages.css").read_text(encoding="utf-8")
        + "".join(part.css for part in parts.values()),
        js="".join(part.js for part in parts.values()),
    )


def asked(
    item: str, then: str, names: Sequence[str], home: Callable[[str], str]
) -> tuple[str, str]:
    """The sub-page that an item asks for, and its own part of the item.

    Without an item it is the one that was open `then`, or the first.
    """
    if not item:
        return (then if then in names else names[0]), ""
    name, _, rest = item.partition(".")
    return (name, rest) if name in names else (home(item), item)


def _links(page: str, title: str, parts: Sequence[Page]) -> gr.HTML:
    """The links; the value says the project and which sub-page is open."""
    listed = "".join(
        f'<a href="?tab={text(page)}" data-go="{text(page)}" data-item="{text(part.name)}">'
        f"{text(part.title)}</a>"
        for part in parts
    )
    return gr.HTML(
        {},
        html_template=f'<nav class="subpages" aria-label="{text(title)}">{listed}</nav>',
        js_on_load=(HERE / "subpages.js").read_text(encoding="utf-8"),
        elem_id=f"{page}-subpages",
        apply_default_css=False,
    )
