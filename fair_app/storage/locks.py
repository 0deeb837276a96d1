"""Who works on a home: locks on files beside its database, which end with the process."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from fair_app.errors import BadInput
from fair_app.settings import Settings


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Say that a server works on this home. Several may."""
    with _locked(settings, ".serving.lock", fcntl.LOCK_SH):
        yield


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep servers away. Raises BadInput while one works on this home."""
    try:
        with _locked(settings, ".serving.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise BadInput("A server works on this home: stop it first.") from None


@contextmanager
def backing_up(settings: Settings) -> Iterator[None]:
    """Make one backup of this home after the other, whoever makes them."""
    with _locked(settings, ".backup.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def noting(settings: Settings) -> Iterator[None]:
    """Change the standing of this home's backups one after the other."""
    with _locked(settings, ".standing.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(settings: Settings, name: str, how: int) -> Iterator[None]:
    file = settings.database.with_name(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, how)
        yield
