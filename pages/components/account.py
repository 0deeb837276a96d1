"""Who is signed in, at the top of every page, and the way out; and a server that stands open."""

from typing import Any

import gradio as gr

from fair_app.access.roles import Role, Visitor
from pages.access import SIGN_IN, SIGN_OUT, buttons_for
from pages.components.notice import notice

TEMPLATE = f"""
<div class="account" hidden><span class="who"></span>
<form method="post" action="{SIGN_OUT[1:]}" onsubmit="sessionStorage.clear()">
<button type="submit" class="go link">Sign out</button></form>
<a class="in" href="{SIGN_IN[1:]}" hidden>Sign in</a></div>
"""
PAINT = """
const paint = () => {
  const {name, role, project, signed_in} = props.value || {};
  document.body.dataset.role = role || '';
  document.body.toggleAttribute('data-link', !!project);
  const box = element.querySelector('.account');
  box.hidden = !name;
  if (!name) return;
  box.querySelector('.who').textContent = project ? fairWords`Looking at ${project}`
    : signed_in ? `${name} · ${role}` : fairWords`You may look`;
  box.querySelector('form').hidden = !signed_in;
  box.querySelector('form button').textContent = project ? fairWords`Leave` : fairWords`Sign out`;
  box.querySelector('.in').hidden = !!signed_in;
};
watch('value', paint);
paint();
"""
CSS = """
#account .account { display: flex; gap: 12px; align-items: center; font-size: 13px; }
#account .account { color: var(--ink-soft); }
#account .account[hidden], #account [hidden] { display: none; }
#account form { margin: 0; }
#account .go { padding: 0; }
"""


FOR_CURATORS = (
    *(f"[data-ask={act}]" for act in ("undo", "redo", "bulk", "grade", "accept", "reject")),
    *(f"[data-ask={act}]" for act in ("reset", "restore", "edit", "favourite", "comment")),
    *("#exam-answers .grading", "#exam-said [data-undo]"),
)
FOR_OWNERS = (
    *(".job-panel .cancel", ".job-panel .give-up", ".job-panel .resume", ".waiting [data-queue]"),
    *("#training-checkpoints [data-merge]", "[data-gguf]", "#training-checkpoints [data-resume]"),
    *("#committee-cards [data-act]", '[href$="/bundle.zip"]', "#rounds-course [data-exam]"),
    '[data-item^="push."]',
)
"""What in the blocks of HTML needs a role; Gradio's own buttons are found by their handlers."""


def account_line() -> gr.HTML:
    """Lay out the line; its value is what `account_value` returns."""
    return gr.HTML(
        {}, html_template=TEMPLATE, js_on_load=PAINT, elem_id="account", apply_default_css=False
    )


def account_value(who: Visitor) -> dict[str, Any]:
    """Who is asking, for the line and for `data-role` on the document's body."""
    return {
        "name": who.name or "",
        "role": who.role.word,
        "project": who.project or "",
        "signed_in": who.signed_in,
    }


def warned(words: str) -> gr.HTML | None:
    """A warning across the page, where there is one."""
    if not words:
        return None
    return gr.HTML(notice(words, "warning"), elem_id="open-server", apply_default_css=False)


def hidden_css(demo: gr.Blocks) -> str:
    """What is not shown to whom: the buttons that the server would refuse them anyway."""
    rules = []
    for role, written in (
        (Role.VIEWER, (*FOR_CURATORS, *FOR_OWNERS)),
        (Role.CURATOR, FOR_OWNERS),
    ):
        buttons = [f"#{one}" for one in buttons_for(demo, role)]
        all_of_them = ", ".join(
            f'body[data-role="{role.word}"] {one}' for one in (*buttons, *written)
        )
        rules.append(f"{all_of_them} {{ display: none !important; }}\n")
    return "".join(rules)
