"""What every answer of the server bears, and which requests it refuses."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = {"GET", "HEAD", "OPTIONS"}
HEADERS = {
    # Gradio's own scripts need inline code and eval; nothing may come from, or go to, elsewhere.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'self' https://huggingface.co"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

SCRIPTS = "/assets/"
FOR_GOOD = "public, max-age=31536000, immutable"
"""Gradio's scripts bear a hash of their content in their names, and Gradio sends each of them again
where a browser only asks whether it changed."""


class Guard:
    """Adds the headers, and answers 403 to a write that another site's page sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(SCRIPTS) and message["status"] == 200:
                    headers["Cache-Control"] = FOR_GOOD
            await send(message)

        if scope["method"] not in READS and is_foreign(Headers(scope=scope)):
            refusal = PlainTextResponse("This request comes from another site.", status_code=403)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def is_foreign(headers: Headers) -> bool:
    """Whether a request names an origin that is not this server, as it or its proxy is called."""
    origin = headers.get("origin")
    if origin is None:
        return False
    here = {headers.get("host"), headers.get("x-forwarded-host")}
    return urlsplit(origin).netloc not in here
