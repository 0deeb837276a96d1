"""The arrows of the house: app -> pages -> fair_app -> db, and no torch in the web process."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = {
    "db": {"db"},
    "fair_app": {"fair_app", "db"},
    "pages": {"pages", "fair_app"},
}
SQL_LIBRARIES = {"sqlite3", "sqlite_utils"}
PURE = [
    *sorted(f"fair_app.tasks.{path.stem}" for path in (REPOSITORY / "fair_app/tasks").glob("*.py")),
    *sorted(
        f"fair_app.curation.{path.stem}" for path in (REPOSITORY / "fair_app/curation").glob("*.py")
    ),
    "fair_app.evaluation.ablation",
    "fair_app.evaluation.ablation_results",
    "fair_app.evaluation.comparing",
    "fair_app.evaluation.leakage",
    "fair_app.evaluation.rounds",
    "fair_app.evaluation.statistics",
    "fair_app.exchange.replay",
    "fair_app.report.markdown",
    "fair_app.report.page",
]
HEAVY = ["torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "datasketch"]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def python_files(room: str) -> list[Path]:
    return sorted((REPOSITORY / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_arrow_allows(room: str) -> None:
    known = {"app", *ROOMS}
    wrong = [
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in python_files(room)
        for module in imports(path)
        if module.split(".")[0] in known - ROOMS[room]
    ]
    assert not wrong


def test_gradio_stands_only_in_pages() -> None:
    wrong = [
        str(path)
        for room in ("db", "fair_app")
        for path in python_files(room)
        if any(module.split(".")[0] == "gradio" for module in imports(path))
    ]
    assert not wrong


def test_sql_stands_only_in_db() -> None:
    verbs = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA ")
    wrong = []
    for room in ("fair_app", "pages"):
        for path in python_files(room):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and node.value.lstrip().startswith(verbs)
                ):
                    wrong.append(f"{path.relative_to(REPOSITORY)}:{node.lineno}")
    assert not wrong


def test_pages_know_no_sqlite() -> None:
    wrong = [
        str(path)
        for path in python_files("pages")
        if any(module.split(".")[0] in SQL_LIBRARIES for module in imports(path))
    ]
    assert not wrong


def loaded_after(statement: str, watched: list[str]) -> set[str]:
    """Which of the watched modules a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys\nprint(*[m for m in {watched!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_web_process_has_no_torch() -> None:
    assert loaded_after("import app", HEAVY) == set()


def test_the_command_line_starts_without_torch() -> None:
    assert loaded_after("import fair_app.cli.main", HEAVY) == set()


def test_the_pure_parts_know_neither_torch_nor_the_store() -> None:
    statement = "\n".join(f"import {module}" for module in PURE)
    assert loaded_after(statement, [*HEAVY, "db", "sqlite_utils", "sqlite3"]) == set()


def test_modules_can_be_read_in_one_sitting() -> None:
    longest = {
        str(path.relative_to(REPOSITORY)): len(path.read_text(encoding="utf-8").splitlines())
        for room in ROOMS
        for path in python_files(room)
    }
    assert {name: lines for name, lines in longest.items() if lines > 450} == {}
