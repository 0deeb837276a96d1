"""Who asks: the name that somebody signed in with, else the browser that they use."""

import hashlib
import secrets

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fair_app.access.roles import LOCAL

COOKIE = "fair_browser"
FRAMED = "SameSite=None; Secure; Partitioned"
"""What a cookie bears that must also come from inside another site's frame, as on a Space."""


class Browsers:
    """Gives every browser a random cookie, which no script can read, when it opens the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        opens = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
        if not opens or COOKIE in cookies(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Set-Cookie", _cookie(Headers(scope=scope), scope["scheme"]))
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def cookies(headers: Headers) -> dict[str, str]:
    """A request's cookies, also beside those that some other app of this host set oddly."""
    return cookie_parser(headers.get("cookie", ""))


def person(request: gr.Request) -> str:
    """The same words for the same person, who alone may use the keys that they typed.

    Without a login it is the browser by its cookie, or the open page where cookies are refused;
    what is returned may be stored, since neither can be had from it.
    """
    if request.username:
        return str(request.username)
    browser = dict(request.cookies).get(COOKIE) or request.session_hash or ""
    return f"browser {hashlib.sha256(browser.encode()).hexdigest()[:16]}"


def actor(request: gr.Request) -> str:
    """Whose name stands beside what was decided or done: who signed in, else LOCAL."""
    return str(request.username or LOCAL)


def _cookie(headers: Headers, scheme: str) -> str:
    """A new cookie. Over HTTPS it also stands inside another site's frame, as on a Space."""
    framed = FRAMED if is_https(headers, scheme) else "SameSite=Lax"
    return f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; HttpOnly; {framed}"


def is_https(headers: Headers, scheme: str) -> bool:
    """Whether the browser came by HTTPS, here or at the proxy before this server."""
    return (headers.get("x-forwarded-proto") or scheme).split(",")[0].strip() == "https"
