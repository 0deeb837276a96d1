"""The command line's frame: one JSON object or readable lines out, one `error:` line and exit code.

Exit codes: 0 done, 1 the work failed, 2 bad input.
"""

import contextlib
import json
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any

from fair_app.cli.parser import parse
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.health import database_fault, is_of_the_database
from fair_app.settings import read_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code. What a home's database does not let be done is bad
    input too."""
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        settings = read_settings(arguments.home)
        # What libraries print must not stand beside the JSON object.
        with contextlib.redirect_stdout(sys.stderr):
            result = arguments.run(settings, arguments)
    except BadInput as fault:
        print(f"error: {one_line(fault)}", file=sys.stderr)
        return 2
    except WorkFailed as fault:
        print(f"error: {one_line(fault)}", file=sys.stderr)
        return 1
    except sqlite3.Error as fault:
        if not is_of_the_database(fault):
            raise
        print(f"error: {database_fault(settings, fault)}", file=sys.stderr)
        return 2
    except Cancelled:
        print("error: the job was cancelled; `jobs resume` goes on with it.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: stopped; `jobs resume` goes on with the job.", file=sys.stderr)
        return 1
    print(json.dumps(result) if arguments.json else readable(result))
    return 0


def one_line(fault: Exception) -> str:
    """The message of a fault without line breaks."""
    return " ".join(str(fault).split())


def readable(value: Any, indent: str = "") -> str:
    """A result as `name: value` lines, nested ones indented."""
    if isinstance(value, dict):
        return "\n".join(
            f"{indent}{name}:\n{readable(inner, indent + '  ')}"
            if isinstance(inner, dict | list) and inner
            else f"{indent}{name}: {_plain(inner)}"
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return "\n".join(
            readable(inner, indent)
            if isinstance(inner, dict | list)
            else f"{indent}{_plain(inner)}"
            for inner in value
        )
    return f"{indent}{_plain(value)}"


def _plain(value: Any) -> str:
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(_plain(one) for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
