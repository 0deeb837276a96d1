"""A loopback server that speaks the wire formats of OpenAI, Gemini and Mistral.

In a test, `with Server(behaviour=…) as server:` runs it in a thread; `python -m tests.wire.server
--port 9001 --latency 0.3` runs it in a process of its own, with its counters as JSON at /counters.
A teacher reaches it under `server.base_url("openai")`, or the plain `server.url + "/v1"`.
"""

import argparse
import asyncio
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.wire import faults
from tests.wire.batches import Batches
from tests.wire.formats import Answer, Call, HttpRequest, Provider, Raw, as_json, prompt_of, written

Behaviour = Callable[[Call], Answer | Raw | None]
"""What to do with a call; None is the server's usual answer."""

HOLD_S = 0.01
"""How often a call that is held is looked at again."""

GENERATE = re.compile(r"/models/(?P<model>[^/:]+):generateContent$")
CHAT = "/v1/chat/completions"
REPOSITORY = Path(__file__).resolve().parents[2]


def usual_reply(call: Call) -> str:
    """A score for a review, a worked sum for everything else."""
    if "such as: [5]" in call.prompt:
        return "Each step holds. [5]"
    return f"Let us see. 2 + 3 = 5. The answer is 5. ({len(call.prompt)} letters were asked.)"


class Wire:
    """The server itself; `start` and `close` belong to one event loop.

    `received` and `answered` count by (model, prompt): requests that came in whole, and answers
    with a text that were handed to the network whole. `statuses` counts all responses. A call waits
    as long as `holds` says so of it, with which a test has others under way as it wants them.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        reply: str | Callable[[Call], str] = usual_reply,
        latency_s: float = 0.0,
    ) -> None:
        self.behaviour = behaviour
        self.reply = reply
        self.latency_s = latency_s
        self.holds: Callable[[Call], bool] = lambda _: False
        self.received: Counter[tuple[str, str]] = Counter()
        self.answered: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[int] = Counter()
        self.calls: deque[Call] = deque(maxlen=1000)
        self.connections = 0
        self.batches = Batches(self._batched)
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def start(self, port: int = 0) -> int:
        """Listen on the loopback; gives the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def counters(self) -> dict[str, Any]:
        """All counters, as /counters gives them."""
        return {
            "received": self.received.total(),
            "answered": self.answered.total(),
            "connections": self.connections,
            "statuses": self.statuses,
            "calls": [
                {"model": model, "prompt": prompt, "received": n, "answered": self.answered[key]}
                for key, n in self.received.items()
                for model, prompt in [key]
            ],
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        try:
            while request := await _read(reader):
                if not await self._respond(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The client went away, or the server is being closed.
        finally:
            self._open.discard(task)
            self.connections -= 1
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def _respond(self, request: HttpRequest, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False when the connection is done with."""
        call = None
        if request.path == "/counters":
            outcome = as_json(200, self.counters())
        elif batch := self.batches.respond(request):
            outcome = batch
        elif call := self._call(request):
            outcome = self._outcome(call)
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            while self.holds(call):
                await asyncio.sleep(HOLD_S)
        else:
            outcome = as_json(404, {"error": {"message": f"no such page: {request.path}"}})
        keep = await _send(writer, outcome)
        self.statuses[outcome.status] += 1
        if call and keep and outcome.answer:
            self.answered[call.model, call.prompt] += 1
        return keep

    def _outcome(self, call: Call) -> Raw:
        self.received[call.model, call.prompt] += 1
        self.calls.append(call)
        outcome = self.behaviour(call) if self.behaviour else None
        if outcome is None:
            outcome = Answer(self.reply if isinstance(self.reply, str) else self.reply(call))
        return outcome if isinstance(outcome, Raw) else written(call, outcome)

    def _call(self, request: HttpRequest) -> Call | None:
        if request.method != "POST":
            return None
        path = request.path
        if found := GENERATE.search(path):
            provider: Provider = "gemini"
        elif path.endswith((CHAT, "/v1/completions")):
            provider = "mistral" if path.startswith("/mistral/") else "openai"
        else:
            return None
        body = json.loads(request.body)
        model = unquote(found["model"]) if found else body["model"]
        return self._read(provider, model, body, request)

    def _read(
        self, provider: Provider, model: str, body: dict[str, Any], request: HttpRequest
    ) -> Call:
        prompt = prompt_of(provider, body)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = request.headers.get("x-goog-api-key", "") if provider == "gemini" else bearer
        asked = self.received[model, prompt] + 1
        return Call(provider, model, prompt, key, asked, request.path, request.headers, body)

    def _batched(
        self, provider: Provider, model: str, body: dict[str, Any], request: HttpRequest
    ) -> Raw:
        return self._outcome(self._read(provider, model, body, request))


class Server(Wire):
    """The server in a thread of its own, between `with` and its end."""

    def __enter__(self) -> "Server":
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(started)))
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def base_url(self, provider: str) -> str:
        """What a teacher of this provider has as its `base_url`."""
        return f"{self.url}/{provider}" + ("" if provider == "gemini" else "/v1")

    async def _run(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.url = f"http://127.0.0.1:{await self.start()}"
        started.set()
        await self._stop.wait()
        await self.close()


@contextmanager
def served_apart(*arguments: str) -> Iterator[str]:
    """The server in a process of its own, started with the given arguments; gives its URL."""
    command = [sys.executable, "-m", "tests.wire.server", *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def counters_of(url: str) -> dict[str, Any]:
    """The counters of a server in another process."""
    with urllib.request.urlopen(f"{url}/counters") as answer:
        counters: dict[str, Any] = json.load(answer)
    return counters


async def _read(reader: asyncio.StreamReader) -> HttpRequest | None:
    """The next request of a connection, or None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    return HttpRequest(method, parts.path, parts.query, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


async def _send(writer: asyncio.StreamWriter, outcome: Raw) -> bool:
    """Send a response in its manner; False when the connection is done with."""
    if outcome.manner == "hang":
        await asyncio.Event().wait()
    if outcome.manner == "reset":
        _reset(writer)
        return False
    fields = {"Content-Type": outcome.content_type, "Content-Length": str(len(outcome.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (fields | outcome.headers).items())
    head = f"HTTP/1.1 {outcome.status} Wire\r\n{lines}\r\n".encode("latin-1")
    if outcome.manner == "whole":
        writer.write(head + outcome.body)
        await writer.drain()
        return True
    writer.write(head)
    if outcome.manner == "half":
        writer.write(outcome.body[: len(outcome.body) // 2])
        await writer.drain()
        await asyncio.sleep(0.01)  # A reset at once would take the half that was sent with it.
        _reset(writer)
        return False
    for place in range(len(outcome.body)):
        writer.write(outcome.body[place : place + 1])
        await writer.drain()
        await asyncio.sleep(0.05)
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: to linger for no time at all discards what is left to send."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


async def _run_alone(port: int, wire: Wire) -> None:
    print(f"http://127.0.0.1:{await wire.start(port)}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until the process is ended; the first line on standard output is the URL."""
    parser = argparse.ArgumentParser(prog="tests.wire.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--faults", type=float, default=0.0, help="share of calls with a fault")
    parser.add_argument("--seed", type=int, default=0, help="which calls those are")
    chosen = parser.parse_args()

    def behaviour(call: Call) -> Raw | None:
        return faults.flaky(call, chosen.faults, chosen.seed)

    wire = Wire(behaviour if chosen.faults else None, latency_s=chosen.latency)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run_alone(chosen.port, wire))


if __name__ == "__main__":
    main()
