"""What a student REF names. Cheap to call (no torch), so that pages can check with it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from fair_app.errors import BadInput
from fair_app.student.offline import OFFLINE_STUDENT, offline_student_folder

Kind = Literal["offline", "folder", "hub", "checkpoint"]
Quantization = Literal["none", "4bit"]
QUANTIZATIONS: tuple[Quantization, ...] = ("none", "4bit")

SERVER_KEY = "FAIR_SERVER_KEY"
"""The variable that holds the key of a student's server."""
CHECKPOINT = "checkpoint:"
LINEAGE_FILE = "lineage.json"
ADAPTER_FILE = "adapter_model.safetensors"
ADAPTER_CONFIG_FILE = "adapter_config.json"
NAMES_NO_BASE = (
    f"The {LINEAGE_FILE} of checkpoint '{{name}}' does not name its base student: train it again."
)

_CHECKPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# huggingface_hub's rule for a repository (its `validate_repo_id`), with an owner
_HUB_ID = re.compile(r"(?!.*(--|\.\.))\b[\w.-]{1,96}\b/\b[\w.-]{1,96}\b(?<!\.git)", re.ASCII)
_FORMS = f"use {OFFLINE_STUDENT}, {CHECKPOINT}NAME, a model folder, or a hub id as owner/name"


@dataclass(frozen=True)
class StudentRef:
    """A student, and where its parts lie.

    `base` is the REF of the untrained student below it (itself unless it is a checkpoint; a folder
    as an absolute path) and `source` the folder or hub id of the base's weights. A checkpoint also
    has an `adapter`, the folder of what was trained, and the quantization its base then had; one
    whose every weight was trained has none, and is a `source` of its own.
    """

    ref: str
    kind: Kind
    base: str
    base_kind: Kind
    source: str
    adapter: Path | None = None
    trained_on: Quantization = "none"


def parse_ref(ref: str, checkpoints_folder: Path, models_folder: Path) -> StudentRef:
    """Read a student REF and check what can be checked without loading a model.

    A hub id is checked for its form only; the offline student need not be converted yet.
    Raises BadInput when the REF has none of the four forms or names something that is not there.
    """
    ref = ref.strip()
    if ref == OFFLINE_STUDENT:
        folder = str(offline_student_folder(models_folder))
        return StudentRef(ref, "offline", base=ref, base_kind="offline", source=folder)
    if ref.startswith(CHECKPOINT):
        return _checkpoint(ref, checkpoints_folder, models_folder)
    path = _existing_folder(ref)
    if path is not None:
        _check_model_folder(path)
        folder = str(path.resolve())
        return StudentRef(ref, "folder", base=folder, base_kind="folder", source=folder)
    if ref.startswith((".", "/", "~")):
        raise BadInput(f"There is no model folder '{ref}': check the path.")
    if is_hub_id(ref):
        return StudentRef(ref, "hub", base=ref, base_kind="hub", source=ref)
    raise BadInput(f"There is no student '{ref}': {_FORMS}.")


def is_hub_id(ref: str) -> bool:
    """Whether a REF has the form of a hub id; a folder of this name would come before it."""
    return _HUB_ID.fullmatch(ref) is not None


def server_address(text: str) -> str:
    """The address of an OpenAI-compatible server: http://host:port/v1; a bare one gets its /v1.

    Raises BadInput when it is none, or holds a user or a query: an address is stored, a key never.
    """
    address = text.strip().rstrip("/")
    if set(address) & set("@?#"):
        raise BadInput(
            "A server's address ends with its path and holds neither user nor key: give "
            f"http://host:port/v1, and the key in {SERVER_KEY}."
        )
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not address.isprintable() or " " in address:
        raise BadInput(f"'{text}' is not the address of a server: give http://host:port/v1.")
    return address if parts.path else f"{address}/v1"


def _checkpoint(ref: str, checkpoints_folder: Path, models_folder: Path) -> StudentRef:
    name = ref.removeprefix(CHECKPOINT)
    folder = checkpoints_folder / name
    if not _CHECKPOINT_NAME.fullmatch(name) or not folder.is_dir():
        raise BadInput(
            f"There is no checkpoint '{name}' in {checkpoints_folder}: check the name, or train it."
        )
    is_whole = (folder / "config.json").is_file()
    for file in (LINEAGE_FILE, *(() if is_whole else (ADAPTER_CONFIG_FILE, ADAPTER_FILE))):
        if not (folder / file).is_file():
            raise BadInput(f"The checkpoint '{name}' has no {file}: train it again.")
    lineage = _read_json(folder / LINEAGE_FILE)
    base_ref, trained_on = lineage.get("base"), lineage.get("quantization")
    if not isinstance(base_ref, str):
        raise BadInput(NAMES_NO_BASE.format(name=name))
    if is_whole:
        _check_model_folder(folder)
        return StudentRef(ref, "checkpoint", ref, "folder", source=str(folder.resolve()))
    if base_ref.startswith(CHECKPOINT) and not _is_whole(base_ref, checkpoints_folder):
        raise BadInput(NAMES_NO_BASE.format(name=name))
    if trained_on not in QUANTIZATIONS:
        raise BadInput(
            f"The {LINEAGE_FILE} of checkpoint '{name}' says quantization '{trained_on}' "
            f"where {' or '.join(QUANTIZATIONS)} is expected: train it again."
        )
    base = parse_ref(base_ref, checkpoints_folder, models_folder)
    return StudentRef(
        ref, "checkpoint", base.base, base.base_kind, base.source, folder.resolve(), trained_on
    )


def _is_whole(ref: str, checkpoints_folder: Path) -> bool:
    """Whether a REF names a checkpoint that is a whole model, which an adapter can lie upon."""
    name = ref.removeprefix(CHECKPOINT)
    folder = checkpoints_folder / name
    return bool(_CHECKPOINT_NAME.fullmatch(name)) and (folder / "config.json").is_file()


def _existing_folder(ref: str) -> Path | None:
    try:
        path = Path(ref).expanduser()
        return path if ref and path.is_dir() else None
    except (OSError, RuntimeError):  # too long for a path, or the home of nobody
        return None


def _check_model_folder(folder: Path) -> None:
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    if not any(folder.glob("*.safetensors")):
        missing.append("safetensors weights")
    if missing:
        raise BadInput(
            f"{folder} is not a model folder: it has no {' and no '.join(missing)}. Give the "
            "folder that has them."
        )
    _read_json(folder / "config.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path} cannot be read as JSON ({error}): get the model again.") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} does not hold a JSON object: get the model again.")
    return content
