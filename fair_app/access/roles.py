"""What somebody may do: nobody < viewer < curator < owner, and who is asking just now.

A viewer looks. A curator also decides and comments. An owner also starts jobs, spends money,
exports, deletes, and says who else may do what.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum

from fair_app.errors import BadInput


class Role(IntEnum):
    """What somebody may do; who may do more may do all that those below may."""

    NOBODY = 0
    VIEWER = 1
    CURATOR = 2
    OWNER = 3

    @property
    def word(self) -> str:
        """As files, the store and people have it."""
        return self.name.lower()


def role_named(word: str) -> Role:
    """The role of this name. Raises BadInput for another word."""
    for role in Role:
        if role.word == word.strip().lower():
            return role
    known = ", ".join(role.word for role in Role)
    raise BadInput(f"'{word}' is no role: choose one of {known}.")


@dataclass(frozen=True)
class Visitor:
    """Who is asking. `name` is None where nobody signs in.

    `project`: the one project that a link shows; None is all of them.
    """

    name: str | None
    role: Role
    project: str | None = None
    signed_in: bool = False


LOCAL = "local"
"""What the audit and the log of decisions call whoever has this machine; no account's name."""
HERE = Visitor(None, Role.OWNER)
"""Whoever has this machine: the command line, the jobs, and the pages where nobody signs in."""

_visiting: ContextVar[Visitor] = ContextVar("visiting", default=HERE)


@contextmanager
def visiting(visitor: Visitor) -> Iterator[None]:
    """While this lasts, `visitor` is who is asking, in this task or thread."""
    token = _visiting.set(visitor)
    try:
        yield
    finally:
        _visiting.reset(token)


def who_visits() -> Visitor:
    """Who is asking."""
    return _visiting.get()


def shown_project() -> str | None:
    """The one project that may be shown to who is asking; None is any."""
    return who_visits().project
