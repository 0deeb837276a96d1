"""Lets a request in or not: by its address, by who asks, by its size, and by its turn."""

import json
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
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
from pages.person import COOKIE, cookies, is_https
from pages.turns import QUEUED, TOO_MUCH, Turns, whose

JOIN = "/gradio_api/queue/join"
UPLOAD = "/gradio_api/upload"
LARGEST_UPLOAD = 21 * 2**20
"""Bytes of a request with a file, which may have 20 MB itself."""
LARGEST = 4 * 2**20
"""Bytes of any other request."""
HASHES = 10_000
"""Open browser pages whose holder is known; the longest unused are forgotten."""


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
    """Answers 401, 403, 404, 413 or 429 to a request that may not go on; no handler hears of it.

    `queued` tells how many events of a visitor (`turns.whose`) wait in the queue.
    """

    def __init__(self, app: ASGIApp, door: Door, queued: Callable[[str], int]) -> None:
        self._app, self._door, self._queued = app, door, queued
        self._holders: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()
        self._turns = Turns()

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
        elif who.role is Role.OWNER or not access.takes_a_turn(scope["path"]):
            await self._checked(who, scope, receive, send)
        else:
            asker = whose(who.name, scope)
            async with self._turns.turn(asker) as is_theirs:
                if is_theirs and self._has_place(asker, scope):
                    await self._checked(who, scope, receive, send)
                else:
                    await _TOO_MUCH(scope, receive, send)

    async def _checked(self, who: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request of who may ask it, if it is not too long and names what is theirs."""
        headers, refusal = Headers(scope=scope), None
        if scope["path"].rstrip("/") == UPLOAD:
            receive, refusal = _counted(receive), _too_long(headers, LARGEST_UPLOAD)
        else:
            body, refusal = await _body(headers, receive)
            receive = _again(body, receive) if body else receive
            said = _read(body)
            if refusal is None and _names_a_file(said, who):
                refusal = JSONResponse({"detail": "An owner may upload a file, nobody else."}, 403)
            if refusal is None and who.role and not self._holds(scope, headers, said):
                refusal = JSONResponse({"detail": "This page is another person's."}, 403)
        with visiting(who):
            await (refusal or self._app)(scope, receive, send)

    def _has_place(self, asker: str, scope: Scope) -> bool:
        """Whether the queue takes what somebody would put into it."""
        return scope["path"].rstrip("/") != JOIN or self._queued(asker) < QUEUED

    def _refused(self, who: Visitor, scope: Scope) -> Response | None:
        needed = access.role_for(scope["path"])
        if needed is None:
            return JSONResponse({"detail": "There is nothing here."}, 404)
        if scope["path"].startswith("/oauth/"):
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            if asked.get("_target_url", [""])[-1] not in ("", access.SIGNED_IN):
                # The library would send whoever signed in to any address.
                return JSONResponse({"detail": "Begin at the sign-in page."}, 400)
            if "error" in asked:  # who did not agree to sign in; the library would fail
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

    def _holds(self, scope: Scope, headers: Headers, said: Any) -> bool:
        """Whether the one open page that a request names is this browser's, or nobody's yet.

        Gradio keeps what a page shows under the page's own hash alone, whoever sends it.
        """
        if self._door.is_open:
            return True
        named = _session_hashes(scope, said)
        holder = hash_of(token_in(headers, scope["scheme"]) or cookies(headers).get(COOKIE, ""))
        with self._lock:
            for one in named:
                if len(named) > 1 or self._holders.setdefault(one, holder) != holder:
                    return False
                self._holders.move_to_end(one)
            if len(self._holders) > HASHES:
                self._holders.popitem(last=False)
        return True


TOO_LONG = "That is too long: a file may have 20 MB."
_TOO_LONG = JSONResponse({"detail": TOO_LONG}, 413)
_TOO_MUCH = JSONResponse({"detail": TOO_MUCH}, 429)


def _read(body: bytes) -> Any:
    """What a body says as JSON, as the app will read it; None where it is no JSON."""
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _names_a_file(said: Any, who: Visitor) -> bool:
    """Whether a body has a file in it that `who` may not name: one at an address nobody may.

    Gradio fetches or copies each file, whatever it is sent for, before a handler is asked who may.
    """
    left = [said]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            is_remote = str(one.get("path")).startswith(("http://", "https://"))
            if {"path", "meta"} <= one.keys() and (is_remote or who.role < Role.OWNER):
                return True
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return False


def _session_hashes(scope: Scope, said: Any) -> set[str]:
    """The open pages that a request names: in its query, its path or its body."""
    found = set(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", []))
    parts = scope["path"].split("/")
    if "heartbeat" in parts or "stream" in parts:
        found |= set(parts[3:4])
    named = said.get("session_hash") if isinstance(said, dict) else None
    return found | ({named} if isinstance(named, str) else set())


def _too_long(headers: Headers, most: int) -> Response | None:
    length = headers.get("content-length", "0")
    return None if length.isdecimal() and int(length) <= most else _TOO_LONG


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


async def _body(headers: Headers, receive: Receive) -> tuple[bytes, Response | None]:
    """The whole body of a request, or what to answer where it is too long."""
    if refusal := _too_long(headers, LARGEST):
        return b"", refusal
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return b"", None  # and nothing is to be waited for
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body), None
        body += message.get("body", b"")
        if len(body) > LARGEST:
            return b"", _TOO_LONG
        if not message.get("more_body"):
            return bytes(body), None


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
