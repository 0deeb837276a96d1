"""Values as text for a page: escaped, and numbers and times the way people read them."""

import time

from fair_app.report.markup import count, duration, p_number, p_words, percent, text

__all__ = ["ago", "count", "duration", "p_number", "p_words", "percent", "text"]


def ago(moment: float) -> str:
    """How long ago a moment was (seconds since 1970): `just now`, `5 min ago`, `3 days ago`."""
    passed = max(0.0, time.time() - moment)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "min")):
        if passed >= size:
            number = int(passed // size)
            plural = "s" if number > 1 and unit != "min" else ""
            return f"{number} {unit}{plural} ago"
    return "just now"
