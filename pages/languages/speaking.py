"""Which language is spoken just now, and a text in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pages.languages.catalogue import Catalogue, read_po
from pages.person import cookies

COOKIE = "fair_language"
"""What a browser remembers a choice in; a script sets it."""
ENGLISH = Catalogue("en", "English")


def _catalogues() -> dict[str, Catalogue]:
    files = sorted(Path(__file__).parent.glob("*.po"))
    found = [read_po(file.read_text(encoding="utf-8")) for file in files]
    return {one.code: one for one in (ENGLISH, *found)}


LANGUAGES: Mapping[str, Catalogue] = _catalogues()
"""The languages by their codes: English, and one for each PO file beside this module."""

_spoken: ContextVar[Catalogue] = ContextVar("spoken", default=ENGLISH)


def spoken() -> Catalogue:
    """The language that is spoken just now: English but for who visits the pages in another."""
    return _spoken.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """While this lasts, the language of this code is spoken, in this task or thread."""
    token = _spoken.set(LANGUAGES[code])
    try:
        yield
    finally:
        _spoken.reset(token)


def _(english: str, **values: Any) -> str:
    """A text in the spoken language, with values in the place of its `{names}`.

    What comes back is text like the English one: escape it where that is escaped.
    """
    said = spoken().text(english)
    return said.format(**values) if values else said


def said_of(fault: Exception | str) -> str:
    """What a fault says, or another sentence from below the pages, in the spoken language where
    that knows it."""
    return spoken().fault(str(fault))


def counted(english: str) -> str:
    """A number and what it counts, made below the pages: `2 steps`. All else stays."""
    return spoken().counted(english)


def plural(one: str, many: str, number: int, **values: Any) -> str:
    """The form that `number` takes of a text, with values in the place of its `{names}`."""
    return spoken().plural(one, many, number).format(**values)


def language_of(headers: Headers) -> str:
    """The code of a visitor's language: what they chose, else what their browser prefers."""
    chosen = cookies(headers).get(COOKIE, "")
    return chosen if chosen in LANGUAGES else preferred(headers.get("accept-language", ""))


def preferred(accepted: str) -> str:
    """The first of an `Accept-Language` header that is spoken here (RFC 9110); else English."""
    wanted: list[tuple[float, int, str]] = []
    for part in accepted.split(","):
        tag, _, quality = part.partition(";")
        weight = _weight(quality)
        if weight > 0:
            wanted.append((-weight, len(wanted), tag.strip().lower().partition("-")[0]))
    return next((code for *_, code in sorted(wanted) if code in LANGUAGES), ENGLISH.code)


def _weight(quality: str) -> float:
    name, _, value = quality.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


class Languages:
    """Speaks the language of who makes a request, while it lasts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with speaking(language_of(Headers(scope=scope))):
            await self._app(scope, receive, send)
