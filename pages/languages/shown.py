"""What stands fixed on the pages, in another language: the config that Gradio sends a browser.

The pages are laid out once, in English. `said_in` walks the config and puts the texts of one more
language in the place of the English ones; names and values stay.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from html import unescape
from typing import Any

from fair_app.report.markup import text
from pages.languages.catalogue import Catalogue

Say = Callable[[str], str]
"""What makes of an English text that of another language."""

TEXTS = ("label", "info", "placeholder")
BUTTONS = ("button", "uploadbutton", "downloadbutton")
MARKUP = ("value", "html_template")
"""The properties of a block of HTML that may hold text between tags."""
PIECES = re.compile(r"(<!--.*?-->|<[^>]*>)", re.DOTALL)
ATTRIBUTES = re.compile(r'(?<=\s)(aria-label|title|placeholder|alt)="([^"]*)"')
LEFT = re.compile(r'<(kbd|code|style)\b|<[^>]*\stranslate="no"')
"""Elements in which nothing is translated."""
TAGGED = re.compile(r"\bfairWords`((?:[^`\\]|\\.)*)`")
VALUE = re.compile(r"\$\{[^{}]*\}")
COUNTED = re.compile(r"\bfairCount\((?:[^()',]|\([^()]*\))*,\s*'([^']+)'(?:,\s*'([^']+)')?\)")
REPEATS = 200
"""The forms that numbers take repeat by hundreds in every language that gettext knows."""


def said_in(language: Catalogue, config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with its texts in another language, and with those that its scripts say."""
    keys = {key for script in scripts(config) for key in said_by(script)}
    counted = {one for script in scripts(config) for one, _ in counted_by(script)}
    words = {
        "texts": {key: language.text(key) for key in sorted(keys)},
        "forms": {one: language.forms[one] for one in sorted(counted) if one in language.forms},
        "form": "".join(str(language.form(number)) for number in range(REPEATS)),
    }
    return {**translated(config, language.text), "language": language.code, "words": words}


def translated(config: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """A config whose components have the texts that `say` makes of theirs."""
    components = [
        {**one, "props": {**one["props"], **props(one["type"], one["props"], say)}}
        for one in config["components"]
    ]
    return {**config, "components": components}


def props(kind: str, given: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Those properties of a component that are text, as `say` has them."""
    found: dict[str, Any] = plain_props(kind, given, say)
    if choices := given.get("choices"):
        found["choices"] = [_choice(one, say) for one in choices]
    if kind == "html":
        for name in MARKUP:
            if isinstance(given.get(name), str):
                found[name] = markup(given[name], say)
    return found


def plain_props(kind: str, given: Mapping[str, Any], say: Say) -> dict[str, str]:
    """The same without choices and HTML, which may hold a person's own words."""
    names = (*TEXTS, "value") if kind in BUTTONS else TEXTS
    return {name: say(given[name]) for name in names if isinstance(given.get(name), str)}


def markup(html: str, say: Say) -> str:
    """Fixed HTML with its texts as `say` has them, escaped like all text on a page."""
    said, left = [], False
    for piece in PIECES.split(html):
        if piece.startswith("<"):
            left = bool(LEFT.match(piece))
            said.append(ATTRIBUTES.sub(lambda it: f'{it[1]}="{_said(it[2], say)}"', piece))
        else:
            said.append(piece if left else _said(piece, say))
    return "".join(said)


def scripts(config: Mapping[str, Any]) -> Iterable[str]:
    """The scripts of a config: the pages', and those of its blocks of HTML."""
    yield config.get("js") or ""
    for one in config["components"]:
        yield one["props"].get("js_on_load") or ""


def said_by(script: str) -> list[str]:
    """The texts that a script says by fairWords`…`, with {0}, {1}… for the values in them."""
    return [_numbered(found[1]) for found in TAGGED.finditer(script)]


def counted_by(script: str) -> list[tuple[str, str]]:
    """What a script counts by `fairCount(number, 'thing')`, one of it and many."""
    counted = [(found[1], found[2] or f"{found[1]}s") for found in COUNTED.finditer(script)]
    return [(f"{{n}} {thing}", f"{{n}} {things}") for thing, things in counted]


def _numbered(template: str) -> str:
    parts = VALUE.split(template)
    return parts[0] + "".join(f"{{{at}}}{part}" for at, part in enumerate(parts[1:]))


def _choice(choice: Any, say: Say) -> Any:
    """A choice under the name that `say` makes of its own; one that is its own name keeps it."""
    if not isinstance(choice, list | tuple) or choice[0] == choice[1]:
        return choice
    return [say(choice[0]), choice[1]]


def _said(piece: str, say: Say) -> str:
    """A piece of HTML between tags, or an attribute's value."""
    english = " ".join(unescape(piece).split())
    if "${" in piece or not any(one.isalpha() for one in english):
        return piece
    said = say(english)
    if said == english:
        return piece
    before = piece[: len(piece) - len(piece.lstrip())]
    after = piece[len(piece.rstrip()) :]
    return f"{before}{text(said)}{after}"
