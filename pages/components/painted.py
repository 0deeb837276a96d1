"""Blocks of HTML that Python writes, all text in them escaped with `markup.text`."""

import gradio as gr

KEEP_OPEN = """
const open = new Set();
element.addEventListener('toggle', (event) => {
  const key = event.target.dataset.key;
  if (key) event.target.open ? open.add(key) : open.delete(key);
}, true);
watch('value', () => element.querySelectorAll('details[data-key]').forEach((details) => {
  if (open.has(details.dataset.key)) details.open = true;
}));
"""


def painted(elem_id: str, value: str = "") -> gr.HTML:
    """A block that events fill. `<details data-key=…>` that a person opened stay open."""
    return gr.HTML(value, js_on_load=KEEP_OPEN, elem_id=elem_id, apply_default_css=False)


def page_head(title: str, sentence: str) -> gr.HTML:
    """A page's heading and what it is for, both fixed text."""
    return fixed(f'<header class="page-head"><h2>{title}</h2><p>{sentence}</p></header>')


def fixed(html: str) -> gr.HTML:
    """A block that never changes."""
    return gr.HTML(html, apply_default_css=False)
