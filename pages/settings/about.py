"""What never changes: where the files lie, the keys, the terms, and which versions run."""

from importlib.metadata import version
from platform import python_version

from fair_app.settings import Settings
from pages.components.markup import text
from pages.languages import _

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
SETTING = "Set FAIR_HOME, FAIR_HOST and FAIR_PORT, or --home, --host and --port."


def about(settings: Settings, *, with_places: bool) -> str:
    """The end of the page; where the files lie only for whom it is to know."""
    parts = [
        (_("Keys in the review"), _keys(KEYS)),
        (_("Keys among an exam’s answers"), _keys(EXAM_KEYS)),
        (_("Keys in a comparison"), _keys(COMPARE_KEYS)),
        (_("Terms"), f'<p class="prose-text">{text(_(TERMS))}</p>'),
        (_("Versions"), _versions()),
    ]
    if with_places:
        parts = [(_("Where the files lie"), _places(settings)), *parts]
    return "".join(f"<h3>{text(title)}</h3>{body}" for title, body in parts)


def _places(settings: Settings) -> str:
    places = {
        _("Database"): settings.database,
        _("Models"): settings.models,
        _("Checkpoints"): settings.checkpoints,
        _("Uploads"): settings.uploads,
        _("Logs of jobs"): settings.logs,
    }
    where = {name: f"<code>{text(path.resolve())}</code>" for name, path in places.items()}
    return f'{_rows(where)}<p class="how">{text(_(SETTING))}</p>'


def _versions() -> str:
    versions = {"python": python_version(), **{name: version(name) for name in LIBRARIES}}
    return _rows({name: text(number) for name, number in versions.items()})


def _keys(keys: tuple[tuple[str, str], ...]) -> str:
    return _rows({pressed: text(_(what)) for pressed, what in keys}, tag="kbd")


def _rows(rows: dict[str, str], tag: str = "span") -> str:
    """Names and what stands beside them, which is HTML."""
    body = "".join(
        f"<div><dt><{tag}>{text(name)}</{tag}></dt><dd>{value}</dd></div>"
        for name, value in rows.items()
    )
    return f'<dl class="rows">{body}</dl>'
