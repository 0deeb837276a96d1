"""Settings: where the files lie, which versions run, whose terms apply, and the keys."""

from collections.abc import Sequence
from importlib.metadata import version
from platform import python_version
from typing import Any

from fair_app.access.roles import Role, who_visits
from fair_app.settings import Settings
from fair_app.studio.projects import Project
from pages.components.markup import text
from pages.components.page import Page, Place
from pages.components.painted import page_head, painted
from pages.components.people import People
from pages.components.sharing import Sharing

LIBRARIES = ("gradio", "torch", "transformers", "peft", "bitsandbytes")
TERMS = (
    "A provider’s terms may forbid training another model on what its models write. Read the terms "
    "of every teacher that you ask, and the licence of the student, before you share a checkpoint. "
    "The offline student, SmolLM2-135M-Instruct, is Apache-2.0; the offline teachers are rules, "
    "and what they write is yours."
)
KEYS = (
    ("j k", "next and previous question"),
    ("1 … 9", "choose a rationale"),
    ("a r x", "accept, reject or reset the chosen teacher’s rationale"),
    ("u", "undo your latest decision"),
    ("?", "show the keys"),
)
EXAM_KEYS = (
    ("j k", "next and previous answer"),
    ("Enter", "open or close the answer"),
    ("r w b", "mark it as right, as wrong, or go back to the rule’s grade"),
    ("u", "undo your latest word"),
)
COMPARE_KEYS = (
    ("j k", "next and previous question"),
    ("d", "mark what differs in the two answers, or show them plain"),
)


def build(settings: Settings, place: Place) -> Page:
    """Lay out the page, on which an owner makes links to look and gives roles."""
    page_head("Settings", "Set FAIR_HOME, FAIR_HOST and FAIR_PORT, or --home, --host and --port.")
    sharing, people = Sharing(settings, place), People(settings)
    whole = painted("settings")

    def refresh(project: Project, item: str) -> Sequence[Any]:
        shown = who_visits().role is Role.OWNER
        parts = (*sharing.values(project), *people.values())
        return [*parts, _painting(settings, with_places=shown)]

    return Page("settings", "Settings", refresh, [*sharing.outputs, *people.outputs, whole])


def _painting(settings: Settings, *, with_places: bool) -> str:
    """What never changes; where the files lie only for whom it is to know."""
    places = {
        "Database": settings.database,
        "Models": settings.models,
        "Checkpoints": settings.checkpoints,
        "Logs of jobs": settings.logs,
    }
    versions = {"python": python_version(), **{name: version(name) for name in LIBRARIES}}
    where = _rows({name: f"<code>{text(path.resolve())}</code>" for name, path in places.items()})
    return (
        (f"<h3>Where the files lie</h3>{where}" if with_places else "")
        + "<h3>Keys in the review</h3>"
        + _rows({keys: text(what) for keys, what in KEYS}, keys=True)
        + "<h3>Keys among an exam’s answers</h3>"
        + _rows({keys: text(what) for keys, what in EXAM_KEYS}, keys=True)
        + "<h3>Keys in a comparison</h3>"
        + _rows({keys: text(what) for keys, what in COMPARE_KEYS}, keys=True)
        + f'<h3>Terms</h3><p class="prose-text">{text(TERMS)}</p>'
        + "<h3>Versions</h3>"
        + _rows({name: text(number) for name, number in versions.items()})
    )


def _rows(rows: dict[str, str], keys: bool = False) -> str:
    """Names and what stands beside them, which is HTML."""
    tag = "kbd" if keys else "span"
    body = "".join(
        f"<div><dt><{tag}>{text(name)}</{tag}></dt><dd>{value}</dd></div>"
        for name, value in rows.items()
    )
    return f'<dl class="rows">{body}</dl>'
