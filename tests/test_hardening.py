"""What docs/security.md promises of the code as a whole, and that each test it names is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_architecture import imports

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = ("db", "fair_app", "pages")
CODE = [
    REPOSITORY / "app.py",
    *(one for room in ROOMS for one in (REPOSITORY / room).rglob("*.py")),
]
UNPICKLES = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
RUNS = {"eval", "exec", "compile", "torch.load", "os.system", "os.popen", "np.load", "yaml.load"}
SECURITY = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")


def named(node: ast.expr) -> str:
    """What a call calls, as it is written: `torch.load`."""
    if isinstance(node, ast.Attribute):
        return f"{named(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def test_nothing_is_unpickled_and_no_text_is_run() -> None:
    unpickling = [
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in CODE
        for module in imports(path)
        if module.split(".")[0] in UNPICKLES
    ]
    running = [
        f"{path.relative_to(REPOSITORY)}:{call.lineno}"
        for path in CODE
        for call in calls(path)
        if named(call.func) in RUNS
    ]
    assert (unpickling, running) == ([], [])


def test_no_command_goes_through_a_shell_and_no_model_brings_code() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{call.lineno}"
        for path in CODE
        for call in calls(path)
        for word in call.keywords
        if word.arg in ("shell", "trust_remote_code")
        and not (isinstance(word.value, ast.Constant) and word.value.value is False)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[^`]+)`", SECURITY))))
def test_a_file_that_the_table_names_is_there(name: str) -> None:
    assert (REPOSITORY / name).exists()


def test_the_tests_that_the_table_names_are_there() -> None:
    files = (REPOSITORY / "tests").rglob("test_*.py")
    there = {
        node.name
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    told = set(re.findall(r"`(test_[a-z0-9_]+)`", SECURITY))
    assert len(told) > 30
    assert told - there == set()
