"""A server on an empty home and a real Chromium; without Chromium these tests say so and skip."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fair_app.settings import Settings
from tests.ports import free_port

playwright_sync = pytest.importorskip(
    "playwright.sync_api", reason="playwright is missing: pip install -r requirements-dev.txt"
)

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_MS = 120_000
"""How long a test waits for what must come: a machine may do much else beside."""
SCREEN = {"width": 1280, "height": 900}
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@dataclass
class Server:
    """One `python app.py` on a home of its own. It can be killed and started again."""

    settings: Settings
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self) -> None:
        home, port = str(self.settings.home), str(self.settings.port)
        command = [sys.executable, "app.py", "--home", home, "--port", port]
        self.process = subprocess.Popen(command, cwd=REPOSITORY)
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                    return
            except OSError:
                assert self.process.poll() is None, "the server ended before it answered"
                time.sleep(0.25)
        raise AssertionError("the server did not answer")

    def kill(self) -> None:
        """As a crash would: SIGKILL, nothing is told."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=120)


@dataclass
class Watched:
    """What a page must not do: log errors, or ask other hosts for anything."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A Chromium that every test of this run shares."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt install chromium")
    with playwright_sync.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Makes servers, each on an empty home and a free port, and stops them at the end."""
    servers: list[Server] = []

    def make(port: int | None = None) -> Server:
        home = tmp_path_factory.mktemp("home")
        server = Server(Settings(home=home, port=port or free_port()))
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def port() -> int:
    """The port of the modules' servers, one after the other: what the browser has compiled of
    Gradio's scripts, it has by their address."""
    return free_port()


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], port: int) -> Iterator[Server]:
    """The server of a test module. It ends with it: idle ones take time from those at work."""
    made = serve(port)
    yield made
    made.stop()


@pytest.fixture
def model_server(serve: Callable[..., Server], student_folder: Path) -> Iterator[Server]:
    """A server whose home already has the offline student."""
    server = serve()
    server.settings.models.parent.mkdir(parents=True, exist_ok=True)
    server.settings.models.symlink_to(student_folder.parent)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def person(chromium: Any) -> Iterator[Any]:
    """The browser of one person after the other, without animations: they take time from the work.

    It keeps Gradio's scripts, which take longest of what a page loads.
    """
    context = chromium.new_context(viewport=SCREEN, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(person: Any, watched: Watched) -> Iterator[Any]:
    """A fresh page of a browser that knows nobody, whose errors and foreign requests are noted."""
    opened = person.new_page()
    watch(opened, watched)
    yield opened
    forgotten = {"origin": "*", "storageTypes": "cookies,local_storage,indexeddb"}
    person.new_cdp_session(opened).send("Storage.clearDataForOrigin", forgotten)
    opened.close()


def new_page(chromium: Any, **screen: Any) -> Any:
    """A page of somebody else, who has a browser of their own."""
    opened = chromium.new_page(reduced_motion="reduce", **screen)
    opened.set_default_timeout(PATIENCE_MS)
    return opened


@pytest.fixture
def watched() -> Watched:
    return Watched()


def watch(page: object, watched: Watched) -> None:
    """Note what a page must not do."""
    page.on(
        "console",
        lambda message: watched.errors.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:", "blob:"))
            else watched.foreign.append(request.url)
        ),
    )
