"""The web application: the pages under FastAPI, with what keeps strangers out of it."""

import atexit
import os
import shutil
import tempfile

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware

from fair_app.access.accounts import LOOPBACK, SpaceAccounts, accounts_of
from fair_app.health import faults
from fair_app.keys import TypedKeys
from fair_app.settings import Settings
from pages.downloads import downloads
from pages.gate import Door, Gate
from pages.guard import Guard
from pages.healthz import Faults, healthz
from pages.holders import forget
from pages.languages import Languages
from pages.person import Browsers
from pages.session_state import LeanStates
from pages.shell import Shell
from pages.sign_in import attach_space, sign_in
from pages.theme import THEME
from pages.turns import queued

UPLOADS_STAY_S = 3600
"""An upload is read, or copied to where it stays, as soon as it has come."""


def build(
    settings: Settings, typed_keys: TypedKeys | None = None, health: Faults | None = None
) -> FastAPI:
    """The pages of this home as an application to serve.

    `typed_keys` holds what persons type on a page; the supervisor's jobs need the same object.
    `health` says what is wrong with the server; without it only the home is looked at.
    Raises BadInput where nobody could sign in (`fair_app.access.accounts`).
    """
    door = Door(settings, accounts_of(settings, os.environ))
    os.environ["GRADIO_TEMP_DIR"] = uploads()
    shell = Shell(settings, typed_keys or TypedKeys(), door)
    web = FastAPI(title="FAIR Studio", docs_url=None, redoc_url=None, openapi_url=None)
    web.include_router(healthz(health or partial(faults, settings)))
    web.include_router(sign_in(door))
    web.include_router(downloads(settings))
    web.add_middleware(
        Gate, door=door, queued=partial(queued, shell.demo), forget=partial(forget, shell.demo)
    )
    web.add_middleware(Languages)
    if isinstance(door.accounts, SpaceAccounts):
        attach_space(web)
    web.add_middleware(CORSMiddleware, allow_origins=[])
    web.add_middleware(Browsers)
    if settings.host in LOOPBACK:
        # A page elsewhere whose name was rebound to this machine comes with its own Host.
        web.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])
    web.add_middleware(Guard, framed=isinstance(door.accounts, SpaceAccounts))
    # `launch` would say so. Without it Gradio takes any file of this machine for an upload.
    shell.demo.has_launched = True
    shell.demo.delete_cache = (UPLOADS_STAY_S // 6, UPLOADS_STAY_S)
    gr.mount_gradio_app(
        web,
        shell.demo,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        auth_dependency=None if door.is_open else name_of(door),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size="20mb",
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=THEME,
        css=shell.css,
        js=shell.js,
        head=shell.head,
    )
    mounted: Any = web.routes[-1]
    mounted.app.state_holder = LeanStates(shell.demo)
    return web


@cache
def uploads() -> str:
    """The folder for what browsers send, which nobody else may read; it goes with this process.

    Gradio's own is one for all servers of a machine, and stays.
    """
    folder = tempfile.mkdtemp(prefix="fair-uploads-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def name_of(door: Door) -> Callable[[Request], str | None]:
    """How Gradio learns the name of who asks, which handlers have as `request.username`."""
    return lambda request: door.visitor(request.headers, request.scope["scheme"]).name
