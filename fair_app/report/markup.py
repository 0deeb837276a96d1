"""Values as text for a page or a report: escaped, and numbers the way people read them."""

from html import escape
from typing import Any

TEMPLATE_CHARACTERS = str.maketrans({one: f"&#{ord(one)};" for one in "$\\`{}"})


def text(value: Any) -> str:
    """Any value as text inside HTML or inside a quoted attribute.

    Beyond `html.escape`: Gradio may evaluate what it shows as a JavaScript template literal, so
    `$`, backslash, backtick and braces become entities too.
    """
    return escape(str(value)).translate(TEMPLATE_CHARACTERS)


def percent(fraction: float) -> str:
    """A fraction as a percentage with one decimal: `41.7 %`."""
    return f"{100 * fraction:.1f} %"


def p_number(p: float) -> str:
    """A p-value as it stands in a table: `0.031`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_words(p: float) -> str:
    """A p-value as it stands in a sentence: `p = 0.031`, `p < 0.001`."""
    return f"p {p_number(p)}" if p < 0.001 else f"p = {p_number(p)}"


def count(number: int, thing: str, things: str = "") -> str:
    """A number and what it counts: `1 question`, `1,161 rationales`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def duration(seconds: float) -> str:
    """A span of time, roughly: `8 s`, `2 min 5 s`, `51 min`, `1 h 20 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
