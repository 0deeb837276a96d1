"""Rows of a local json or jsonl file; bad input is named by its file, row and column.

A file is read whole, as UTF-8 with or without a byte order mark. Nothing here knows a benchmark.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fair_app.errors import BadInput

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Row:
    """One row of a source. `place` names it (`rows.jsonl, line 3`); `index` counts from 0."""

    place: str
    index: int
    values: Mapping[str, object]

    def has(self, column: str) -> bool:
        """Tell whether the row has the column with a value that isn't null."""
        return self.values.get(column) is not None

    def text(self, column: str, empty: bool = False) -> str:
        """The column's text without the spaces around it. Raises BadInput if it is no text."""
        value = self._value(column)
        if not isinstance(value, str):
            raise self.wrong(column, "should be text")
        text = _storable(value)
        if text is None:
            raise self.wrong(column, "has characters that are no valid Unicode")
        if not text.strip() and not empty:
            raise self.wrong(column, "is empty")
        return text.strip()

    def texts(self, column: str) -> tuple[str, ...]:
        """The column's list of texts. Raises BadInput if it is anything else."""
        value = self._value(column)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(column, "should be a list of texts")
        parts = [_storable(item) for item in value]
        if None in parts:
            raise self.wrong(column, "has characters that are no valid Unicode")
        return tuple(part.strip() for part in parts if part is not None)

    def boolean(self, column: str) -> bool:
        """The column's true or false, also where it is written as text."""
        value = self._value(column)
        if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            return value.strip().lower() == "true"
        if not isinstance(value, bool):
            raise self.wrong(column, "should be true or false")
        return value

    def number(self, column: str) -> str:
        """The column's number as text, whether the source has a number or text."""
        value = self._value(column)
        if isinstance(value, str):
            return self.text(column)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(column, "should be a number")
        return repr(value)

    def label(self, column: str) -> str | int:
        """An identifier: text or a whole number."""
        value = self._value(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return self.text(column)

    def wrong(self, column: str, fault: str) -> BadInput:
        """The error to raise when a column can't be used."""
        return BadInput(f"{self.place}: column '{column}' {fault}.")

    def _value(self, column: str) -> object:
        if column not in self.values:
            names = ", ".join(str(name) for name in list(self.values)[:12]) or "none"
            raise self.wrong(column, f"is missing (this row's columns: {names})")
        return self.values[column]


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a `.json` file (a list of objects) or a `.jsonl` file (one object a line).

    Raises BadInput when the file is missing, empty, not UTF-8, not JSON, or not made of objects.
    """
    suffix = path.suffix.lower()
    if suffix not in JSON_SUFFIXES:
        raise BadInput(f"{path}: give a {', '.join(JSON_SUFFIXES)} file for this task.")
    text = read_text(path)
    rows = _json_rows(path, text) if suffix == ".json" else _jsonl_rows(path, text)
    if not rows:
        raise BadInput(f"{path} has no rows.")
    return rows


def read_text(path: Path) -> str:
    """Read a UTF-8 file whole, without its byte order mark.

    Raises BadInput when it is missing, a folder, unreadable, empty or not UTF-8.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give a file.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{path} can't be read ({reason}).") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    if not text.strip():
        raise BadInput(f"{path} is empty.")
    return text


def _json_rows(path: Path, text: str) -> list[Row]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{path} is not JSON (line {error.lineno}: {error.msg}); "
            "a file with one object a line should be named .jsonl."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON that can be read ({type(error).__name__}).") from error
    if not isinstance(values, list):
        raise BadInput(f"{path} should hold a list of rows, one object each.")
    return [_row(f"{path}, row {index + 1}", index, value) for index, value in enumerate(values)]


def _jsonl_rows(path: Path, text: str) -> list[Row]:
    rows: list[Row] = []
    # Not splitlines(): JSON texts may hold U+2028, which is no line end in a jsonl file.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadInput(f"{place} is not a JSON object ({error.msg}).") from error
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{place} is no JSON that can be read.") from error
        rows.append(_row(place, len(rows), value))
    return rows


def _row(place: str, index: int, value: object) -> Row:
    if not isinstance(value, dict):
        raise BadInput(f"{place} should be an object with named columns.")
    return Row(place, index, value)


def _storable(text: str) -> str | None:
    """The text, or None when it has lone surrogates (`"\\ud800"`), which UTF-8 can't hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return text


def check_limit(limit: int | None) -> None:
    """Raise BadInput unless `limit` is absent or at least 1."""
    if limit is not None and limit < 1:
        raise BadInput(f"The limit should be at least 1, not {limit}.")
