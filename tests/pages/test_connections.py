"""Connections on which nothing is asked: they are closed, and the others are answered."""

import asyncio
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages import connections
from pages.connections import Prompt, take_files

ASK = b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n"


async def at_once(_: Request) -> PlainTextResponse:
    return PlainTextResponse("at once")


async def later(_: Request) -> PlainTextResponse:
    await asyncio.sleep(1.2)
    return PlainTextResponse("later")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server whose patience is half a second."""
    app = Starlette(routes=[Route("/", at_once), Route("/later", later)])
    config = uvicorn.Config(app, http=Prompt, log_level="error", timeout_keep_alive=600)
    server = uvicorn.Server(config)
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as listening:
        patch.setattr(connections, "SILENT_S", 0.5)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def said(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """All that a server says to these pieces, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        found = b""
        while more := connection.recv(65536):
            found += more
        return found


@pytest.mark.parametrize("piece", [b"", b"GET / HTTP/1.1\r\nHost: he"])
def test_who_asks_for_nothing_whole_is_cut_off(port: int, piece: bytes) -> None:
    assert said(port, piece) == b""


def test_who_asks_and_then_trickles_is_cut_off(port: int) -> None:
    assert said(port, ASK % b"/", b"GET / HTTP/1.1\r\nX-A: ").count(b"at once") == 1


def test_a_long_answer_and_one_after_the_other_are_waited_for(port: int) -> None:
    assert b"later" in said(port, ASK % b"/later")
    asked = [ASK % b"/"] * 5
    assert said(port, *asked, pause_s=0.3).count(b"at once") == 5


def test_a_server_takes_the_files_that_it_may_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        take_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1] and soft > 512
        take_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
