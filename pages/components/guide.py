"""What this is and how to begin: for whoever is here for the first time, until they close it."""

from pathlib import Path

import gradio as gr

from pages.components.markup import text
from pages.languages import _

HERE = Path(__file__).parent
CSS = (HERE / "guide.css").read_text(encoding="utf-8")


def guide() -> gr.HTML:
    """Lay out the guide, fixed text. Whether it was closed is remembered in the browser."""
    return gr.HTML(
        "",
        html_template=(HERE / "guide.html").read_text(encoding="utf-8"),
        js_on_load=(HERE / "guide.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="guide",
    )


def opener() -> str:
    """A link that opens the guide again, anywhere on its page."""
    words = text(_("What is this?"))
    return f'<button type="button" class="go link" data-guide>{words}</button>'
