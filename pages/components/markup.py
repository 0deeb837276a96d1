"""Values as text for a page: escaped, and numbers and times the way people read them."""

import time
from collections.abc import Sequence

from fair_app.report.markup import duration, p_number, p_words, percent, text
from pages.languages import _, plural

__all__ = [
    "ago",
    "between",
    "count",
    "duration",
    "listed",
    "p_number",
    "p_words",
    "percent",
    "text",
]

AGO = (
    (86400, "{n} day ago", "{n} days ago"),
    (3600, "{n} hour ago", "{n} hours ago"),
    (60, "{n} min ago", "{n} min ago"),
)


def ago(moment: float) -> str:
    """How long ago a moment was (seconds since 1970): `just now`, `5 min ago`, `3 days ago`."""
    passed = max(0.0, time.time() - moment)
    for size, one, many in AGO:
        if passed >= size:
            number = int(passed // size)
            return plural(one, many, number, n=number)
    return _("just now")


def between(low: float, high: float, digits: int = 0) -> str:
    """The ends of an interval, shares in 0..1: `44 to 60 %`."""
    return _("{low} to {high} %", low=f"{100 * low:.{digits}f}", high=f"{100 * high:.{digits}f}")


def listed(words: Sequence[str]) -> str:
    """Words one after the other: `a`, `a and b`, `a, b and c`."""
    *first, last = words
    return _("{first} and {last}", first=", ".join(first), last=last) if first else last


def count(number: int, thing: str, things: str = "") -> str:
    """A number and what it counts: `1 question`, `1,161 rationales`."""
    many = f"{{n}} {things or thing + 's'}"
    return plural(f"{{n}} {thing}", many, number, n=f"{number:,}")
