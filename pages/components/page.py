"""What a page is, and how the shell shows it.

A page module has one function::

    def build(settings: Settings, place: Place) -> Page: ...

The shell calls it inside the page's `gr.Tab`; it lays out components and wires its own events.
What the shell does with the `Page` that comes back:

- It calls `refresh` when the page is opened: by its tab, a link, a reload or another project.
  `refresh` reads the store and returns the values of `outputs`, so that a reload loses nothing.
- It ticks `timer` only while the page is the one on the screen. A page creates its timer with
  `active=False` and wires its own tick, with `LIVE`, to what moves while a job runs; fields that a
  person may be typing in are left alone.
- Where a page shows what is one person's alone (`personal`), its `refresh` is also given who that
  is, as `person=`. Handlers find it with `pages.person.person(request)`. Where it shows what a
  person decided (`acting`), it is given the name that stands in the log of decisions, as `actor=`.
- It keeps the address true to `place`. A page that has something open (a card, a filter) makes
  `place.item` an output of its events and writes its id there; `refresh` gets it back as `item`.
  By the tab bar a page is opened with `item` "": it then shows what it showed, or its beginning.

Handlers take `place.project` as an input, which gives the project's name, and open it with
`fair_app.studio.projects.open_project`. Wrap those that can raise BadInput with
`pages.components.notice.spoken` and wire them with `ACTION`. Links to other pages are any elements
with `data-go="exam"` (and `data-item="wrong"`): the shell listens for clicks on them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from fair_app.keys import TypedKeys

LIVE: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "once",
}
"""For what looks without changing anything, `timer.tick(..., **LIVE)`: no queue, no spinner."""

ACTION: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""For what a person pressed. Queued, because Gradio shows a sentence only from queued events."""


@dataclass(frozen=True)
class Place:
    """Where a person is, in three hidden text boxes, and the keys that persons typed here.

    The browser holds the boxes' values, so that neither a reload nor a restart of the server loses
    them; the keys are in the server's memory alone.
    """

    project: gr.Textbox
    tab: gr.Textbox
    item: gr.Textbox
    typed_keys: TypedKeys


@dataclass(frozen=True)
class Page:
    """One page as the shell sees it.

    `name` stands in the address, `title` on the tab. `refresh(project: Project, item: str, *values
    of inputs)` returns one value for each of `outputs`, in their order. `css` and `js` go into the
    document once; `js` is statements, run when the app has loaded. `timers` are further ones, which
    `refresh` switches; the shell stops them when the page is left.
    """

    name: str
    title: str
    refresh: Callable[..., Sequence[Any]]
    outputs: list[Any]
    inputs: list[Any] = field(default_factory=list)
    timer: gr.Timer | None = None
    timers: list[gr.Timer] = field(default_factory=list)
    personal: bool = False
    acting: bool = False
    css: str = ""
    js: str = ""
