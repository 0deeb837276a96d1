"""The English texts that the pages say, as their sources and their config have them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pages.components import markup
from pages.languages.shown import counted_by, said_by, scripts, translated

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "pages"
SAYING: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "_": ((0,), ()),
    "notice": ((0,), ()),
    "empty": ((0, 1, 3), ("label",)),
    "go_button": ((1,), ()),
    "Stat": ((0, 2), ()),
    "Next": ((1,), ()),
}
"""Functions that put a text into the spoken language, and which of their arguments that is."""


def python_texts() -> set[str]:
    """What is said in Python, where its text stands at the call."""
    found: set[str] = set()
    for node in _calls():
        places, names = SAYING.get(_name(node), ((), ()))
        given = [node.args[at] for at in places if at < len(node.args)]
        given += [one.value for one in node.keywords if one.arg in names]
        found |= {text for one in given if (text := _constant(one))}
    return found


def python_forms() -> dict[str, str]:
    """What is counted in Python: the singular, and the plural."""
    found = {one: many for _, one, many in markup.AGO}
    for node in _calls():
        words = [_constant(one) for one in node.args]
        if _name(node) == "plural" and words[0] and words[1]:
            found[words[0]] = words[1]
        elif _name(node) == "count" and len(words) > 1 and words[1]:
            many = words[2] if len(words) > 2 else words[1] + "s"
            found[f"{{n}} {words[1]}"] = f"{{n}} {many}"
    return found


def config_texts(config: dict[str, Any]) -> set[str]:
    """What stands fixed on the pages."""
    found: set[str] = set()

    def note(english: str) -> str:
        found.add(english)
        return english

    translated(config, note)
    return found


def script_texts(config: dict[str, Any]) -> set[str]:
    """What the scripts say."""
    return {text for script in scripts(config) for text in said_by(script)}


def script_forms(config: dict[str, Any]) -> dict[str, str]:
    """What the scripts count."""
    return dict(pair for script in scripts(config) for pair in counted_by(script))


def constants() -> set[str]:
    """Every string of the sources: a text may stand far from where it is said."""
    return {
        node.value
        for room in ("pages", "fair_app")
        for path in (REPOSITORY / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def fault_forms() -> set[str]:
    """The sentences of faults that have values in them, each value as `{}`."""
    return {
        "".join(_constant(part) or "{}" for part in node.values)
        for room in ("pages", "fair_app")
        for path in (REPOSITORY / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
    }


def _calls() -> Iterator[ast.Call]:
    for path in sorted(PAGES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node


def _name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
