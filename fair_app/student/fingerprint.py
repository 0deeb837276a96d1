"""Whether a model on this machine is still the one that it was: a hash of what its answers are of.

No torch: the web process looks too.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from fair_app.errors import BadInput
from fair_app.student.registry import StudentRef

WEIGHTS, TOKENIZER = "*.safetensors", ("*token*", "*.jinja", "vocab*", "merges.txt", "*.model")
ANSWERING = (WEIGHTS, "*config.json", *TOKENIZER)
"""The files of a folder that an answer depends on. Others, such as a lineage or a card, may
change."""


def fingerprint(ref: StudentRef) -> str:
    """SHA-256 of the files that a student's answers depend on; "" where its REF says it all.

    So it is for the hub's models and for the offline student, which no run here changes. The files
    are read whole once, and again when their times or sizes are others. Raises BadInput when one
    cannot be read.
    """
    folders = [Path(ref.source)] if ref.base_kind == "folder" else []
    folders += [ref.adapter] if ref.adapter is not None else []
    if not folders:
        return ""
    found = hashlib.sha256()
    for number, folder in enumerate(folders):
        files = {file for pattern in ANSWERING for file in folder.glob(pattern) if file.is_file()}
        for file in sorted(files):
            try:
                content = _content(file, *_state(file))
            except OSError as fault:
                raise BadInput(
                    f"{file} cannot be read ({fault.strerror}): mend it, or choose another model."
                ) from fault
            found.update(f"{number}/{file.name} {content}\n".encode())
    return found.hexdigest()


def _state(file: Path) -> tuple[int, int, int]:
    """What is another one where a file was written anew."""
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


@lru_cache(maxsize=256)
def _content(file: Path, inode: int, size: int, changed: int) -> str:
    """The hash of a file's content, in this state of it."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
