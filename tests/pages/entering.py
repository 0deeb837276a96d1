"""A server where persons sign in, with one of each role, and calls as a browser makes them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fair_app.access import passwords, sessions
from fair_app.access.accounts import proof_of
from fair_app.access.roles import Role
from fair_app.access.users import User, write
from fair_app.settings import Settings
from fair_app.studio.projects import ensure_demo
from pages.access import handler_name

URL = "http://127.0.0.1:7860"
FAKE = f"scrypt$2$1$1${'0' * 32}${'0' * 64}"
"""A hash of no password: these tests begin sessions without one."""
FILE = {"meta": {"_type": "gradio.FileData"}}
"""What stands beside the path of a file in a call."""
PEOPLE = {Role.OWNER: "olga", Role.CURATOR: "carl", Role.VIEWER: "vera"}


def guarded(home: Path, **more: Any) -> Settings:
    """Settings of a home with the demo project and a users' file."""
    file = home / "users"
    write(file, [User(name, role, FAKE) for role, name in PEOPLE.items()])
    settings = Settings(home=home, users=file, **more)
    ensure_demo(settings)
    return settings


def cheaply(password: str) -> str:
    """The hash of a password, at a cost that takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", 2)
        return passwords.hashed(password)


def cookie_of(settings: Settings, role: Role) -> dict[str, str]:
    """The cookie of somebody of this role who has signed in; none for nobody."""
    if role is Role.NOBODY:
        return {}
    return {"fair_session": sessions.begin(settings, PEOPLE[role], proof_of(FAKE))}


@dataclass
class Browser:
    """An open page of somebody. It calls handlers as Gradio's own script does."""

    web: TestClient
    cookies: dict[str, str] = field(default_factory=dict)
    session: str = "page1"

    def get(self, path: str, **more: Any) -> Any:
        """A GET that follows nothing."""
        return self.web.get(path, headers=self._headers(), follow_redirects=False, **more)

    def post(self, path: str, **more: Any) -> Any:
        """A POST that follows nothing."""
        return self.web.post(path, headers=self._headers(), follow_redirects=False, **more)

    def call(self, index: int, data: list[Any], event: Any = None, *, queue: bool = False) -> Any:
        """Call a handler: (status, error or None, data). By the queue it takes ten times as long.

        The same function is called either way.
        """
        body = {
            "data": data,
            "fn_index": index,
            "session_hash": self.session,
            "event_data": event,
            "trigger_id": None,
        }
        if not queue:
            answer = self.post("/gradio_api/run/predict", json=body)
            found = answer.json() if answer.content else {}
            return answer.status_code, found.get("error", found.get("detail")), found.get("data")
        answer = self.post("/gradio_api/queue/join", json=body)
        if answer.status_code != 200:
            return answer.status_code, answer.json().get("detail"), None
        stream = self.get("/gradio_api/queue/data", params={"session_hash": self.session})
        for line in stream.text.splitlines():
            message = json.loads(line.removeprefix("data: ")) if line else {}
            if message.get("msg") == "process_completed":
                output = message["output"]
                fault = None if message["success"] else str(output.get("error"))
                return stream.status_code, fault, output.get("data")
        raise AssertionError(stream.text)

    def _headers(self) -> dict[str, str]:
        found = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"cookie": found} if found else {}


def blocks_of(web: Any) -> Any:
    """The Gradio app that is mounted in a server."""
    return next(route.app for route in web.routes if hasattr(route, "app")).get_blocks()


def handler_of(web: TestClient, name: str) -> tuple[int, Any]:
    """A handler by its name in `pages/access.py`: its number, and how it is wired."""
    fns = blocks_of(web.app).fns.items()
    return next((at, one) for at, one in fns if one.fn and handler_name(one.fn) == name)


def begun(wired: Any) -> list[Any]:
    """What the fields of a handler hold when the page opens."""
    return [_plain(one) for one in wired.inputs]


def _plain(component: Any) -> Any:
    if component.elem_id == "place-project" or component.elem_id == "project-picker":
        return "demo"
    if type(component).__name__ == "State":
        return None
    value = component.get_config().get("value")
    return value if isinstance(value, str | int | float | bool | list | None) else None
