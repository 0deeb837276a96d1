"""The web application: the pages under FastAPI, with what keeps strangers out of it."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware

from fair_app.keys import TypedKeys
from fair_app.settings import Settings
from pages.downloads import downloads
from pages.guard import Guard
from pages.person import Browsers
from pages.shell import Shell
from pages.theme import THEME

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def build(settings: Settings, typed_keys: TypedKeys | None = None) -> FastAPI:
    """The pages of this home as an application to serve.

    `typed_keys` holds what persons type on a page; the supervisor's jobs need the same object.
    """
    shell = Shell(settings, typed_keys or TypedKeys())
    web = FastAPI(title="FAIR Studio", docs_url=None, redoc_url=None, openapi_url=None)

    @web.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    web.include_router(downloads(settings))
    web.add_middleware(CORSMiddleware, allow_origins=[])
    web.add_middleware(Browsers)
    web.add_middleware(Guard)
    if settings.host in LOOPBACK:
        # A page elsewhere whose name was rebound to this machine comes with its own Host.
        web.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]"])
    return gr.mount_gradio_app(
        web,
        shell.demo,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
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
    )
