"""Write docs/settings.md from the pages and pages/help.toml.

`python docs/make_settings.py` writes it; with `--check` it only says whether it is current.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "settings.md"
HEAD = """# Settings

What each field of the pages is for. On a page the first line stands below the field's label, and
the rest under *What these settings mean* at the end of the page.
"""
FOOT = """
This page is written by `python docs/make_settings.py` from `pages/help.toml`.
"""


def main() -> int:
    """Write the page, or with --check compare it; 1 where it is not current."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--check", action="store_true", help="write nothing")
    check = asked.parse_args().check
    wanted = current()
    if PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    if check:
        print("docs/settings.md is out of date: run `python docs/make_settings.py`.")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def current() -> str:
    """The page as it should be: the pages are laid out once, on a home that is thrown away."""
    sys.path.insert(0, str(REPOSITORY))
    from fair_app.settings import Settings
    from fair_app.studio.projects import ensure_demo
    from pages.web import build

    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        ensure_demo(settings)
        web: Any = build(settings)
        demo = next(route.app for route in web.routes if hasattr(route, "app")).get_blocks()
    return written(demo)


def written(demo: Any) -> str:
    """The page, with the labels that the fields of the app have."""
    from pages.help import settings_in, texts

    labels = {one.elem_id: one.label for one in settings_in(demo)}
    parts: dict[str, str] = {}
    for said in texts():
        parts[said.section] = f"{parts.get(said.section, '')}\n{_setting(said, labels)}\n"
    return HEAD + "".join(f"\n## {title}\n{part}" for title, part in parts.items()) + FOOT


def _setting(said: Any, labels: Mapping[str, str]) -> str:
    names = _together(labels[name] for name in said.fields)
    return f"**{names}.** *{_plain(said.short)}.* {_plain(said.more)}"


def _together(labels: Iterable[str]) -> str:
    return ", ".join(_plain(label) for label in dict.fromkeys(labels))


def _plain(text: str) -> str:
    """A text as Markdown shows it as it is."""
    return "".join(f"\\{one}" if one in "\\`*_[]<>#$" else one for one in text)


if __name__ == "__main__":
    sys.exit(main())
