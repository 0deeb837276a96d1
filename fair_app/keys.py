"""Providers' keys: from the environment, or typed on a page and held in memory for that person.

A key is never written anywhere. A job's process gets the keys that were typed through a pipe.
"""

import json
import os
import threading
from collections.abc import Mapping

from pydantic import SecretStr


class TypedKeys:
    """The keys that persons typed, by person; they are gone when the server ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_person: dict[str, dict[str, SecretStr]] = {}

    def set(self, person: str, variable: str, key: str) -> None:
        """Keep a key for one person's jobs; an empty one is forgotten."""
        with self._lock:
            own = self._by_person.setdefault(person, {})
            if key.strip():
                own[variable] = SecretStr(key.strip())
            else:
                own.pop(variable, None)

    def of(self, person: str) -> dict[str, SecretStr]:
        """The keys that this person typed."""
        with self._lock:
            return dict(self._by_person.get(person, {}))


def usable(typed: Mapping[str, SecretStr] | None = None) -> dict[str, SecretStr]:
    """Keys by variable: what a person typed, before what the environment holds."""
    return {name: SecretStr(value) for name, value in os.environ.items()} | dict(typed or {})


def not_in_environment(keys: Mapping[str, SecretStr]) -> dict[str, SecretStr]:
    """Of a job's keys those that another process does not have from the environment."""
    return {
        name: key for name, key in keys.items() if os.environ.get(name) != key.get_secret_value()
    }


def as_pipe(typed: Mapping[str, SecretStr]) -> bytes:
    """What a job's process reads from its standard input."""
    return json.dumps({name: key.get_secret_value() for name, key in typed.items()}).encode()


def from_pipe(content: bytes) -> dict[str, SecretStr]:
    """The typed keys that came through the pipe."""
    return {name: SecretStr(key) for name, key in json.loads(content or b"{}").items()}
