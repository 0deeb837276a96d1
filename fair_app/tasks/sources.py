"""Where the questions of an exam came from, in a form that is stored with it."""

import hashlib
from pathlib import Path


def file_origin(file: Path) -> dict[str, str]:
    """A file's name and the checksum of its bytes. The file must be there (OSError)."""
    with file.open("rb") as opened:
        return {"file": file.name, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}
