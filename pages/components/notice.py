"""Sentences to a person: faults, notices in the page, and empty states that say what to do next."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import gradio as gr

from fair_app.errors import BadInput, WorkFailed
from pages.components.markup import text
from pages.languages import _, said_of

P = ParamSpec("P")
UNEXPECTED = "Something unexpected went wrong; the server’s terminal shows what."
logger = logging.getLogger(__name__)


def spoken(handler: Callable[P, Any]) -> Callable[P, Any]:
    """Make an event handler say BadInput and WorkFailed as a sentence, changing nothing else.

    Any other fault is logged, and the page says that there was one.
    """

    @wraps(handler)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return handler(*args, **kwargs)
        except (BadInput, WorkFailed) as fault:
            # Gradio renders the message as HTML, and it may quote what a person or a file gave.
            gr.Warning(text(said_of(fault)), duration=12)
        except Exception:
            logger.exception("a page's handler failed")
            gr.Warning(_(UNEXPECTED), duration=12)
        return gr.skip()

    return speaking


def notice(sentence: str, kind: str = "info", button: str = "") -> str:
    """A sentence in a quiet box, and a button of `go_button`.

    `kind` is info, success, warning or error.
    """
    mark = {"info": "i", "success": "✓", "warning": "!", "error": "×"}[kind]
    role = "alert" if kind in ("warning", "error") else "status"
    return (
        f'<div class="notice {kind}" role="{role}">'
        f'<span class="mark" aria-hidden="true">{mark}</span>'
        f"<p>{text(_(sentence))}</p>{button}</div>"
    )


def empty(title: str, sentence: str, go: str = "", label: str = "", item: str = "") -> str:
    """An empty state: what is not there yet, and a button to the page where it is made."""
    button = go_button(go, label, item=item) if go else ""
    title, sentence = text(_(title)), text(_(sentence))
    return f'<div class="empty"><h3>{title}</h3><p>{sentence}</p>{button}</div>'


def go_button(go: str, label: str, kind: str = "primary", item: str = "") -> str:
    """A button that leads to another page, and there to an item.

    `kind` is primary, plain or link.
    """
    more = f' data-item="{text(item)}"' if item else ""
    return (
        f'<button type="button" class="go {kind}" data-go="{text(go)}"{more}>'
        f"{text(_(label))}</button>"
    )
