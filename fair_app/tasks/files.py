"""Rows of a local file: json, jsonl, csv and parquet, read as far as they are wanted.

Text is UTF-8, or UTF-16 with its byte order mark; a mark is no part of the text. Bad input is
named by its file and line. Nothing here knows a benchmark.
"""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.tasks.rows import Row, check_limit

JSONL_SUFFIXES = (".jsonl", ".ndjson")
CSV_SUFFIXES = (".csv", ".tsv")
SUFFIXES = (".json", *JSONL_SUFFIXES, *CSV_SUFFIXES, ".parquet")
DELIMITERS = ",;\t|"
BATCH = 1024
"""Rows of a parquet file that are read at a time."""


def read_rows(path: Path, limit: int | None = None) -> list[Row]:
    """Read the first `limit` rows: a list of objects (json), one object a line (jsonl), csv,
    parquet. What follows them is not looked at, except that a json file is read whole.

    Raises BadInput when the file is missing, empty, not in its format, and for a limit below 1.
    """
    check_limit(limit)
    rows = list(islice(iterate_rows(path), limit))
    if not rows:
        raise BadInput(f"{path} has no rows: give a file with a question a row.")
    return rows


def iterate_rows(path: Path) -> Iterator[Row]:
    """Read rows one after another. Raises BadInput as `read_rows` does, at the row in question."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"{path}: give a {', '.join(SUFFIXES)} file for this task.")
    if suffix == ".parquet":
        return _parquet_rows(path)
    if suffix in CSV_SUFFIXES:
        return _csv_rows(path)
    return _json_rows(path) if suffix == ".json" else _jsonl_rows(path)


def columns(path: Path) -> list[str]:
    """The names of a file's columns, those of its first row. Raises BadInput as `read_rows`."""
    return [str(name) for name in read_rows(path, 1)[0].values]


def delimiter(path: Path) -> str:
    """What separates the fields of a csv file: the sign that cuts its first line into most."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    first = next((line for _, line in _lines(path) if line.strip()), "")
    return max(DELIMITERS, key=lambda sign: len(next(csv.reader([first], delimiter=sign), [])))


def read_text(path: Path) -> str:
    """Read a text file whole, without its byte order mark.

    Raises BadInput when it is missing, a folder, unreadable, empty, or in another encoding.
    """
    text = "".join(line for _, line in _lines(path))
    if not text.strip():
        raise BadInput(f"{path} is empty: give a file with rows.")
    return text


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, from 1, each with its line end."""
    encoding = _encoding(path)
    # Bytes that are no text become lone surrogates, so that the line with them can be named.
    with path.open(encoding=encoding, errors="surrogateescape", newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                if not line.isascii():
                    _check_text(path, number, line, encoding)
                yield number, line
        except UnicodeError as error:
            raise BadInput(f"{path} is not {encoding} text: save it as UTF-8.") from error


def _check_text(path: Path, number: int, line: str, encoding: str) -> None:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise BadInput(
            f"{path}, line {number}, is not {name} text (character {error.start + 1}): save the "
            "file as UTF-8."
        ) from error


def _encoding(path: Path) -> str:
    """The encoding that a byte order mark names, else UTF-8. Raises BadInput for no file."""
    start = _first_bytes(path)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in start:
        raise BadInput(f"{path} is not UTF-8 text (it has null bytes): save it as UTF-8.")
    return "utf-8-sig"


def _first_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise BadInput(f"{path} is a folder; give a file.")
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}: check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{path} can't be read ({reason}): give a file that can.") from error


def _json_rows(path: Path) -> Iterator[Row]:
    """The objects of a list, parsed one by one: what follows a limit costs nothing."""
    text = read_text(path)
    decoder, at, index = json.JSONDecoder(), _skip_blanks(text, 0), 0
    if text[at] != "[":
        _decode(path, decoder, text, at)
        raise BadInput(
            f"{path} should hold a list of rows, one object each; a file with one object a line "
            "should be named .jsonl."
        )
    at = _skip_blanks(text, at + 1)
    while text[at : at + 1] != "]" or index:
        value, at = _decode(path, decoder, text, at)
        yield _row(f"{path}, row {index + 1}", index, value)
        index, at = index + 1, _skip_blanks(text, at)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            line = text.count("\n", 0, at) + 1
            raise BadInput(
                f"{path} is not JSON (line {line}: no comma behind row {index}): correct it."
            )
        at = _skip_blanks(text, at + 1)
    if _skip_blanks(text, at + 1) < len(text):
        raise BadInput(f"{path} is not JSON: something follows the list of rows, take it away.")


def _decode(path: Path, decoder: json.JSONDecoder, text: str, at: int) -> tuple[object, int]:
    try:
        return decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{path} is not JSON (line {error.lineno}: {error.msg}): correct it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{path} is not JSON that can be read ({type(error).__name__}): write it anew."
        ) from error


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _jsonl_rows(path: Path) -> Iterator[Row]:
    index = 0
    # Lines end at \n only: JSON texts may hold U+2028, which is no line end in a jsonl file.
    for number, line in _lines(path):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadInput(f"{place} is not a JSON object ({error.msg}): correct it.") from error
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{place} is no JSON that can be read: correct it.") from error
        yield _row(place, index, value)
        index += 1
    if not index:
        raise BadInput(f"{path} is empty: give a file with rows.")


def _csv_rows(path: Path) -> Iterator[Row]:
    """Rows below a line with the columns' names. A field may hold line ends between its quotes."""
    reader = csv.reader((line for _, line in _lines(path)), delimiter=delimiter(path), strict=True)
    header: list[str] = []
    index, line = 0, 1
    try:
        for fields in reader:
            place, line = f"{path}, line {line}", reader.line_num + 1
            if not any(field.strip() for field in fields):
                continue
            if not header:
                header = [name.strip() for name in fields]
                _check_header(place, header)
                continue
            if len(fields) != len(header):
                raise BadInput(
                    f"{place} has {len(fields)} fields where the first line names {len(header)} "
                    "columns: put a field with the separator in double quotes."
                )
            values = {name: field or None for name, field in zip(header, fields, strict=True)}
            yield Row(place, index, values)
            index += 1
    except csv.Error as error:
        raise BadInput(
            f"{path}, line {line}, is no row of a csv file ({error}): correct it."
        ) from error
    if not header:
        raise BadInput(f"{path} is empty: give a file with rows.")


def _check_header(place: str, header: list[str]) -> None:
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise BadInput(f"{place} names the column '{twice[0]}' twice: give each its own name.")


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    _first_bytes(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            index = 0
            for batch in file.iter_batches(BATCH):
                for values in batch.to_pylist():
                    yield Row(f"{path}, row {index + 1}", index, values)
                    index += 1
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(
            f"{path} can't be read as a parquet file ({type(error).__name__}): write it anew."
        ) from error


def _row(place: str, index: int, value: object) -> Row:
    if not isinstance(value, dict):
        raise BadInput(f"{place} should be an object with named columns: correct it.")
    return Row(place, index, value)
