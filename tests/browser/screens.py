"""The screens that a page must fit: wide and narrow, light and dark, in one load of the page."""

from collections.abc import Iterator
from typing import Any

SCREENS = [(1280, "light"), (1280, "dark"), (768, "light"), (390, "light"), (390, "dark")]


def screens(page: Any) -> Iterator[tuple[int, str]]:
    """Show what is open on one screen after the other, as a person resizes a window."""
    for width, theme in SCREENS:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(
            "([width, dark]) => window.innerWidth === width"
            " && document.body.classList.contains('dark') === dark",
            arg=[width, theme == "dark"],
        )
        yield width, theme


def too_wide(page: Any) -> int:
    """How many pixels the page stands out of its screen; 0 or less where it fits."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
