"""A person in front of the pages, without a browser: the requests that Gradio's own script sends.

An open page holds what its fields hold, sets off the events that its components have, applies what
comes back, and keeps its heartbeat and its timers going.
"""

import asyncio
import json
import secrets
from contextlib import suppress
from typing import Any

import httpx2

API = "/gradio_api"


class Faulty(Exception):
    """An answer that a page would have had to complain of."""


class Visitor:
    """One browser of one person who signs in, with one open page."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.name, self._password = name, password
        self._web = httpx2.AsyncClient(base_url=url, headers={"origin": url}, timeout=60)
        self._session = ""
        self._query: dict[str, str] = {}
        self._values: dict[int, Any] = {}
        self._ids: dict[str, int] = {}
        self._timers: dict[int, bool] = {}
        self._wired: list[dict[str, Any]] = []
        self._heart: asyncio.Task[None] | None = None

    async def sign_in(self) -> None:
        """Sign in by the form. Raises Faulty where that does not lead to the app."""
        form = {"name": self.name, "password": self._password}
        answer = await self._web.post("/sign-in", data=form)
        if answer.status_code != 303:
            raise Faulty(f"signing in: {answer.status_code}")

    async def open(self, **query: str) -> None:
        """Load the page anew at an address, and let it show what the address names."""
        await self._leave()
        self._query, self._session = query, secrets.token_hex(6)
        await self._get("/", query)
        config = (await self._get("/config", {})).json()
        self._wired = [one for one in config["dependencies"] if one["backend_fn"]]
        props = {one["id"]: (one["type"], one.get("props") or {}) for one in config["components"]}
        self._values = {at: of.get("value") for at, (_, of) in props.items()}
        self._ids = {of["elem_id"]: at for at, (_, of) in props.items() if of.get("elem_id")}
        timers = {at: of for at, (kind, of) in props.items() if kind == "timer"}
        self._timers = {at: bool(of["active"]) for at, of in timers.items()}
        self._heart = asyncio.create_task(self._beat(self._session))
        for one in self._wired:
            if any(event == "load" for _, event in one["targets"]):
                await self._call(one)

    async def fire(self, elem_id: str, event: str, data: Any = None) -> list[Any]:
        """Set off an event of a component, and give back what came. Raises Faulty for a fault."""
        target = [self._ids[elem_id], event]
        (wired,) = (one for one in self._wired if target in one["targets"])
        return await self._call(wired, data)

    async def tick(self) -> None:
        """Let every timer that is on tick once."""
        for timer in [one for one, is_on in self._timers.items() if is_on]:
            for one in self._wired:
                if [timer, "tick"] in one["targets"]:
                    await self._call(one)

    async def download(self, path: str) -> int:
        """Save a file; its size in bytes."""
        return len((await self._get(path, {})).content)

    def value(self, elem_id: str) -> Any:
        """What a component holds."""
        return self._values[self._ids[elem_id]]

    def put(self, elem_id: str, value: Any) -> None:
        """Write into a field."""
        self._values[self._ids[elem_id]] = value

    async def close(self) -> None:
        """Close the browser."""
        await self._leave()
        await self._web.aclose()

    async def _call(self, wired: dict[str, Any], data: Any = None) -> list[Any]:
        session = self._session
        body = {
            "data": [self._values[one] for one in wired["inputs"]],
            "fn_index": wired["id"],
            "session_hash": session,
            "event_data": data,
            "trigger_id": None,
        }
        path = "/queue/join" if wired["queue"] is not False else "/run/predict"
        answer = await self._web.post(API + path, params=self._query, json=body)
        found = _said(answer)
        if path == "/queue/join":
            found = await self._from_the_queue(session, found["event_id"])
        came: list[Any] = found["data"]
        if session == self._session:  # else the page that asked was left
            for component, value in zip(wired["outputs"], came, strict=True):
                self._apply(component, value)
        return came

    def _apply(self, component: int, value: Any) -> None:
        if not (isinstance(value, dict) and value.get("__type__") == "update"):
            self._values[component] = value
            return
        if "value" in value:
            self._values[component] = value["value"]
        if component in self._timers and "active" in value:
            self._timers[component] = bool(value["active"])

    async def _from_the_queue(self, session: str, event: str) -> Any:
        about = {"session_hash": session}
        async with self._web.stream("GET", f"{API}/queue/data", params=about) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("event_id") != event or message["msg"] != "process_completed":
                    continue
                if not message["success"]:
                    raise Faulty(f"queue: {message['output'].get('error')}")
                return message["output"]
        raise Faulty("queue: the stream ended before the answer")

    async def _get(self, path: str, query: dict[str, str]) -> httpx2.Response:
        answer = await self._web.get(path, params=query)
        if answer.status_code != 200:
            raise Faulty(f"{path}: {answer.status_code} {answer.text[:200]}")
        return answer

    async def _beat(self, session: str) -> None:
        """The stream by which the server knows that the page is open."""
        path = f"{API}/heartbeat/{session}"
        async with self._web.stream("GET", path, timeout=None) as stream:
            async for _ in stream.aiter_lines():
                pass

    async def _leave(self) -> None:
        if self._heart:
            self._heart.cancel()
            with suppress(asyncio.CancelledError, httpx2.HTTPError):
                await self._heart
            self._heart = None


def _said(answer: httpx2.Response) -> dict[str, Any]:
    """The JSON of an answer. Raises Faulty for any but a good one."""
    if answer.status_code != 200:
        raise Faulty(f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    if found.get("error"):
        raise Faulty(f"{answer.request.url.path}: {found['error']}")
    return found
