"""The pictures of the docs: all are the script's, small, and of a home that can be made again."""

import re
import shlex
from pathlib import Path

import pytest

from docs import picture_home
from fair_app.cli.parser import parse
from tests.docs_built import DOCS, PAGES, REPOSITORY

MOST_BYTES = 3_000_000
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


def test_the_script_takes_each_picture_and_no_other() -> None:
    pytest.importorskip(
        "playwright.sync_api", reason="playwright is missing: pip install -r requirements-dev.txt"
    )
    from docs.make_screenshots import FOLDER, NAMES

    assert sorted(path.stem for path in FOLDER.glob("*.png")) == sorted(NAMES)


def test_together_they_are_small() -> None:
    assert sum(path.stat().st_size for path in (DOCS / "screenshots").iterdir()) < MOST_BYTES


def test_each_says_what_is_on_it() -> None:
    texts = [(DOCS / name).read_text(encoding="utf-8") for name in PAGES]
    texts.append((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    found = [one for text in texts for one in IMAGE.findall(text)]
    assert len(found) > 20
    assert [file for words, file in found if not words.strip()] == []


@pytest.mark.parametrize("line", list(picture_home.commands(Path("/home/of/pictures"))))
def test_a_command_that_fills_their_home_can_be_given(line: str) -> None:
    parse(shlex.split(line))


def test_what_is_done_in_a_home_is_not_done_again(tmp_path: Path) -> None:
    first, *others = picture_home.left(tmp_path)
    (tmp_path / picture_home.DONE).write_text(f"{first}\n", encoding="utf-8")
    assert picture_home.left(tmp_path) == others


def test_the_sums_of_the_second_task_are_right() -> None:
    for row in picture_home.sums(20):
        first, second = map(int, re.findall(r"\d+", row["question"]))
        assert row["answer"] == str(first + second)
