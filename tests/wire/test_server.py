"""The loopback server itself: it must be right, and fast enough to measure others with."""

import asyncio
import time
from collections import Counter

import httpx2
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import ResponseValidationError

from tests.wire import faults
from tests.wire.formats import Answer, Call
from tests.wire.server import Server, counters_of, served_apart


def chat(prompt: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


def test_it_counts_requests_and_answers_by_prompt() -> None:
    with Server(lambda call: faults.server_error(call) if call.asked == 1 else None) as server:
        for prompt in ("a", "a", "b"):
            httpx2.post(f"{server.url}/v1/chat/completions", json=chat(prompt))
        assert server.received == {("m", "a"): 2, ("m", "b"): 1}
        assert server.answered == {("m", "a"): 1}
        assert counters_of(server.url) == {
            "received": 3,
            "answered": 1,
            "connections": 1,
            "statuses": {"500": 2, "200": 1},
            "calls": [
                {"model": "m", "prompt": "a", "received": 2, "answered": 1},
                {"model": "m", "prompt": "b", "received": 1, "answered": 0},
            ],
        }


def test_it_reads_a_body_in_chunks() -> None:
    def chunks() -> object:
        yield b'{"model": "m", "messages": '
        yield b'[{"role": "user", "content": "in chunks"}]}'

    with Server(reply="yes") as server:
        answer = httpx2.post(f"{server.url}/v1/chat/completions", content=chunks())  # type: ignore[arg-type]
        assert answer.json()["choices"][0]["message"]["content"] == "yes"
        assert server.calls[0].prompt == "in chunks"


def test_it_runs_in_a_process_of_its_own() -> None:
    with served_apart("--latency", "0.05") as url:
        start = time.perf_counter()
        answer = httpx2.post(f"{url}/v1/chat/completions", json=chat("such as: [5]"))
        assert time.perf_counter() - start >= 0.05
        assert "[5]" in answer.text
        assert counters_of(url)["answered"] == 1


def test_the_same_calls_are_flaky_in_every_run() -> None:
    def fault(number: int, seed: int) -> bool:
        call = Call("openai", "m", f"prompt {number}", "", 1, "", {}, {})
        return faults.flaky(call, 0.1, seed) is not None

    first = [fault(number, 1) for number in range(5000)]
    assert first == [fault(number, 1) for number in range(5000)]
    assert first != [fault(number, 2) for number in range(5000)]
    assert 400 < Counter(first)[True] < 600


def test_mistrals_own_sdk_reads_what_it_writes() -> None:
    """The teacher is asked through OpenAI's SDK; the wire is Mistral's all the same. That an
    answer without token counts is lost in Mistral's is one of the reasons."""
    with Server(reply="yes") as server:
        client = Mistral(api_key="k", server_url=f"{server.url}/mistral")
        ask = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
        answer = client.chat.complete(**ask)  # type: ignore[arg-type]
        assert answer.choices[0].message.content == "yes"
        server.behaviour = lambda call: Answer(usage=False)
        with pytest.raises(ResponseValidationError):
            client.chat.complete(**ask)  # type: ignore[arg-type]


def test_it_answers_many_lanes_in_a_process_of_its_own() -> None:
    """Asked over bare sockets, since every client is slower than it; it prints its pace."""
    body = b'{"model": "m", "messages": [{"role": "user", "content": "a"}]}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    calls, lanes = 3200, 16

    async def lane(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(calls // lanes):
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            size = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(size)
        writer.close()

    async def all_lanes(port: int) -> None:
        start = time.perf_counter()
        await asyncio.gather(*(lane(port) for _ in range(lanes)))
        print(f"{calls / (time.perf_counter() - start):.0f} requests/s")

    with served_apart() as url:
        port = int(url.rsplit(":", 1)[1])
        asyncio.run(all_lanes(port))
        assert counters_of(url)["answered"] == calls
