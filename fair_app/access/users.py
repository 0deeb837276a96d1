"""The users of one's own server: a text file with a line each, `name:role:hash`.

Empty lines, and lines that begin with `#`, say nothing. The file is read again when it changes, so
that a role or a password counts from the next click on.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fair_app.access.passwords import is_hash
from fair_app.access.roles import LOCAL, Role, role_named
from fair_app.errors import BadInput

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TAKEN = {LOCAL}


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    name: str
    role: Role
    hash: str

    def __repr__(self) -> str:
        return f"User({self.name}, {self.role.word})"


Users = dict[str, User]
"""Users by their names."""


def parsed(text: str) -> Users:
    """The users of a file's text. Raises BadInput, naming the line that cannot be read."""
    found: Users = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        try:
            user = _user(line)
        except BadInput as fault:
            raise BadInput(f"Line {number} of the users' file: {fault}") from None
        if user.name in found:
            raise BadInput(f"Line {number} of the users' file: {user.name} stands there twice.")
        found[user.name] = user
    return found


def written(users: Iterable[User]) -> str:
    """The text of a file with these users."""
    head = "# Who may sign in: name:role:hash. Written by `python -m fair_app users`.\n"
    return head + "".join(f"{one.name}:{one.role.word}:{one.hash}\n" for one in users)


def read(path: Path) -> Users:
    """The users of a file. Raises BadInput where it cannot be read."""
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            f"There is no users' file {path}: make it with `python -m fair_app users add NAME "
            "--role owner`."
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(f"The users' file {path} cannot be read: {type(fault).__name__}.") from None


def write(path: Path, users: Iterable[User]) -> None:
    """Replace a file as a whole; only its owner may read it."""
    partial = path.with_name(f".{path.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(written(users))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def checked_name(name: str) -> str:
    """A name that a user may have. Raises BadInput for another."""
    if not NAME.fullmatch(name) or name.lower() in TAKEN:
        raise BadInput(
            f"'{name}' cannot be a user's name: use up to 64 letters, digits, dots, dashes and "
            "underscores, and not 'local'."
        )
    return name


def _user(line: str) -> User:
    parts = line.split(":")
    if len(parts) != 3:
        raise BadInput("write name:role:hash.")
    name, role, stored = parts
    if not is_hash(stored):
        raise BadInput("its hash is none of `python -m fair_app users`.")
    return User(checked_name(name), role_named(role), stored)


class UsersFile:
    """A file of users, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._users: Users = {}

    def users(self) -> Users:
        """The users as the file has them now. Raises BadInput where it cannot be read."""
        try:
            found = self.path.stat()
        except OSError:
            return read(self.path)
        now = (found.st_mtime_ns, found.st_size, found.st_ino)
        if now != self._seen:
            self._users = read(self.path)
            self._seen = now
        return self._users
