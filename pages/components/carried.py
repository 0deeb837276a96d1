"""A text that goes from one handler to the next through the browser, and that nobody sees."""

import gradio as gr


def carried(elem_id: str | None = None) -> gr.Textbox:
    """Lay out the text, empty at first.

    style.css keeps it out of sight: what Gradio hides it shows again with the column around it.
    """
    return gr.Textbox("", visible="hidden", elem_id=elem_id, elem_classes="carried")
