"""What the browser asks of the review room: one request after the other, each with a serial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fair_app.errors import BadInput
from fair_app.studio.projects import Project

MOST_NEAR = 8
LARGEST = 2**53
"""Whole numbers that a browser can hold."""


@dataclass(frozen=True)
class Asked:
    """One request.

    `question` is the one on the screen, or to be shown; `beside` the one to show where that leaves
    the mistakes; `near` those that the browser wants to hold. `rationale`, `revision`, `value` and
    `reason` are a decision's. `after` is the latest decision that the browser knew of, `mark` the
    preview that a decision about a whole queue (`verb`) was made on. `since`: when the project of
    all this began (`since_of`).
    """

    action: str
    serial: int = 0
    question: int = 0
    beside: int = 0
    near: tuple[int, ...] = ()
    queue: str = "all"
    search: str = ""
    stay: bool = False
    rationale: int = 0
    answer: int = 0
    revision: int = 0
    value: str = ""
    reason: str = ""
    verb: str = ""
    mark: int = 0
    again: bool = False
    after: int = 0
    since: str = ""


def read(data: Any) -> Asked:
    """A request out of an event's data. Raises BadInput for what no page of ours sends."""
    given = data if isinstance(data, Mapping) else {}
    fields = Asked.__dataclass_fields__
    values = {name: _plain(given[name]) for name in fields if name in given}
    for name, value in values.items():
        wanted = (
            tuple if name == "near" else str if name == "action" else type(fields[name].default)
        )
        if type(value) is not wanted:
            raise BadInput(f"The page sent a “{name}” that cannot be used: reload it.")
    if "action" not in values:
        raise BadInput("The page did not say what is to be done: reload it.")
    return Asked(**values)


def since_of(project: Project) -> str:
    """When a project began, which tells it from another one that got its name and its ids."""
    return str(project.created_at)


def address(queue: str, search: str, question: int) -> str:
    """A place in the review room as the address has it: `41`, `41.disagree`, `41.all.apples`."""
    asked = str(question) if question else ""
    if search:
        return f"{asked}.{queue}.{search}"
    return asked if queue == "all" else f"{asked}.{queue}"


def place_of(item: str) -> tuple[str, str, str]:
    """The question, queue and search that an address names, unchecked."""
    question, queue, search = (*item.split(".", 2), "", "")[:3]
    return question, queue or "all", search


def _plain(value: Any) -> Any:
    """A value as the store can hold it: no half of a surrogate pair, no number beyond 2**53."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return tuple(one for one in value if type(one) is int and abs(one) < LARGEST)[:MOST_NEAR]
    if isinstance(value, int | float) and not -LARGEST < value < LARGEST:
        return None
    return value
