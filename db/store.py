"""Opening the store, its transactions, and typed rows in and out.

A store is one SQLite file in WAL mode: many processes (the web server, one process a job, the
command line) read and write it at once. Every function of this package takes the open store first.
"""

import dataclasses
import json
import sqlite3
import threading
import time
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from db.migrations import STEPS, migrations

Row = TypeVar("Row")

BUSY_TIMEOUT_S = 30
_open = threading.local()


class NotOurs(sqlite3.DatabaseError):
    """A database of another program, or of a newer version of this one. The message says which."""


def connect(path: Path) -> Database:
    """Open the store at `path` for this thread, creating and migrating it where needed.

    A thread gets the same connection for the same path every time, so callers need not keep it.
    Raises sqlite3.Error when it cannot be opened, and NotOurs, with nothing changed.
    """
    stores: dict[Path, Database] = _open.__dict__.setdefault("stores", {})
    if path not in stores:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(f"no folder {path.parent}: {error.strerror}") from error
        # IMMEDIATE: a write waits its turn at its start, instead of failing in its middle when
        # another process wrote since this transaction's first read.
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level="IMMEDIATE")
        store = Database(connection)
        try:
            is_migrated = _is_migrated(store)
            store.enable_wal()
            store.execute("PRAGMA synchronous=normal")
            store.execute("PRAGMA foreign_keys=on")
            if not is_migrated:
                with writing(store):
                    migrations.apply(store)
        except BaseException:
            store.close()
            raise
        stores[path] = store
    return stores[path]


def _is_migrated(store: Database) -> bool:
    """Whether a store has its newest form. Raises NotOurs."""
    with reading(store):  # others may be making it just now
        applied = {one.name for one in migrations.applied(store)}
        is_empty = not scalar(store, "SELECT count(*) FROM sqlite_master")
    if not applied and not is_empty:
        raise NotOurs("it is a database of another program")
    if newer := sorted(applied - {step.__name__ for step in STEPS}):
        raise NotOurs(f"a newer version of this program wrote it: {', '.join(newer)}")
    return len(applied) == len(STEPS)


def close(path: Path) -> None:
    """Close this thread's connection to the store at `path`, if it has one."""
    stores: dict[Path, Database] = _open.__dict__.get("stores", {})
    if store := stores.pop(path, None):
        store.close()


@contextmanager
def writing(store: Database) -> Iterator[Database]:
    """A unit of work: all of it is written, or nothing. May be nested.

    Whatever ends it, an interrupt after its first statement or a commit that fails too, leaves no
    transaction open: what this thread writes next would be part of one that is never committed.
    """
    if store.conn.in_transaction:
        with store.atomic():
            yield store
        return
    try:
        store.execute("BEGIN IMMEDIATE")
        yield store
        store.commit()
    except BaseException:
        store.rollback()
        raise


@contextmanager
def reading(store: Database) -> Iterator[Database]:
    """Several queries that see the store as it is at one moment. May be nested, or in `writing`."""
    if store.conn.in_transaction:
        yield store
        return
    try:
        store.execute("BEGIN")
        yield store
    finally:
        store.rollback()


def now() -> float:
    """The time that rows bear: seconds since 1970, UTC."""
    return time.time()


def fetch(
    store: Database,
    row_type: type[Row],
    sql: str,
    parameters: Sequence[Any] | dict[str, Any] = (),
) -> list[Row]:
    """Run a query and return its rows as `row_type`, a dataclass with a field a column."""
    cursor = store.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    decoders = _decoders(typing.cast(typing.Hashable, row_type))
    steps = [(name, decoders.get(name)) for name in names]
    return [
        row_type(
            **{
                name: decode(value) if decode and value is not None else value
                for (name, decode), value in zip(steps, values, strict=True)
            }
        )
        for values in cursor
    ]


def fetch_one(
    store: Database, row_type: type[Row], sql: str, parameters: Sequence[Any] | dict[str, Any] = ()
) -> Row | None:
    """The first row of a query, or None."""
    rows = fetch(store, row_type, sql, parameters)
    return rows[0] if rows else None


def scalar(store: Database, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Any:
    """The one value of a query, or None when it has no row."""
    row = store.execute(sql, parameters).fetchone()
    return row[0] if row else None


def insert(store: Database, table: str, values: dict[str, Any]) -> int:
    """Insert one row and return its id."""
    return _run_insert(store, "INSERT", table, values)


def insert_or_ignore(store: Database, table: str, values: dict[str, Any]) -> int:
    """Insert one row unless a unique key is taken; return the new id, or 0."""
    return _run_insert(store, "INSERT OR IGNORE", table, values)


def update(store: Database, table: str, row_id: int, values: dict[str, Any]) -> None:
    """Set columns of one row."""
    assignments = ", ".join(f"{column} = ?" for column in values)
    store.execute(
        f"UPDATE {table} SET {assignments} WHERE id = ?", [*encoded(values.values()), row_id]
    )


def encoded(values: Iterable[Any]) -> list[Any]:
    """Values as SQLite takes them: lists, tuples and dictionaries as JSON, text without surrogates.

    A lone surrogate can come out of a JSON file and cannot be written as UTF-8: it becomes U+FFFD.
    """
    return [_encode(value) for value in values]


def _encode(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not value.isascii() else value
    return value


def _run_insert(store: Database, verb: str, table: str, values: dict[str, Any]) -> int:
    columns = ", ".join(values)
    marks = ", ".join("?" * len(values))
    cursor = store.execute(
        f"{verb} INTO {table} ({columns}) VALUES ({marks})", encoded(values.values())
    )
    return int(cursor.lastrowid or 0) if cursor.rowcount else 0


@cache
def _decoders(row_type: Any) -> dict[str, Any]:
    """How columns become fields: JSON for dictionaries, lists and tuples, 0 and 1 for booleans."""
    hints = typing.get_type_hints(row_type)
    decoders: dict[str, Any] = {}
    for field in dataclasses.fields(row_type):
        hint = hints[field.name]
        if isinstance(hint, types.UnionType):
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        origin = typing.get_origin(hint) or hint
        if origin is tuple:
            decoders[field.name] = lambda text: tuple(json.loads(text))
        elif origin in (dict, list):
            decoders[field.name] = json.loads
        elif origin is bool:
            decoders[field.name] = bool
    return decoders
