"""A server on an empty home and a real Chromium; without Chromium these tests say so and skip."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fair_app.settings import Settings
from tests.ports import free_port

playwright_sync = pytest.importorskip(
    "playwright.sync_api", reason="playwright is missing: pip install -r requirements-dev.txt"
)

REPOSITORY = Path(__file__).resolve().parents[2]
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
            self.process.wait(timeout=30)


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
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Makes servers, each on an empty home, and stops them at the end."""
    servers: list[Server] = []

    def make() -> Server:
        home = tmp_path_factory.mktemp("home")
        server = Server(Settings(home=home, port=free_port()))
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(serve: Callable[[], Server]) -> Iterator[Server]:
    """The server of a test module. It ends with it: idle ones take time from those at work."""
    made = serve()
    yield made
    made.stop()


@pytest.fixture
def model_server(serve: Callable[[], Server], student_folder: Path) -> Iterator[Server]:
    """A server whose home already has the offline student."""
    server = serve()
    server.settings.models.parent.mkdir(parents=True, exist_ok=True)
    server.settings.models.symlink_to(student_folder.parent)
    yield server
    server.stop()


@pytest.fixture
def page(chromium: object, watched: Watched) -> Iterator[object]:
    """A fresh browser page, 1280 wide, whose errors and foreign requests are noted."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(20_000)
    watch(opened, watched)
    yield opened
    opened.close()


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
