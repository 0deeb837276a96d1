"""The users of one's own server: a text file with a line each, `name:role:hash`.

Empty lines, and lines that begin with `#`, say nothing, and stay where they are when a user is
changed. The file is read again when it changes, so that a role or a password counts from the next
click on.
"""

import fcntl
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fair_app.access.passwords import is_hash
from fair_app.access.roles import LOCAL, Role, role_named
from fair_app.errors import BadInput
from fair_app.whole_files import disk_full_at, whole_file

HEAD = "# Who may sign in: name:role:hash. `python -m fair_app users` changes it.\n"
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
        if _says_nothing(line):
            continue
        try:
            user = _user(line)
        except BadInput as fault:
            raise BadInput(f"Line {number} of the users' file: {fault}") from None
        if user.name in found:
            raise BadInput(f"Line {number} of the users' file: {user.name} stands there twice.")
        found[user.name] = user
    return found


def rewritten(text: str, users: Users) -> str:
    """A file's text with these users in place of its own; what else stands there stays."""
    left, lines = dict(users), []
    for line in text.splitlines():
        if _says_nothing(line.strip()):
            lines.append(line)
        elif user := left.pop(line.strip().split(":")[0], None):
            lines.append(_line(user))
    return "".join(f"{line}\n" for line in [*lines, *map(_line, left.values())])


def read(path: Path) -> Users:
    """The users of a file. Raises BadInput where it cannot be read."""
    return parsed(_text(path))


def write(path: Path, users: Iterable[User]) -> None:
    """Make a file with these users, in place of one that was."""
    _replace(path, rewritten(HEAD, {one.name: one for one in users}))


@contextmanager
def changing(path: Path, *, new: bool = False) -> Iterator[Users]:
    """The users of a file, to be changed and then written: one who changes it after the other.

    Nothing is written where the block fails. Raises BadInput where the file cannot be read; with
    `new` it is made where there is none.
    """
    if not new:
        read(path)  # before a lock beside it is made, maybe in a folder that is none
    with _lock(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = _text(path) if path.exists() or not new else HEAD
        users = parsed(text)
        yield users
        _replace(path, rewritten(text, users))


def checked_name(name: str) -> str:
    """A name that a user may have. Raises BadInput for another."""
    if not NAME.fullmatch(name) or name.lower() in TAKEN:
        raise BadInput(
            f"'{name}' cannot be a user's name: use up to 64 letters, digits, dots, dashes and "
            "underscores, and not 'local'."
        )
    return name


def _says_nothing(line: str) -> bool:
    return not line or line.startswith("#")


def _line(user: User) -> str:
    return f"{user.name}:{user.role.word}:{user.hash}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # as some editors write it
    except FileNotFoundError:
        raise BadInput(
            f"There is no users' file {path}: make it with `python -m fair_app users add NAME "
            "--role owner`."
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInput(
            f"The users' file {path} cannot be read ({type(fault).__name__}): let the server "
            "read it, as UTF-8 text."
        ) from None


def _lock(path: Path) -> IO[str]:
    """A file beside the users' file, which is itself replaced."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{path.name}.lock").open("w")
    except OSError as fault:
        raise BadInput(
            f"The users' file {path} cannot be changed ({type(fault).__name__}): change it as "
            "somebody who may write in its folder."
        ) from None


def _replace(path: Path, text: str) -> None:
    """Replace a file as a whole; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, 0o600, disk_full_at(path.parent)) as partial:
        partial.write_text(text, encoding="utf-8")


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
