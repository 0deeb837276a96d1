"""A student with fewer layers: which are kept, and what is asked for. No torch."""

import re
from typing import Any

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.student.registry import parse_ref

NOTE = "shrunk.json"
"""In the folder of a student that was shrunk: what it was made from, and which layers are left."""
HALF = "half"

_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def kept_layers(total: int, layers: int | str) -> list[int]:
    """The numbers (from 0) of the layers to keep: evenly spaced, the first and the last included.

    `layers` is how many, or "half" (of an odd number, rounded down); one alone is the first.
    Raises BadInput for fewer than one, and when nothing would be left out.
    """
    keep = max(1, total // 2) if layers == HALF else int(layers)
    if not 1 <= keep < total:
        raise BadInput(
            f"The student has {total} layers: keep at least 1 and at most {total - 1}, not {keep}."
        )
    if keep == 1:
        return [0]
    gaps = keep - 1  # rounded half up, in whole numbers: steps of one or more stay apart
    return [(2 * place * (total - 1) + gaps) // (2 * gaps) for place in range(keep)]


def shrink_params(settings: Settings, student: str, layers: str, name: str) -> dict[str, Any]:
    """The parameters of a shrinking job, checked: `layers` is a whole number or "half".

    Raises BadInput for an unknown student, a number of layers that is none, and a name that is
    unfit or taken.
    """
    ref = parse_ref(student, settings.checkpoints, settings.models)
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"'{name}' cannot be a student's name: use up to 64 letters, digits, dots, dashes and "
            "underscores."
        )
    if name == OFFLINE_STUDENT or (settings.models / name).exists():
        raise BadInput(f"There is a model {settings.models / name} already: choose another name.")
    student = ref.base if ref.kind == "folder" else ref.ref  # from whatever folder it is resumed
    return {"student": student, "layers": _number(layers), "name": name}


def _number(layers: str) -> int | str:
    if layers == HALF:
        return HALF
    if not _COUNT.fullmatch(layers):
        raise BadInput(f"'{layers}' is not a number of layers: give 1 or more, or {HALF}.")
    return int(layers)
