"""The docs: every page has its place, the reference is that of the code, and the site is whole."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from docs import make_command_line
from tests.docs_built import DOCS, PAGES, REPOSITORY, built, strictly

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Elements that make a browser ask for something, and where they say for what."""


def named(nav: list[Any]) -> Iterator[str]:
    """The pages of a navigation, sections and all."""
    for entry in nav:
        for below in entry.values():
            yield from [below] if isinstance(below, str) else named(below)


class Asked(HTMLParser):
    """What a browser asks for when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADING and values.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(values.get(LOADING[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("docs"))


def test_every_page_has_one_place_in_the_navigation() -> None:
    project = tomllib.loads((REPOSITORY / "zensical.toml").read_text(encoding="utf-8"))["project"]
    assert Counter(named(project["nav"])) == Counter(PAGES)


def test_the_reference_is_that_of_the_commands() -> None:
    stands = make_command_line.PAGE.read_text(encoding="utf-8")
    assert stands == make_command_line.current(), "run `python docs/make_command_line.py`"


def test_every_option_says_what_it_is_for() -> None:
    from fair_app.cli.parser import command_line

    for name, said, parser in make_command_line.subcommands(command_line()):
        assert said, name
        below = [one for _, _, one in make_command_line.subcommands(parser)]
        for part in below or [parser]:
            assert part.format_help()  # a stray % in a help text fails here
            for option in make_command_line.shown(part):
                assert option.help, f"{name}: {option.option_strings or option.dest}"
                assert "{'" not in make_command_line._means(option), f"{name}: {option.dest}"


def test_the_drawing_has_every_room_and_nothing_from_elsewhere() -> None:
    drawing = (DOCS / "images" / "architecture.svg").read_text(encoding="utf-8")
    rooms = [path.parent.name for path in (REPOSITORY / "fair_app").glob("*/__init__.py")]
    assert len(rooms) > 10
    assert [room for room in rooms if f"{room}/" not in drawing] == []
    assert not re.search(r'(?:href|src)="|url\((?!#)|@import|<script', drawing)


def test_every_picture_is_shown_and_every_tab_has_one() -> None:
    text = "".join((DOCS / name).read_text(encoding="utf-8") for name in PAGES)
    text += (REPOSITORY / "README.md").read_text(encoding="utf-8")
    pictures = {path.name for path in (DOCS / "screenshots").glob("*.png")}
    shown = set(re.findall(r"screenshots/([\w-]+\.png)", text))
    assert shown == pictures
    tabs = {"overview", "exam", "committee", "review", "training", "evaluation", "settings"}
    assert {f"{tab}.png" for tab in tabs} <= shown


def test_the_site_has_every_page_and_asks_nothing_of_any_other_place(site: Path) -> None:
    built = {path.name for path in site.glob("*.html")}
    assert {f"{Path(name).stem}.html" for name in PAGES} <= built
    for name in built:
        reader = Asked()
        reader.feed((site / name).read_text(encoding="utf-8"))
        assert len(reader.found) > 2, name
        assert [one for one in reader.found if re.match(r"(?:\w+:)?//", one)] == [], name
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert sheets
    assert not [
        sheet for sheet in sheets if re.search(r"(?:url\(|@import )[\"']?(?:\w+:)?//", sheet)
    ]


def test_a_dead_link_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Here\n\n[there](there.md#not)\n")
    (tmp_path / "zensical.toml").write_text('[project]\nsite_name = "Here"\n')
    done = strictly(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
