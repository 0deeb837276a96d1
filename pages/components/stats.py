"""A row of numbers, each with its name and a note."""

from collections.abc import Sequence
from dataclasses import dataclass

from pages.components.markup import text
from pages.languages import _


@dataclass(frozen=True)
class Stat:
    """One number as it is shown."""

    name: str
    value: str
    note: str = ""


def stats(items: Sequence[Stat]) -> str:
    """Numbers side by side; they wrap on a narrow screen."""
    body = "".join(
        f"<div><dt>{text(_(item.name))}</dt><dd>{text(item.value)}"
        f"<small>{text(_(item.note))}</small></dd></div>"
        for item in items
    )
    return f'<dl class="stats">{body}</dl>'
