"""The addresses by which somebody comes in and goes out: sign-in, sign-out, links to look."""

import math
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, FastAPI, Form, Request
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fair_app.access import audit, sessions, shares
from fair_app.access.accounts import FileAccounts, SpaceAccounts
from fair_app.access.roles import Role
from fair_app.access.throttle import MustWait, Throttle
from fair_app.errors import BadInput
from pages.access import SHARED, SIGN_IN, SIGN_OUT, SIGNED_IN
from pages.components.markup import text
from pages.gate import Door, session_cookie, token_in
from pages.languages import _, said_of, spoken
from pages.person import FRAMED, is_https

LONGEST_WAIT_S = {"address": 900.0, "name": 60.0}
"""A name's wait is short: a stranger's wrong passwords must not keep its owner out."""
LONGEST_NAME = 200
"""Characters of a name by which wrong passwords are counted: longer ones are nobody's."""
PRIVATE = {"Cache-Control": "no-store"}
UNTOLD = {**PRIVATE, "Referrer-Policy": "no-referrer"}
"""No page that a link leads on to hears of its address. Not for a form: its origin is then null."""
WRONG = "That name and password do not belong together."
IN_A_FRAME = "document.querySelector('.framed').hidden = self === top"
"""Where a browser keeps no cookie at all in a frame, nobody can sign in there: a way out of it."""
SHOW = "this.form.password.type = this.checked ? 'text' : 'password'"
OAUTH = "/oauth/huggingface/login"
THEN = "fair_then"
"""Where in the browser's session stands the address to go on to after a sign-in on a Space."""
STYLE = """
:root { color-scheme: light dark; --ink: #1f1d1a; --soft: #6a655e; --page: #faf9f7; --line: #d3cec7;
  --surface: #fff; --accent: #4453cf; --wrong: #b3362c; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9e5; --soft: #a7a199; --page: #141312;
  --line: #45413c; --surface: #1d1b1a; --accent: #5468e7; --wrong: #f2938a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px;
  background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 360px; background: var(--surface); border: 1px solid var(--line);
  border-radius: 12px; padding: 28px; }
h1 { font-size: 20px; margin: 0 0 4px; }
p { margin: 0 0 16px; color: var(--soft); overflow-wrap: anywhere; }
p[role=alert] { color: var(--wrong); }
label { display: block; margin: 0 0 14px; font-weight: 550; }
input { width: 100%; margin-top: 4px; padding: 9px 11px; font: inherit; color: inherit;
  background: var(--page); border: 1px solid var(--line); border-radius: 8px; }
.show { display: flex; gap: 8px; align-items: center; font-weight: 400; }
.show input { width: auto; margin: 0; }
.framed { margin: 16px 0 0; text-align: center; }
.framed a { color: inherit; }
button, .go { display: block; width: 100%; padding: 10px; font: inherit; font-weight: 550;
  text-align: center; text-decoration: none; color: #fff; background: var(--accent); border: 0;
  border-radius: 8px; cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""


def sign_in(door: Door) -> APIRouter:
    """The addresses of a server where persons sign in; where nobody does, they lead to the app."""
    router = APIRouter()
    throttle = Throttle(LONGEST_WAIT_S)

    @router.get(SIGN_IN)
    def ask(request: Request, next: str = "/") -> Response:
        if door.is_open:
            return RedirectResponse("/", 303)
        then = inside(next)
        if isinstance(door.accounts, SpaceAccounts):
            request.session[THEN] = then  # Hugging Face comes back to one address alone
        return _asking(door, then)

    @router.post(SIGN_IN)
    def check(
        request: Request,
        name: str = Form(""),
        password: str = Form(""),
        next: str = Form("/"),
    ) -> Response:
        accounts, then = door.accounts, inside(next)
        if not isinstance(accounts, FileAccounts):
            return RedirectResponse(SIGN_IN, 303)
        keys = {
            "address": request.client.host if request.client else "",
            "name": name[:LONGEST_NAME],
        }
        try:
            proof = throttle.tried(keys, lambda: accounts.proof(name, password))
        except MustWait as wait:
            seconds = math.ceil(wait.seconds)
            words = f"Too many wrong passwords: try again in {seconds} s."
            return _asking(door, then, words, 429, {"Retry-After": str(seconds)})
        if proof is None:
            # Not the name: somebody may have typed the password there.
            audit.note(door.settings, "", "gave a wrong password", detail=keys["address"])
            return _asking(door, then, WRONG, 401)
        return _enter(request, door, sessions.begin(door.settings, name, proof), then)

    @router.post(SIGN_OUT)
    def leave(request: Request) -> Response:
        sessions.end(door.settings, token_in(request.headers, request.scope["scheme"]))
        may_look = door.is_open or door.accounts.anonymous > Role.NOBODY
        answer = RedirectResponse("/" if may_look else SIGN_IN, 303, PRIVATE)
        _set_cookie(answer, request, door, "", 0)
        return answer

    @router.get(SHARED + "{token}")
    def look(request: Request, token: str) -> Response:
        if door.is_open:
            return _page("<h1>Not needed here</h1><p>Nobody signs in at this server.</p>", 404)
        project = shares.shown_by(door.settings, token)
        if project is None:
            words = "It was revoked, it has expired, or a part of it is missing: ask who sent it."
            return _page(
                f"<h1>{text(_('This link does not work'))}</h1><p>{text(_(words))}</p>", 404, UNTOLD
            )
        then = f"/?project={quote(project)}"
        who = door.visitor(request.headers, request.scope["scheme"])
        if who.signed_in and who.project in (None, project):
            return RedirectResponse(then, 303, UNTOLD)  # they may see it already
        answer = _enter(request, door, shares.enter(door.settings, token), then)
        answer.headers.update(UNTOLD)
        return answer

    @router.get(SIGNED_IN)
    def come_back(request: Request) -> Response:
        if not isinstance(door.accounts, SpaceAccounts):
            return RedirectResponse("/", 303)
        from huggingface_hub import parse_huggingface_oauth

        found = parse_huggingface_oauth(request)
        then = inside(str(request.session.get(THEN, "/")))
        # The session is the server's: the browser shall not keep the token of their account.
        request.session.clear()
        if not (found and found.user_info.preferred_username and found.user_info.sub):
            return RedirectResponse(SIGN_IN, 303)
        name, account = found.user_info.preferred_username, found.user_info.sub
        try:
            door.accounts.recognise(name, account)
        except BadInput as fault:
            audit.note(door.settings, "", "came by another's name", detail=f"{name} {account}")
            return _asking(door, "/", str(fault), 403)
        if door.accounts.role(name, account) is Role.NOBODY:
            words = f"{name} may not look here: ask an owner of this Space for a role."
            return _asking(door, "/", words, 403)
        return _enter(request, door, sessions.begin(door.settings, name, account), then)

    return router


def attach_space(web: FastAPI) -> None:
    """Add Hugging Face's sign-in; call it before any middleware that must see its requests."""
    from huggingface_hub import attach_huggingface_oauth

    attach_huggingface_oauth(web)
    for one in web.user_middleware:
        if isinstance(one.cls, type) and issubclass(one.cls, SessionMiddleware):
            # In the Space's frame browsers keep no other cookie, and the sign-in went in circles.
            one.kwargs["partitioned"] = True


def inside(address: str) -> str:
    """An address of this server to go on to; `/` for any other."""
    try:
        parts = urlsplit(address)
    except ValueError:  # what has the form of an address in brackets, and is none
        return "/"
    is_here = not parts.scheme and not parts.netloc and parts.path == "/"
    clean = address.isprintable() and "\\" not in address
    return address if is_here and clean and address.startswith("/") else "/"


def _asking(
    door: Door,
    then: str,
    fault: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    said = f'<p role="alert">{text(said_of(fault))}</p>' if fault else ""
    if isinstance(door.accounts, SpaceAccounts):
        body = (
            f"<h1>FAIR Studio</h1><p>{text(_('Committee distillation in the browser.'))}</p>{said}"
            f'<a class="go" href="{OAUTH}?_target_url={SIGNED_IN}">'
            f"{text(_('Sign in with Hugging Face'))}</a>"
            f'<p class="framed" hidden><a href="{SIGN_IN}" target="_blank" rel="noopener">'
            f"{text(_('Open it in a tab of its own'))}</a></p><script>{IN_A_FRAME}</script>"
        )
        return _page(body, status, headers)
    body = (
        f"<h1>FAIR Studio</h1><p>{text(_('Sign in to go on.'))}</p>{said}"
        f'<form method="post" action="{SIGN_IN}">'
        f'<input type="hidden" name="next" value="{text(then)}">'
        f'<label>{text(_("Name"))}<input name="name" autocomplete="username" '
        'autocapitalize="none" required autofocus></label>'
        f'<label>{text(_("Password"))}<input name="password" type="password" '
        'autocomplete="current-password" required></label>'
        f'<label class="show"><input type="checkbox" onchange="{SHOW}">'
        f"{text(_('Show the password'))}</label>"
        f"<button>{text(_('Sign in'))}</button></form>"
    )
    return _page(body, status, headers)


def _page(body: str, status: int, headers: dict[str, str] | None = None) -> Response:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page = (
        f'<!doctype html><html lang="{spoken().code}"><head>{head}<title>FAIR Studio</title>'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    return HTMLResponse(page, status, {**PRIVATE, **(headers or {})})


def _enter(request: Request, door: Door, token: str, then: str) -> Response:
    """On to the app in a session, in place of the one that was."""
    if former := token_in(request.headers, request.scope["scheme"]):
        sessions.end(door.settings, former)
    answer = RedirectResponse(then, 303, PRIVATE)
    _set_cookie(answer, request, door, token, int(sessions.LASTS_S))
    return answer


def _set_cookie(answer: Response, request: Request, door: Door, token: str, age: int) -> None:
    https = is_https(request.headers, request.scope["scheme"])
    framed = https and isinstance(door.accounts, SpaceAccounts)
    safe = FRAMED if framed else "SameSite=Lax; Secure" if https else "SameSite=Lax"
    name = session_cookie(https)
    answer.headers.append("set-cookie", f"{name}={token}; Path=/; HttpOnly; Max-Age={age}; {safe}")
