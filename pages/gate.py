"""Lets a request in or not: by its address, by who asks, by its size, and by its turn."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fair_app.access.accounts import Accounts, NoAccounts
from fair_app.access.roles import Role, Visitor, visiting
from fair_app.access.sessions import hash_of, visitor
from fair_app.settings import Settings
from pages import access
from pages.holders import Holders
from pages.languages import _
from pages.person import COOKIE, cookies, is_https
from pages.turns import QUEUED, TOO_MUCH, Streams, Turns, whose

JOIN = "/gradio_api/queue/join"
UPLOAD = "/gradio_api/upload"
LARGEST_UPLOAD = 21 * 2**20
"""Bytes of a request with a file, which may have 20 MB itself."""
LARGEST = 4 * 2**20
"""Bytes of any other request of an owner."""
LARGEST_BELOW = 2**20
"""Of somebody who may do less: a text of 100,000 characters, and what the page has beside it."""
LARGEST_OF_ANYBODY = 16 * 2**10
"""Of a request that needs no role: a name and a password."""
SLOWEST_S = 60.0
"""Seconds in which such a request must have come: meanwhile it takes its turn, and memory."""
MOST_VALUES = 5000
"""Values in a body: pages send some hundred, and Gradio takes seconds for half a million."""
LARGEST_NUMBER = 2**63
"""Whole numbers from here on, and below its negative, have no place in the store."""


def session_cookie(https: bool) -> str:
    """The name of the session's cookie: over HTTPS one that no other host or path can set."""
    return "__Host-fair_session" if https else "fair_session"


def token_in(headers: Headers, scheme: str) -> str:
    """The token that a request bears, or ""."""
    return cookies(headers).get(session_cookie(is_https(headers, scheme)), "")


class Door:
    """Who asks, from a request's cookies."""

    def __init__(self, settings: Settings, accounts: Accounts) -> None:
        self.settings, self.accounts = settings, accounts

    @property
    def is_open(self) -> bool:
        """Whether nobody signs in."""
        return isinstance(self.accounts, NoAccounts)

    def visitor(self, headers: Headers, scheme: str) -> Visitor:
        """Who asks."""
        return visitor(self.settings, self.accounts, token_in(headers, scheme))


class Gate:
    """Answers 400, 401, 403, 404, 408, 413 or 429 to a request that may not go on; no handler
    hears of it.

    `queued` tells how many events of a visitor (`turns.whose`) wait in the queue; `forget` gives
    back the memory of an open page.
    """

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        queued: Callable[[str], int],
        forget: Callable[[str], None],
    ) -> None:
        self._app, self._door, self._queued = app, door, queued
        self._holders = Holders(forget)
        self._turns, self._streams = Turns(), Streams()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        who = self._door.visitor(Headers(scope=scope), scope["scheme"])
        if refusal := self._refused(who, scope):
            await refusal(scope, receive, send)
        elif who.role is Role.OWNER:
            await self._checked(who, scope, receive, send)
        elif access.is_stream(scope["path"]):
            with self._streams.opened(whose(who.name, scope)) as is_theirs:
                on = self._checked if is_theirs else _too_much
                await on(who, scope, receive, send)
        elif access.takes_a_turn(scope["path"]):
            asker = whose(who.name, scope)
            async with self._turns.turn(asker) as is_theirs:
                on = self._checked if is_theirs and self._has_place(asker, scope) else _too_much
                await on(who, scope, receive, send)
        else:
            await self._checked(who, scope, receive, send)

    async def _checked(self, who: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request of who may ask it, if it is not too long and names what is theirs."""
        headers, refusal = Headers(scope=scope), None
        if scope["path"].rstrip("/") == UPLOAD:
            receive, refusal = _counted(receive), _too_long(headers, LARGEST_UPLOAD)
        else:
            body, refusal = await _body(headers, receive, _most(who, scope))
            receive = receive if body is None else _again(body, receive)
            said = _read(body)
            if refusal is None:
                refusal = _says_what_may_not_be(said, who)
            if refusal is None and who.role and not self._holds(who, scope, headers, said):
                refusal = _no("This page is another person's.", 403)
        with visiting(who):
            await (refusal or self._app)(scope, receive, send)

    def _has_place(self, asker: str, scope: Scope) -> bool:
        """Whether the queue takes what somebody would put into it."""
        return scope["path"].rstrip("/") != JOIN or self._queued(asker) < QUEUED

    def _refused(self, who: Visitor, scope: Scope) -> Response | None:
        needed = access.role_for(scope["path"])
        if needed is None:
            return _no("There is nothing here.", 404)
        if scope["path"].startswith("/oauth/"):
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            if asked.get("_target_url", [""])[-1] not in ("", access.SIGNED_IN):
                # The library would send whoever signed in to any address.
                return _no("Begin at the sign-in page.", 400)
            if "error" in asked or "_nb_redirects" in asked:
                # Who did not agree to sign in, where the library would fail, or whose browser lost
                # what it came with, where the library would try again without end.
                return RedirectResponse(access.SIGN_IN, 303)
        if who.role >= needed:
            return None
        if who.role is not Role.NOBODY:
            return JSONResponse({"detail": access.refusal(who, needed)}, 403)
        if scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            query = scope["query_string"].decode("latin-1")
            then = f"?next={quote(f'/?{query}', safe='')}" if query else ""
            return RedirectResponse(f"{access.SIGN_IN}{then}", 303)
        return JSONResponse({"detail": access.refusal(who, needed)}, 401)

    def _holds(self, who: Visitor, scope: Scope, headers: Headers, said: Any) -> bool:
        """Whether the one open page that a request names is this browser's, or nobody's yet."""
        if self._door.is_open:
            return True
        named = _session_hashes(scope, said)
        holder = hash_of(token_in(headers, scope["scheme"]) or cookies(headers).get(COOKIE, ""))
        visitor = whose(who.name, scope)
        return len(named) < 2 and all(self._holders.holds(one, holder, visitor) for one in named)


TOO_LONG = "That is too long: a file may have 20 MB."
TOO_SLOW = "This request did not come to its end: send it again."
NO_VALUE = "This has a character or a number that cannot be stored: take it out."
TOO_MANY = "This has too many values: ask for less at once."
NO_FILE = "An owner may upload a file, nobody else."


def _no(words: str, status: int) -> Response:
    return JSONResponse({"detail": _(words)}, status)


async def _too_much(_who: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
    await _no(TOO_MUCH, 429)(scope, receive, send)


def _read(body: bytes | None) -> Any:
    """What a body says as JSON, as the app will read it; None where it is no JSON."""
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _says_what_may_not_be(said: Any, who: Visitor) -> Response | None:
    """What to answer to a body with too many values or one that nothing here can keep, or with a
    file in it that `who` may not name; None for any other.

    A text with half of a surrogate pair and a number without an end can be stored in JSON, but no
    page that shows them can be sent any more. A file at an address nobody may name: Gradio fetches
    or copies each file, whatever it is sent for, before a handler is asked who may.
    """
    left, seen = [said], 0
    while left:
        one, seen = left.pop(), seen + 1
        if seen + len(left) > MOST_VALUES:
            return _no(TOO_MANY, 413)
        if isinstance(one, str):
            if not _is_text(one):
                return _no(NO_VALUE, 400)
        elif isinstance(one, dict):
            is_remote = str(one.get("path")).startswith(("http://", "https://"))
            if {"path", "meta"} <= one.keys() and (is_remote or who.role < Role.OWNER):
                return _no(NO_FILE, 403)
            left.extend(one)
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, float):
            if not math.isfinite(one):
                return _no(NO_VALUE, 400)
        elif isinstance(one, int) and not -LARGEST_NUMBER <= one < LARGEST_NUMBER:
            return _no(NO_VALUE, 400)
    return None


def _is_text(said: str) -> bool:
    """Whether a text is all characters: no half of a pair, and no NUL, at which SQLite's functions
    and the system's paths end."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in said


def _session_hashes(scope: Scope, said: Any) -> set[str]:
    """The open pages that a request names: in its query, its path or its body."""
    found = set(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", []))
    parts = scope["path"].split("/")
    if "heartbeat" in parts:
        found |= set(parts[3:4])
    named = said.get("session_hash") if isinstance(said, dict) else None
    return found | ({named} if isinstance(named, str) else set())


def _most(who: Visitor, scope: Scope) -> int:
    """The most bytes that a request's body may have."""
    if who.role is Role.OWNER:
        return LARGEST
    return LARGEST_BELOW if access.role_for(scope["path"]) else LARGEST_OF_ANYBODY


def _too_long(headers: Headers, most: int) -> Response | None:
    length = headers.get("content-length", "0")
    return None if length.isdecimal() and int(length) <= most else _no(TOO_LONG, 413)


def _counted(receive: Receive) -> Receive:
    """`receive` of an upload, which fails when more comes than may."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_UPLOAD:
            raise HTTPException(413, TOO_LONG)
        return message

    return counting


async def _body(
    headers: Headers, receive: Receive, most: int
) -> tuple[bytes | None, Response | None]:
    """The whole body of a request, or what to answer where it is too long or too slow.

    None for a request that has none: nothing was received of it.
    """
    if refusal := _too_long(headers, most):
        return None, refusal
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return None, None
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return bytes(body), None
                body += message.get("body", b"")
                if len(body) > most:
                    return None, _no(TOO_LONG, 413)
                if not message.get("more_body"):
                    return bytes(body), None
    except TimeoutError:
        return None, _no(TOO_SLOW, 408)


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives the body which was read, and then what comes."""
    given = False

    async def giving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return giving
