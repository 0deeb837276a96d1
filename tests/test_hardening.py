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


LEVEL_1 = """
2.1.1-12 2.2.1-3 2.3.1-1 2.5.1-6 2.7.1-4 2.8.1-1 3.1.1-1 3.2.1-3 3.3.1-2 3.4.1-5 3.7.1-1 4.1.1-3
4.1.5-5 4.2.1-2 4.3.1-2 5.1.1-5 5.2.1-8 5.3.1-10 5.5.1-4 6.2.1-1 7.1.1-2 7.4.1-1 8.2.1-3 8.3.1-4
9.1.1-3 10.3.1-3 11.1.1-5 12.1.1-1 12.3.1-5 12.4.1-2 12.5.1-2 12.6.1-1 13.1.1-1 13.1.3-3 13.2.1-3
13.3.1-1 14.2.1-3 14.3.2-3 14.4.1-7 14.5.1-3
"""
"""The requirements of level 1 in OWASP's Application Security Verification Standard 4.0.3."""


def test_every_requirement_of_the_level_has_its_line() -> None:
    wanted = {
        f"{section}.{number}"
        for section, first, last in re.findall(r"(\d+\.\d+)\.(\d+)-(\d+)", LEVEL_1)
        for number in range(int(first), int(last) + 1)
    }
    assert len(wanted) == 128
    lines = re.findall(r"^\| ([\d.,– ]*\d)[^|]*\|([^|]*)\|([^|]*)\|$", SECURITY, re.MULTILINE)
    told: list[str] = []
    for named, _, shown in lines:
        assert shown.strip(), named  # by a test, or by a reason
        for section, first, last in re.findall(r"(\d+\.\d+)\.(\d+)(?:–\d+\.\d+\.(\d+))?", named):
            told += [f"{section}.{one}" for one in range(int(first), int(last or first) + 1)]
    assert sorted(told) == sorted(set(told)), "a requirement stands in two lines"
    assert set(told) == wanted
