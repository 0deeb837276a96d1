from pathlib import Path

import pytest

from fair_app.exchange.reference import file_names
from tests.exchange.runs import KINDS, TEXTS


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Path]:
    """The run of `runs` as the reference's files."""
    names = file_names("some/tiny", "svamp", 0)
    for kind in KINDS:
        (tmp_path / names[kind]).write_bytes(TEXTS[kind].encode("ascii"))
    return {kind: tmp_path / names[kind] for kind in KINDS}
