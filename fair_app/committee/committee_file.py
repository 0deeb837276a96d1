"""A committee as a TOML file, one `[[teacher]]` table each: read with care, and written."""

import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from fair_app.committee.base import TeacherSpec
from fair_app.committee.registry import PROVIDERS
from fair_app.errors import BadInput

_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|r8|pplx|nvapi)[-_][A-Za-z0-9_-]{12,}"
    r"|\bAIza[A-Za-z0-9_-]{20,}|\bAQ\.[A-Za-z0-9_-]{20,}|\bBearer\s+\S+"
)
"""The beginnings of the providers' keys."""

_WANTED = {
    "name": "letters, digits, dots, hyphens and underscores, beginning with a letter or digit",
    "provider": f"one of {', '.join(PROVIDERS)}",
    "model": "the name of a model, in quotes",
    "base_url": "a URL that begins with http:// or https:// and names a server",
    "api_key_env": "the name of an environment variable in capitals, such as OPENAI_API_KEY",
    "temperature": "a number from 0 to 2",
    "max_tokens": "a whole number of at least 1",
    "requests_per_minute": "a number above 0",
    "tokens_per_minute": "a number above 0",
    "usd_per_million_input": "a number of at least 0",
    "usd_per_million_output": "a number of at least 0",
    "reasoning_effort": "one of none, minimal, low, medium, high",
    "timeout_s": "a number of seconds above 0",
    "batches": "true or false",
}


def load_committee(path: Path | str) -> list[TeacherSpec]:
    """Read the teachers of a committee file, in the file's order.

    Raises BadInput, with one sentence that names the teacher and the field, when the file is
    missing or not TOML, a value cannot be used, two teachers share a name, or a key stands in it.
    """
    path = Path(path)
    tables = _tables(path)
    teachers = [
        read_teacher(table, f"{path}: teacher {_called(table, number)}")
        for number, table in enumerate(tables, 1)
    ]
    name, count = Counter(teacher.name for teacher in teachers).most_common(1)[0]
    if count > 1:
        raise BadInput(f"{path}: {count} teachers are named '{name}': give each its own name")
    return teachers


def as_toml(teachers: Iterable[TeacherSpec]) -> str:
    """The text of a committee file that `load_committee` reads as these teachers."""
    return "\n".join(
        "[[teacher]]\n"
        + "".join(
            f"{field} = {_toml(value)}\n"
            for field, value in teacher.model_dump(exclude_none=True).items()
        )
        for teacher in teachers
    )


def default_committee() -> list[TeacherSpec]:
    """The three rule-based teachers that need no key and no network."""
    return [
        TeacherSpec(name=f"offline-{model}", provider="offline", model=model, temperature=0.0)
        for model in ("methodical", "terse", "storyteller")
    ]


def _tables(path: Path) -> list[dict[str, Any]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"there is no committee file {path}: give the path of one") from None
    except OSError as error:
        raise BadInput(
            f"the committee file {path} cannot be read: {error.strerror or error}"
        ) from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not a TOML file: save it as UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # A parser's message may quote the line, and the line may hold a key.
        where = re.search(r"at line \d+, column \d+|at end of document", str(error))
        raise BadInput(f"{path} is not valid TOML: fix it {where[0] if where else ''}") from None
    if other := set(document) - {"teacher"}:
        raise BadInput(f"{path}: '{_shown(min(other))}' is unknown: write one [[teacher]] for each")
    tables = document.get("teacher")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadInput(f"{path} has no teachers: write one [[teacher]] for each")
    if not tables:
        raise BadInput(f"{path} has no teacher: write at least one [[teacher]]")
    return tables


def read_teacher(table: dict[str, Any], who: str) -> TeacherSpec:
    """Read one teacher from the fields of a `[[teacher]]`; `who` names it in a message.

    Raises BadInput, with one sentence that names the field, when a value cannot be used or a key
    stands in it.
    """
    for field, value in table.items():
        if _is_secret(field, value):
            raise BadInput(
                f"{who}: {_shown(field)} holds a key: keys never stand in this file, put it into "
                "an environment variable and write that variable's name as api_key_env"
            )
        if field not in _WANTED:
            raise BadInput(
                f"{who}: there is no field '{_shown(field)}': the fields are {', '.join(_WANTED)}"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInput(f"{who}: {field} must be {_WANTED[field]}")
    try:
        teacher = TeacherSpec.model_validate(table, strict=True)
    except ValidationError as error:
        # Never the message of the library: it quotes the value, which may be a key.
        fault = error.errors(include_input=False, include_url=False)[0]
        field = str(fault["loc"][0])
        if fault["type"] == "missing":
            raise BadInput(f"{who}: {field} is missing: give {_WANTED[field]}") from None
        raise BadInput(f"{who}: {field} must be {_WANTED[field]}") from None
    if teacher.provider not in PROVIDERS:
        raise BadInput(f"{who}: provider must be {_WANTED['provider']}")
    if not teacher.model.strip():
        raise BadInput(f"{who}: model must be {_WANTED['model']}")
    if teacher.base_url is not None and not _names_a_server(teacher.base_url):
        raise BadInput(f"{who}: base_url must be {_WANTED['base_url']}")
    return teacher


def _toml(value: str | float) -> str:
    """A value in TOML; booleans are numbers too. Strings are those of JSON, but for delete."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if value == int(value) else repr(value)


def _called(table: dict[str, Any], number: int) -> str:
    name = table.get("name")
    return _shown(repr(name)) if isinstance(name, str) else str(number)


def _is_secret(field: str, value: object) -> bool:
    if field in ("api_key", "key", "token", "secret", "password"):
        return True
    if not isinstance(value, str):
        return False
    if _KEY.search(value):
        return True
    if field == "base_url":
        return "@" in value or re.search(r"[?&][\w-]*(?:key|token)=", value, re.I) is not None
    # A variable's name is short words; a long run of small letters and digits is a key.
    mixed = re.search(r"[a-z]", value) and re.search(r"\d", value)
    return field == "api_key_env" and len(value) >= 24 and mixed is not None


def _names_a_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _shown(text: str) -> str:
    """`text`, unless it looks like a key."""
    return "…" if _KEY.search(text) else text
