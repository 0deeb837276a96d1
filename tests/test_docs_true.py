"""What the docs name is there: commands with their options, tests, variables, make's targets."""

import re
import shlex
from pathlib import Path

import pytest

from fair_app.cli.parser import parse
from fair_app.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
TEXTS = {
    path.name: path.read_text(encoding="utf-8")
    for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
}
FENCE = re.compile(r"^```(?:\w*)\n(.+?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:export \w+=\S+ )?(?:\w+=\S+ )*python -m fair_app (.+)$", re.MULTILINE)
UNFINISHED = re.compile(r"[\[\]…|]|\.\.\.")
"""What stands in a line that shows a form rather than a command."""


def commands(text: str) -> list[str]:
    """The commands in a page's blocks of code, each on one line and without what is said of it."""
    blocks = "\n".join(FENCE.findall(text)).replace("\\\n", " ")
    return [line for line in COMMAND.findall(blocks) if not UNFINISHED.search(line)]


EACH = sorted({(name, line) for name, text in TEXTS.items() for line in commands(text)})


@pytest.mark.parametrize(("name", "line"), EACH)
def test_a_command_of_the_docs_can_be_given(name: str, line: str) -> None:
    parse(shlex.split(line, comments=True))


def test_there_are_commands_in_the_docs() -> None:
    assert len(EACH) > 50
    assert {name for name, _ in EACH} >= {"README.md", "mentor.md", "training.md", "accounts.md"}


def test_every_test_that_the_docs_name_is_there() -> None:
    files = sorted((REPOSITORY / "tests").rglob("*.py"))
    known = set(re.findall(r"def (test_\w+)", "".join(path.read_text("utf-8") for path in files)))
    known |= {path.stem for path in files}
    named = {(page, one) for page, text in TEXTS.items() for one in re.findall(r"\btest_\w+", text)}
    assert len(named) > 40
    assert sorted((page, one) for page, one in named if one not in known) == []
    folders = {one for text in TEXTS.values() for one in re.findall(r"`(tests/[\w/.]+)`", text)}
    assert sorted(one for one in folders if not (REPOSITORY / one).exists()) == []


def test_every_variable_of_the_settings_is_in_the_docs() -> None:
    text = "".join(TEXTS.values())
    wanted = {f"FAIR_{name.upper()}" for name in Settings.model_fields}
    assert sorted(one for one in wanted if one not in text) == []


def test_every_target_of_make_that_the_docs_name_is_there() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    named = {one for text in TEXTS.values() for one in re.findall(r"`make (\w+)", text)}
    assert named <= targets and "docs" in named


def test_every_benchmark_that_the_docs_name_is_there() -> None:
    named = {one for text in TEXTS.values() for one in re.findall(r"benchmarks/\w+\.py", text)}
    assert sorted(one for one in named if not (REPOSITORY / one).exists()) == []
