"""The command line on a project of its own."""

from pathlib import Path

import pytest

from fair_app.settings import Settings
from tests.cli.lines import Line


@pytest.fixture
def line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    return Line(Settings(home=tmp_path / "home"), capsys)
