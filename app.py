"""FAIR Studio in the browser: `python app.py [--home DIR] [--host HOST] [--port PORT]`."""

import argparse
import errno
import socket
import sys
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Serve the pages until the process is told to stop. Returns 2 for bad input."""
    try:
        settings = _settings(arguments)
        listening = _listen(settings)
    except BadInput as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    with listening:
        _serve(settings, listening)
    return 0


def _settings(arguments: list[str] | None) -> Settings:
    known = Settings()
    parser = argparse.ArgumentParser(prog="app.py", description="FAIR Studio in the browser.")
    parser.add_argument(
        "--home", type=Path, default=known.home, help="database, models, checkpoints"
    )
    parser.add_argument("--host", default=known.host, help="the address to listen on")
    parser.add_argument("--port", type=int, default=known.port, help="the port to listen on")
    given = parser.parse_args(arguments)
    home = given.home.expanduser().resolve() if given.home else None
    if home and home.exists() and not home.is_dir():
        raise BadInput(f"{home} is not a folder: give a folder as --home.")
    return Settings(home=home, host=given.host, port=given.port)


def _listen(settings: Settings) -> socket.socket:
    """Take the port before anything slow begins. Raises BadInput when it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except (OSError, OverflowError) as fault:
        if isinstance(fault, OSError) and fault.errno == errno.EADDRINUSE:
            raise BadInput(f"port {settings.port} is taken: choose another with --port.") from None
        raise BadInput(
            f"cannot listen on {settings.host} port {settings.port}: choose others with --host "
            "and --port."
        ) from None


def _serve(settings: Settings, listening: socket.socket) -> None:
    import uvicorn

    from fair_app.jobs.supervisor import Supervisor
    from fair_app.keys import TypedKeys
    from fair_app.studio.projects import ensure_demo
    from pages.web import build

    ensure_demo(settings)
    typed_keys = TypedKeys()
    web = build(settings, typed_keys)
    server = uvicorn.Server(uvicorn.Config(web, log_level="warning", timeout_graceful_shutdown=2))
    supervisor = Supervisor(settings, typed_keys)
    supervisor.start()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"FAIR Studio: http://{host}:{listening.getsockname()[1]}", flush=True)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        print("stopped; running jobs go on", flush=True)
    finally:
        supervisor.stop()


if __name__ == "__main__":
    raise SystemExit(main())
