"""Rows of a source: what a column holds, and the sentence that names what is wrong with it.

Nothing here knows a benchmark. Files are read in `files.py`, the hub in `hub.py`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeGuard

from fair_app.errors import BadInput

LARGEST_EXPONENT = 40
"""Powers of ten. A number beyond it is no answer that a reader would find."""


@dataclass(frozen=True)
class Row:
    """One row of a source. `place` names it (`rows.jsonl, line 3`); `index` counts from 0."""

    place: str
    index: int
    values: Mapping[str, object]

    @property
    def line(self) -> str:
        """The place without the source's name: `line 3`."""
        return self.place.rpartition(", ")[2]

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

    def texts(self, column: str, numbers: bool = False) -> tuple[str, ...]:
        """The column's list of texts, also where it is written as a JSON text (`["a", "b"]`).

        `numbers`: they may stand among the texts. Raises BadInput if it is anything else.
        """
        value = self._value(column)
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise self.wrong(column, "should be a list of texts") from None
        if numbers and isinstance(value, list):
            value = [_digits(self, column, item) if _is_number(item) else item for item in value]
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
        if not _is_number(value):
            raise self.wrong(column, "should be a number")
        return _digits(self, column, value)

    def written(self, column: str) -> str:
        """The column's value as text, whether the source has text, a number or a truth value."""
        value = self._value(column)
        if isinstance(value, bool):
            return "true" if value else "false"
        return _digits(self, column, value) if _is_number(value) else self.text(column)

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
        value = self.values[column]
        if value is None:
            raise self.wrong(column, "is empty")
        return value


def distinct(rows: Iterable[Row], column: str) -> Iterator[Row]:
    """Pass on rows, and raise BadInput at one whose identifier another one has.

    Rows without the column have no identifier.
    """
    seen: dict[str | int, Row] = {}
    for row in rows:
        if row.has(column):
            label = row.label(column)
            if label in seen:
                where = seen[label].line
                raise row.wrong(column, f"has '{label}', as {where} has: ids must differ")
            seen[label] = row
        yield row


def check_limit(limit: int | None) -> None:
    """Raise BadInput unless `limit` is absent or at least 1."""
    if limit is not None and limit < 1:
        raise BadInput(f"The limit should be at least 1, not {limit}.")


def _is_number(value: object) -> TypeGuard[int | float | Decimal]:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _digits(row: Row, column: str, value: int | float | Decimal) -> str:
    """A number in digits: never `1e-05`, never `nan`."""
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:
            raise row.wrong(column, "is a number too long to be read") from None
    exact = Decimal(repr(value)) if isinstance(value, float) else value
    if not exact.is_finite():
        raise row.wrong(column, "should be a number")
    if abs(exact.adjusted()) > LARGEST_EXPONENT:
        raise row.wrong(column, "is a number too long to be read")
    return f"{exact:f}"


def _storable(text: str) -> str | None:
    """The text, or None when it has lone surrogates (`"\\ud800"`), which UTF-8 can't hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return text
