"""The English texts that the pages say, as their sources and their config have them."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pages.components import markup
from pages.languages.shown import counted_by, said_by, scripts, translated

REPOSITORY = Path(__file__).resolve().parents[2]
SAYING: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "_": ((0,), ()),
    "notice": ((0,), ()),
    "empty": ((0, 1, 3), ("label",)),
    "go_button": ((1,), ()),
    "Stat": ((0, 2), ()),
    "Next": ((1,), ()),
}
"""Functions that put a text into the spoken language, and which of their arguments that is."""
COUNTED_BY_NAME = ("exam", "evaluation")
"""What is counted where its noun does not stand at the call."""
FAULTS = ("BadInput", "WorkFailed", "Outdated", "Diverged", "Gone", "Finding")
IN_A_TERMINAL = (
    "fair_app/cli/",
    # at the server's start, before there are pages
    "fair_app/settings.py",
    "fair_app/health.py",
    "fair_app/storage/locks.py",
    "fair_app/storage/restoring.py",
    # what is imported, replayed and shrunk by commands alone
    "fair_app/exchange/bundle",
    "fair_app/exchange/json_file.py",
    "fair_app/exchange/mentor_kd.py",
    "fair_app/exchange/reference_file.py",
    "fair_app/exchange/replay.py",
    "fair_app/student/shrink",
    "fair_app/student/shrunk.py",
    "fair_app/studio/exchange.py",
    "fair_app/studio/mentor_kd.py",
)
"""Where faults are made that only a terminal says: they stay English."""


def python_texts() -> set[str]:
    """What is said in Python, where its text stands at the call."""
    found: set[str] = set()
    for node in _calls():
        places, names = SAYING.get(_name(node), ((), ()))
        given = [node.args[at] for at in places if at < len(node.args)]
        given += [one.value for one in node.keywords if one.arg in names]
        found |= {text for one in given for text in _either(one) if text}
    return found


def python_forms() -> dict[str, str]:
    """What is counted in Python: the singular, and the plural."""
    found = {one: many for _, one, many in markup.AGO}
    found |= {f"{{n}} {thing}": f"{{n}} {thing}s" for thing in COUNTED_BY_NAME}
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
        for tree in _trees("pages", "fair_app").values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def fault_forms() -> set[str]:
    """The sentences of faults that have values in them, each value as `{}`."""
    return {
        _form(node)
        for tree in _trees("pages", "fair_app").values()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
    }


def faults_on_pages() -> dict[str, str]:
    """The sentences of faults that a page may say, each value as `{}`, and where they stand.

    A sentence stands where its fault is made, in a constant, or in a function of that module.
    """
    trees = _trees("pages", "fair_app", "db")
    named = defaultdict[str, list[str]](list)
    for one in (one for tree in trees.values() for one in tree.body):
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            named[one.targets[0].id].append(_form(one.value))
    found: dict[str, str] = {}
    for path, tree in trees.items():
        if path.startswith(IN_A_TERMINAL):
            continue
        returned = {
            one.name: [_form(node.value) for node in ast.walk(one) if isinstance(node, ast.Return)]
            for one in tree.body
            if isinstance(one, ast.FunctionDef)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node) in FAULTS and node.args:
                said = node.args[-1]
                forms = [_form(said)]
                if isinstance(said, ast.Name):
                    forms = named[said.id]
                elif isinstance(said, ast.Call):
                    forms = returned.get(_name(said), [])
                found |= {form: f"{path}:{node.lineno}" for form in forms if form.strip("{}")}
    return found


def _trees(*rooms: str) -> dict[str, ast.Module]:
    """The sources of these rooms by their paths."""
    return {
        path.relative_to(REPOSITORY).as_posix(): _tree(path)
        for room in rooms
        for path in sorted((REPOSITORY / room).rglob("*.py"))
    }


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _form(node: ast.expr | None) -> str:
    """A text with each of its values as `{}`; "" for what is none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_constant(part) or "{}" for part in node.values)
    return _constant(node) if node is not None else ""


def _calls() -> Iterator[ast.Call]:
    for tree in _trees("pages").values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield node


def _name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _either(node: ast.expr) -> list[str]:
    """A text where it stands, or both of which one is said."""
    if isinstance(node, ast.IfExp):
        return [*_either(node.body), *_either(node.orelse)]
    return [_constant(node)]


def _constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
