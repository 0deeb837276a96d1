"""A language's catalogue: what each English text is called in it, read from a gettext PO file.

PO, because the tools of translators read and write it; the English text is the key, so that the
pages go on to be written in plain English.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from gettext import c2py

LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)\s+)?(".*")')
PLURAL = re.compile(r"plural\s*=\s*([^;]+)")
VALUE = re.compile(r"\{(\w+)\}")
COUNTED = re.compile(r"([0-9][0-9,]{0,18}) ([a-z]+)")
FAULT = "fault"
"""The context of sentences that come with their values in them, and are known by their form."""
OURS = "our"
"""A value of such a sentence whose name begins so is said in the language too."""
DEEPEST = 5
"""How many sentences may stand one in another."""
LONGEST_FAULT = 2000
"""Characters of a sentence that is compared with their forms; a longer one quotes what was sent."""
ONE_OR_MANY = "n != 1"
"""The rule of English, and of most languages of Europe."""


@dataclass(frozen=True)
class Form:
    """A sentence that is known by the words around its values, and what it is in a language."""

    words: tuple[str, ...]
    names: tuple[str, ...]
    said: str

    @classmethod
    def of(cls, english: str, said: str) -> "Form":
        """The form of a sentence with `{names}` for its values."""
        parts = VALUE.split(english)
        return cls(tuple(parts[::2]), tuple(parts[1::2]), said)

    def values(self, sentence: str) -> dict[str, str] | None:
        """The values in a sentence of this form, by their names; None for any other.

        Each ends where the words behind it first stand, so it takes no longer than a search.
        """
        first, *between, last = self.words
        end = len(sentence) - len(last)
        if not (sentence.startswith(first) and sentence.endswith(last)):
            return None
        found, at = [], len(first)
        for words in between:
            then = sentence.find(words, at, end)
            if then < 0:
                return None
            found.append(sentence[at:then])
            at = then + len(words)
        return dict(zip(self.names, [*found, sentence[at:end]], strict=True)) if at <= end else None


@dataclass(frozen=True)
class Catalogue:
    """A language: its code (BCP 47), its name in itself, and its texts by the English ones.

    A text of a number has several forms, by the singular; `form` says which of them a number takes.
    `faults` are the sentences of faults with `{names}` in the place of their values.
    """

    code: str
    name: str
    texts: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    form: Callable[[int], int] = field(default_factory=lambda: c2py(ONE_OR_MANY))
    faults: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _known_faults(self) -> list[Form]:
        """The one that says most comes first: a sentence may be of several forms."""
        found = [Form.of(english, said) for english, said in self.faults.items()]
        return sorted(found, key=lambda form: -sum(map(len, form.words)))

    def text(self, english: str) -> str:
        """A text in this language, else the English one."""
        return self.texts.get(english, english)

    def fault(self, english: str, depth: int = DEEPEST) -> str:
        """A fault's sentence in this language, found by its form; else the English one.

        So is what stands in it, down to `depth` sentences in one another.
        """
        if english in self.texts:
            return self.texts[english]
        if (counted := self.counted(english)) != english:
            return counted
        for form in self._known_faults if depth and len(english) <= LONGEST_FAULT else ():
            if (found := form.values(english)) is not None:
                ours = [name for name in found if name.startswith(OURS)]
                said = {name: self.fault(found[name], depth - 1) for name in ours}
                return form.said.format(**found | said)
        return english

    def counted(self, english: str) -> str:
        """A number and what it counts in this language: `2 steps`; else the English text."""
        if found := COUNTED.fullmatch(english):
            number, things = found[1], found[2]
            for thing in (things, things.removesuffix("s")):
                if known := self.forms.get(f"{{n}} {thing}"):
                    return known[self.form(int(number.replace(",", "")))].format(n=number)
        return english

    def plural(self, one: str, many: str, number: int) -> str:
        """The form of a text that a number takes."""
        if known := self.forms.get(one):
            return known[self.form(number)]
        return one if number == 1 else many


@dataclass
class Entry:
    """An entry of a PO file: its fields by their keywords. A fuzzy one waits for a translator."""

    fuzzy: bool = False
    fields: dict[str, str] = field(default_factory=dict)


def read_po(po: str) -> Catalogue:
    """The catalogue of a PO file.

    Its head has `Language`, `X-Language-Name` and `Plural-Forms`. What is not translated or marked
    as fuzzy is left out. Raises ValueError, with the line, for what is no PO, and where the head
    or a form of a plural is missing, or a context is none of ours.
    """
    head: dict[str, str] = {}
    texts: dict[str, str] = {}
    forms: dict[str, tuple[str, ...]] = {}
    faults: dict[str, str] = {}
    for entry in entries(po):
        english = entry.fields.get("msgid", "")
        if not english:
            head = dict(_header(entry.fields.get("msgstr", "")))
        elif entry.fuzzy:
            continue
        elif "msgid_plural" in entry.fields:
            keys = sorted(key for key in entry.fields if key.startswith("msgstr["))
            said = tuple(entry.fields[key] for key in keys)
            if all(said):
                forms[english] = said
        elif not entry.fields.get("msgstr"):
            continue
        elif entry.fields.get("msgctxt", FAULT) != FAULT:
            raise ValueError(f"{english!r} has a context that is not {FAULT}")
        elif "msgctxt" in entry.fields and VALUE.search(english):
            faults[english] = entry.fields["msgstr"]
        else:
            texts[english] = entry.fields["msgstr"]
    if missing := {"Language", "X-Language-Name", "Plural-Forms"} - head.keys():
        raise ValueError(f"the head has no {', '.join(sorted(missing))}")
    rule = PLURAL.search(head["Plural-Forms"])
    form = c2py(rule[1] if rule else ONE_OR_MANY)
    most = max(map(form, range(200)))
    for english, said in forms.items():
        if len(said) <= most:
            raise ValueError(f"{english!r} has not the {most + 1} forms of this language")
    return Catalogue(head["Language"], head["X-Language-Name"], texts, forms, form, faults)


def entries(po: str) -> Iterator[Entry]:
    """The entries of a PO file, in its order. Raises ValueError, with the line, for any other."""
    entry, fuzzy, keyword = Entry(), False, ""
    for number, line in enumerate(map(str.strip, po.splitlines()), 1):
        if not line or line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        found = LINE.fullmatch(line)
        if found is None or not (found[1] or keyword):
            raise ValueError(f"line {number} is no PO: {line}")
        begins = found[1] == "msgctxt" or (found[1] == "msgid" and keyword != "msgctxt")
        if begins:
            if entry.fields:
                yield entry
            entry, fuzzy = Entry(fuzzy), False
        if found[1]:
            keyword = found[1]
            if keyword in entry.fields:
                raise ValueError(f"line {number} says {keyword} again")
        try:
            said = json.loads(found[2], strict=False)
        except ValueError:
            raise ValueError(f"line {number} is not well quoted: {line}") from None
        entry.fields[keyword] = entry.fields.get(keyword, "") + said
    if entry.fields:
        yield entry


def _header(head: str) -> Iterator[tuple[str, str]]:
    for line in head.splitlines():
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()
