"""What every answer of the server bears, and which requests it refuses."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.person import is_https

READS = {"GET", "HEAD", "OPTIONS"}
POLICY = (
    # Gradio's own scripts need inline code and eval; nothing may come from, or go to, elsewhere.
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
ON_A_SPACE = f"{POLICY} https://huggingface.co"
"""A Space stands in a frame of Hugging Face's page."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

SCRIPTS = "/assets/"
FOR_GOOD = "public, max-age=31536000, immutable"
"""Gradio's scripts bear a hash of their content in their names, and Gradio sends each of them again
where a browser only asks whether it changed."""
STATIC = (SCRIPTS, "/static/", "/svelte/", "/theme.css", "/gradio_api/theme.css", "/favicon.ico")
"""What is the same for everybody; all else is not kept by browsers and proxies."""
API = "/gradio_api/"
FAULT = "Something went wrong at this server: try it again, or ask its owner, whose log says more."


class Guard:
    """Adds the headers, answers 403 to a write that another site's page sends, and 500 to what
    fails, of which the log alone says why.

    `framed`: whether Hugging Face's page may show this server in a frame.
    """

    def __init__(self, app: ASGIApp, framed: bool = False) -> None:
        self._app = app
        self._headers = {**HEADERS, "Content-Security-Policy": ON_A_SPACE if framed else POLICY}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._add(MutableHeaders(scope=message), scope["path"], message["status"])
            await send(message)

        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy may take the one for its end and this server the other (RFC 9112, 6.1).
            refusal = PlainTextResponse(
                "This request has two lengths.", 400, {"Connection": "close"}
            )
            await refusal(scope, receive, send_with_headers)
            return
        if scope["method"] not in READS and is_foreign(headers, scope["scheme"]):
            refusal = PlainTextResponse("This request comes from another site.", 403)
            await refusal(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            if not begun:
                await PlainTextResponse(FAULT, 500)(scope, receive, send_with_headers)
            raise  # to the log

    def _add(self, headers: MutableHeaders, path: str, status: int) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if path.startswith(SCRIPTS) and status == 200:
            headers["Cache-Control"] = FOR_GOOD
        elif not path.startswith(STATIC):
            headers.setdefault("Cache-Control", "no-store")
        if path.startswith(API) and headers.get("content-type", "").startswith("application/json"):
            # Who opens such an address in a browser saves it: it is never a page.
            headers.setdefault("Content-Disposition", 'attachment; filename="answer.json"')


def is_foreign(headers: Headers, scheme: str) -> bool:
    """Whether a request names an origin that is not this server, as it or its proxy is called."""
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        parts = urlsplit(origin)
    except ValueError:
        return True
    here = {headers.get("host"), headers.get("x-forwarded-host")}
    # The same name without TLS may be anybody's on the way.
    return parts.netloc not in here or (is_https(headers, scheme) and parts.scheme != "https")
