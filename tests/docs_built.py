"""The docs as `make docs` builds them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
STRICTLY = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]


def built(folder: Path) -> Path:
    """Build a copy of the docs below a folder; where the pages are. Fails on a dead link."""
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "zensical.toml", folder)
    done = strictly(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def strictly(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Build what stands in a folder, as `make docs` does."""
    pytest.importorskip(
        "zensical", reason="zensical is missing: pip install -r requirements-dev.txt"
    )
    return subprocess.run(STRICTLY, cwd=folder, capture_output=True, text=True, check=False)
