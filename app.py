"""FAIR Studio in the browser: `python app.py [--home DIR] [--host HOST] [--port PORT]`."""

import argparse
import errno
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path

from fair_app.errors import BadInput, WorkFailed
from fair_app.settings import Settings, read_settings


def main(arguments: list[str] | None = None) -> int:
    """Serve the pages until the process is told to stop (SIGINT, SIGTERM).

    Returns 2 for bad input, and 1 where a home could not be restored from its backups, or its
    database is broken.
    """
    # As Ctrl-C: what is begun is brought to its end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = _settings(arguments)
        _warn(settings)
        with _listen(settings) as listening:
            _serve(settings, listening)
    except BadInput as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    except WorkFailed as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return 0


def _settings(arguments: list[str] | None) -> Settings:
    known = read_settings()
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


def _warn(settings: Settings) -> None:
    """Warn of a server that stands open. Raises BadInput for one where nobody could sign in."""
    from fair_app.access.accounts import accounts_of, warning

    if words := warning(settings, accounts_of(settings, os.environ)):
        line = "!" * 72
        print(f"{line}\n{words}\n{line}", file=sys.stderr, flush=True)


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
    from fair_app.health import check_database
    from fair_app.storage.locks import serving
    from fair_app.storage.restoring import restore_at_start

    if restored := restore_at_start(settings):
        print(f"restored from the backup {restored.name} ({restored.place})", flush=True)
    with serving(settings):
        check_database(settings)
        _finish_deleting(settings)
        _work(settings, listening)


def _finish_deleting(settings: Settings) -> None:
    """Remove what deleted projects have left; what cannot be removed keeps nobody out."""
    from fair_app.studio.deleting import finish

    try:
        finish(settings)
    except WorkFailed as fault:
        print(f"warning: {fault}", file=sys.stderr, flush=True)


def _work(settings: Settings, listening: socket.socket) -> None:
    import uvicorn

    from fair_app.health import faults
    from fair_app.jobs.stopping import resume_stopped
    from fair_app.jobs.supervisor import Supervisor
    from fair_app.keys import TypedKeys
    from fair_app.storage.keeper import keeper_of
    from fair_app.studio.projects import ensure_demo
    from pages.connections import Prompt, take_files
    from pages.web import build

    take_files()
    ensure_demo(settings)
    typed_keys = TypedKeys()
    supervisor, keeper = Supervisor(settings, typed_keys), keeper_of(settings)
    web = build(settings, typed_keys, partial(faults, settings, supervisor))
    config = uvicorn.Config(web, http=Prompt, log_level="warning", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    if settings.resume:
        resume_stopped(settings)
    supervisor.start()
    if keeper:
        keeper.start()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"FAIR Studio: http://{host}:{listening.getsockname()[1]}", flush=True)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        print("stopping", flush=True)
    finally:
        try:
            supervisor.stop()
            print(_jobs_at_stop(settings), flush=True)
        finally:
            if keeper:
                keeper.stop()


def _jobs_at_stop(settings: Settings) -> str:
    """Stop the running jobs where this process's end is the machine's, and say what is of them."""
    from fair_app.jobs.stopping import stop_jobs

    if not settings.stop_jobs and os.getpid() != 1:
        return "stopped; running jobs go on"
    stopped = stop_jobs(settings)
    jobs = "1 job" if stopped == 1 else f"{stopped} jobs"
    return f"stopped; {jobs} can be resumed" if stopped else "stopped"


if __name__ == "__main__":
    raise SystemExit(main())
