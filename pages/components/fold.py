"""A heading that folds the block after it."""

from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
CSS = (HERE / "fold.css").read_text(encoding="utf-8")


def fold(elem_id: str, title: str, about: str, *, unfolded: bool = False) -> gr.HTML:
    """Lay out the heading, fixed text. The block that is laid out next is folded with it.

    Its value is any text that names what is inside, "" for nothing: the event `unfold` is sent when
    the block is unfolded, and when it is so and the value changes. Whether it is unfolded is
    remembered as long as the browser's tab is open; at first it is as `unfolded` says, and folded
    on a narrow screen.
    """
    return gr.HTML(
        "",
        html_template=(
            f'<button type="button" class="fold" aria-expanded="{str(unfolded).lower()}">'
            f'<span class="fold-title">{title}</span> <span class="fold-about">{about}</span>'
            "</button>"
        ),
        js_on_load=(HERE / "fold.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )
