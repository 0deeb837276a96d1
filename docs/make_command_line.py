"""Write the reference in docs/command-line.md from the options that the commands read.

`python docs/make_command_line.py` writes it; with `--check` it only says whether it is current.
What stands above the mark is written by hand.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "command-line.md"
MARK = "<!-- From here on: made by docs/make_command_line.py. -->\n"
WIDTH = 80
EVERYWHERE = {"help", "home", "json"}
"""Options of every command, which the page has once."""
ABOUT = {
    "exam": "exam.md",
    "collect": "committee.md",
    "curate": "review.md",
    "decide": "#deciding",
    "decisions": "#deciding",
    "train": "training.md",
    "runs": "training.md",
    "merge": "training.md#what-comes-out",
    "prefer": "training.md#a-second-stage",
    "mentor": "mentor.md",
    "augment": "mentor.md",
    "students": "mentor.md",
    "evaluate": "evaluation.md",
    "compare": "evaluation.md#comparing",
    "matrix": "evaluation.md#the-matrix",
    "rounds": "rounds.md",
    "ablate": "ablations.md",
    "try": "evaluation.md#try-it",
    "replay": "report.md",
    "export": "report.md",
    "users": "accounts.md",
    "share": "accounts.md#links-to-look",
    "backup": "deploying.md",
    "restore": "deploying.md",
    "push": "hub.md",
    "projects": "administration.md",
    "export-all": "administration.md",
}
"""Where the docs say more of a command."""


def main() -> int:
    """Write the page, or with --check compare it; 1 where it is not current."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--check", action="store_true", help="write nothing")
    check = asked.parse_args().check
    stands, wanted = PAGE.read_text(encoding="utf-8"), current()
    if check and stands != wanted:
        print("docs/command-line.md is out of date: run `python docs/make_command_line.py`.")
        return 1
    if stands != wanted:
        PAGE.write_text(wanted, encoding="utf-8")
    return 0


def current() -> str:
    """The whole page as it should be: what is written by hand, and the reference."""
    by_hand, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    return f"{by_hand}{MARK}\n{reference()}"


def reference() -> str:
    """Every command with its options, as Markdown."""
    sys.path.insert(0, str(REPOSITORY))
    from fair_app.cli.parser import command_line

    listed = list(subcommands(command_line()))
    rows = "".join(f"| [`{name}`](#{name}) | {_cell(said)} |\n" for name, said, _ in listed)
    index = f"## All commands\n\n| command | does |\n| --- | --- |\n{rows}"
    return index + "".join(_command(*one) for one in listed)


def subcommands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Name, sentence and parser of each command below one, in its order."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            said = {one.dest: one.help or "" for one in action._choices_actions}
            yield from ((name, said[name], below) for name, below in action.choices.items())


def _command(name: str, said: str, parser: argparse.ArgumentParser) -> str:
    below = list(subcommands(parser))
    lines = [synopsis(f"{name} {one}", under) for one, _, under in below] or [
        synopsis(name, parser)
    ]
    rows = [(f"{name} {one}", told) for one, told, _ in below]
    options = [one for _, _, under in below or [(name, said, parser)] for one in shown(under)]
    rows += [(_form(one), _means(one)) for one in {_form(one): one for one in options}.values()]
    rows = [(_coded(form), _cell(means)) for form, means in rows]
    link = ABOUT.get(name, "")
    more = f" More: [{link.partition('#')[0] or 'above'}]({link})." if link else ""
    table = "".join(f"| {form} | {means} |\n" for form, means in rows)
    head = "| option | means |\n| --- | --- |\n" if table else ""
    code = "\n".join(lines)
    return f"\n### {name}\n\n{_cell(said)}{more}\n\n```\n{code}\n```\n\n{head}{table}"


def shown(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The options and arguments of a command but for those of every command."""
    return [
        one
        for one in parser._actions
        if one.dest not in EVERYWHERE and not isinstance(one, argparse._SubParsersAction)
    ]


def synopsis(name: str, parser: argparse.ArgumentParser) -> str:
    """What must be given, then what may be, with those that exclude each other."""
    grouped = {id(one): group for group in _groups(parser) for one in group}
    must, may = [name], []
    for one in shown(parser):
        group = grouped.get(id(one))
        if group is None:
            (must if _required(one) else may).append(_bracketed(one))
        elif one is group[0]:
            may.append(f"[{' | '.join(_form(each) for each in group)}]")
    return _wrapped([*must, *may])


def _wrapped(pieces: list[str]) -> str:
    """Pieces in lines of at most WIDTH characters, none of them broken."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) > WIDTH:
            lines.append(f"   {piece}")
        else:
            lines[-1] += f" {piece}"
    return "\n".join(lines)


def _groups(parser: argparse.ArgumentParser) -> list[list[argparse.Action]]:
    return [group._group_actions for group in parser._mutually_exclusive_groups]


def _required(one: argparse.Action) -> bool:
    return one.required if one.option_strings else one.nargs not in ("?", "*")


def _bracketed(one: argparse.Action) -> str:
    return _form(one) if _required(one) else f"[{_form(one)}]"


def _form(one: argparse.Action) -> str:
    """An option with the value that it takes, as one types it."""
    value = one.metavar or "|".join(map(shlex.quote, one.choices or ())) or one.dest.upper()
    if not one.option_strings:
        return f"{value} …" if one.nargs == "+" else str(value)
    if isinstance(one, argparse.BooleanOptionalAction):
        return f"--[no-]{one.option_strings[0].removeprefix('--')}"
    if one.nargs == 0:
        return one.option_strings[0]
    return f"{one.option_strings[0]} {f'[{value}]' if one.nargs == '?' else value}"


def _coded(form: str) -> str:
    """A form as code for a table, without bars, which readers of Markdown take differently."""
    option, _, value = form.partition(" ") if form.startswith("-") else ("", "", form)
    *first, last = [f"`{word}`" for word in value.split("|")]
    if not first:
        return f"`{form}`"
    return f"`{option}` " * bool(option) + f"{', '.join(first)} or {last}"


def _means(one: argparse.Action) -> str:
    """What an option does, and its default where the words do not say it."""
    words = (one.help or "") % {"default": one.default}
    told = [words] if words else []
    has_default = one.default not in (None, False, argparse.SUPPRESS, ())
    if has_default and one.option_strings and "default" not in words:
        told.append(f"default: {one.default}")
    return "; ".join(told)


def _cell(words: str) -> str:
    """Text on one line, with nothing in it that ends a cell of a table."""
    return re.sub(r"\s+", " ", words).strip().replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
