"""A hostile text typed into every field of every page, in a real browser: nothing of it runs."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.screens import screens, too_wide
from tests.browser.taught import taught

pytestmark = pytest.mark.browser

HOSTILE = (
    "${window.hacked=1} {{window.hacked=1}} <img src=x onerror='window.hacked=1'> \"'>"
    "<script>window.hacked=1</script> [x](javascript:window.hacked=1)"
)
LONG = "x" * 300
TABS = ("overview", "exam", "committee", "review", "training", "evaluation", "settings")
PARTS = ("tests", "compare", "matrix", "ablations", "rounds", "try")

# Unfolds what is folded, types into each field that can be typed into, and says how many they were.
FILL = """(text) => {
  const seen = (one) => one.offsetParent !== null && !one.disabled && !one.readOnly;
  for (const fold of document.querySelectorAll('[aria-expanded=false].fold, .more > button')) {
    if (seen(fold)) fold.click();
  }
  for (const one of document.querySelectorAll('details:not([open])')) one.open = true;
  const kinds = ['text', 'password', 'search'].map((kind) => `input[type=${kind}]`);
  const fields = [...document.querySelectorAll(`textarea, input:not([type]), ${kinds}`)];
  const filled = fields.filter(seen);
  for (const field of filled) {
    field.focus();
    const kind = field.tagName === 'TEXTAREA' ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(field, text);
    for (const event of ['input', 'change', 'blur']) {
      field.dispatchEvent(new Event(event, {bubbles: true}));
    }
    const key = {key: 'Enter', code: 'Enter', bubbles: true};
    field.dispatchEvent(new KeyboardEvent('keydown', key));
    field.dispatchEvent(new KeyboardEvent('keypress', key));
  }
  return filled.length;
}"""
PRESS = """() => {
  const buttons = [...document.querySelectorAll('button.primary:not([data-go])')];
  const seen = buttons.filter((one) => one.offsetParent !== null && !one.disabled);
  for (const one of seen) one.click();
  return seen.length;
}"""
# Gradio's own names for fields that a page gave none: they are to stay out of sight.
UNNAMED = """() => [...document.querySelectorAll('[data-testid=block-info]')]
  .filter((one) => one.offsetParent !== null)
  .map((one) => one.textContent.trim())
  .filter((name) => !name || ['Textbox', 'Number', 'Dropdown', 'Radio', 'Checkbox', 'Slider']
    .includes(name))"""


def places(page: Any) -> Any:
    """Open every page, and every part of one, one after the other."""
    for tab in TABS:
        page.evaluate("tab => document.getElementById(`tab-${tab}-button`).click()", tab)
        page.wait_for_selector(f"#tab-{tab} .page-head >> visible=true")
        for part in PARTS if tab == "evaluation" else ("",):
            if part:
                page.click(f"#evaluation-subpages [data-item={part}]")
                page.wait_for_selector(f"#evaluation-subpages [data-item={part}][aria-current]")
            page.wait_for_timeout(150)
            yield f"{tab} {part}".strip()


@pytest.mark.timeout(900)
def test_a_hostile_text_in_every_field_runs_nowhere(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings, f"{HOSTILE} {LONG}")
    page.goto(f"{server.url}/?project={quote(project.name)}")
    page.wait_for_selector("#tab-overview .page-head >> visible=true")
    page.click("#new-project")
    page.wait_for_selector("#new-project-panel >> visible=true")
    fields = pressed = 0
    for place in places(page):
        fields += page.evaluate(FILL, HOSTILE)
        page.wait_for_timeout(150)
        fields += page.evaluate(FILL, HOSTILE)  # what unfolded meanwhile
        pressed += page.evaluate(PRESS)
        page.wait_for_timeout(300)
        assert page.evaluate("window.hacked") is None, place
    assert fields > 60 and pressed > 10
    # What was refused is told, with what was typed, as text.
    assert page.locator(".toast-body :is(img[src=x], script)").count() == 0
    assert watched.foreign == []

    # Each page once more, as it was left: what Gradio hides stays hidden, and all of it fits.
    for place in places(page):
        assert page.evaluate(UNNAMED) == [], place
        for width, theme in screens(page):
            assert too_wide(page) <= 0, f"{place}: too wide at {width}, {theme}"
        page.set_viewport_size({"width": 1280, "height": 900})
    assert page.evaluate("window.hacked") is None
