"""`lineage.json` of a checkpoint: what it was made of, enough to make it again. No torch here."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fair_app.errors import BadInput

LINEAGE_FILE = "lineage.json"
REQUIRED = ("base", "quantization")
"""What loading the checkpoint depends on. The rest is for people: settings, data, teachers…"""
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")


def versions() -> dict[str, str]:
    """The versions of the libraries that move a training run."""
    return {package: version(package) for package in PACKAGES}


def other_versions(params: Mapping[str, Any], here: Mapping[str, str]) -> list[str]:
    """Which libraries the lineage of a run that is made again has in other versions, a line each.

    `params` are those of its job; for a run that is new there is nothing to say.
    """
    known = (params.get("again") or {}).get("versions") or {}
    return [
        f"the lineage has {package} {known[package]}, here is {here[package]}"
        for package in sorted(known.keys() & here.keys())
        if known[package] != here[package]
    ]


def write_lineage(folder: Path, lineage: dict[str, Any]) -> None:
    """Write a checkpoint's lineage. Raises ValueError when one of `REQUIRED` is missing."""
    missing = [key for key in REQUIRED if key not in lineage]
    if missing:
        raise ValueError(f"a lineage needs {', '.join(missing)}")
    content = json.dumps(lineage, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / LINEAGE_FILE).write_text(content + "\n", encoding="utf-8")


def read_lineage(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's lineage. Raises BadInput when the folder has none that can be read."""
    return read_lineage_file(folder / LINEAGE_FILE)


def read_lineage_file(file: Path) -> dict[str, Any]:
    """Read a lineage from its file, or from a checkpoint's folder. Raises BadInput as above."""
    file = file / LINEAGE_FILE if file.is_dir() else file
    try:
        lineage = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read as a lineage: give a {LINEAGE_FILE}.") from error
    if not isinstance(lineage, dict):
        raise BadInput(f"{file} does not hold a JSON object: give a {LINEAGE_FILE}.")
    return lineage
