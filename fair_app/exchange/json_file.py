"""JSON files, strict both ways: what JSON does not allow is read as no value, and not written."""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from fair_app.errors import BadInput


def read_json(path: Path, advice: str) -> Any:
    """What a file holds, in any of JSON's encodings, with a byte order mark or without.

    Raises BadInput, ending with `advice`, for a file that cannot be read or is not JSON.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"Cannot read {path} ({error.strerror}): give a file that exists."
        ) from error
    try:
        return json.loads(content, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        where = f" ({error})" if isinstance(error, json.JSONDecodeError) else ""
        raise BadInput(f"{path.name} is not JSON{where}: {advice}.") from None


def json_bytes(content: Any) -> bytes:
    """A file's bytes for people to read; what UTF-8 cannot hold becomes a question mark.

    Raises ValueError for a number that JSON does not have.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "replace")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is out of range")
    return value
