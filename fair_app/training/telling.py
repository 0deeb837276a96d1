"""Whom a run's preparations tell what goes on."""

from collections.abc import Callable
from dataclasses import dataclass

from fair_app.student.base import never_cancelled


@dataclass(frozen=True)
class Telling:
    """Who is told what goes on, and asked whether to go on."""

    say: Callable[[str], None] = lambda _: None
    progress: Callable[[str, int, int], None] = lambda *_: None
    cancelled: Callable[[], None] = never_cancelled
