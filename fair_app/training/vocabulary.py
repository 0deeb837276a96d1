"""Whether two models speak of the same tokens. No torch.

A soft label is a likelihood for every token by its number: a mentor whose numbers mean other tokens
would teach nonsense, and nothing would look wrong but the student.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from fair_app.errors import BadInput

SPECIAL = ("eos_token", "bos_token", "unk_token")
"""Padding is never learned here: which token stands for it does not matter."""
WAY_OUT = (
    "learn from the mentor's rationales without its soft labels (lambda 0), or take a mentor of "
    "the student's own family"
)

NO_ENCODER = (
    "Soft labels are for decoder-only students and mentors: with an encoder, learn from the "
    "mentor's rationales without them (lambda 0)."
)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a tokenizer with their numbers, and the numbers of its special ones."""

    ids: Mapping[str, int]
    special: Mapping[str, int]

    @property
    def size(self) -> int:
        """One more than the highest number."""
        return max(self.ids.values(), default=-1) + 1


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """That of a tokenizer of transformers."""
    ids = tokenizer.get_vocab()
    named = {name: getattr(tokenizer, name, None) for name in SPECIAL}
    return Vocabulary(ids, {name: ids[token] for name, token in named.items() if token in ids})


def vocabulary_in(folder: Path) -> Vocabulary | None:
    """What a model folder's own files say of it; None where they say nothing that can be read.

    The library that reads them for good may add tokens, never change one.
    """
    try:
        ids = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(with_added_tokens=True)
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        named = {name: settings.get(name) for name in SPECIAL}
    except Exception:  # the library raises no class of its own; the run itself will tell
        return None
    tokens = {
        name: token["content"] if isinstance(token, dict) else token
        for name, token in named.items()
    }
    return Vocabulary(ids, {name: ids[token] for name, token in tokens.items() if token in ids})


def check_same(student: Vocabulary, mentor: Vocabulary) -> None:
    """Raise BadInput when a mentor's tokens are not the student's, number for number."""
    only = sorted(student.ids.items() ^ mentor.ids.items(), key=lambda one: (one[1], one[0]))
    if only:
        token, number = only[0]
        whose = "student" if student.ids.get(token) == number else "mentor"
        raise _other(
            f"entries that stand in one alone or under another number: {len(dict(only)):,}, among "
            f"them {token!r} ({number} of the {whose}'s)"
        )
    _check_special(student, mentor)


def check_no_conflict(student: Vocabulary, mentor: Vocabulary) -> None:
    """Raise BadInput when a number means another token to the mentor, as far as files tell."""
    theirs = {number: token for token, number in mentor.ids.items()}
    for token, number in student.ids.items():
        if theirs.get(number, token) != token:
            raise _other(
                f"number {number} is {token!r} to the student and {theirs[number]!r} to the mentor"
            )
    _check_special(student, mentor)


def _check_special(student: Vocabulary, mentor: Vocabulary) -> None:
    for name in SPECIAL:
        ours, theirs = student.special.get(name), mentor.special.get(name)
        if ours != theirs and None not in (ours, theirs):
            raise _other(f"the student's {name} is number {ours}, the mentor's {theirs}")


def _other(how: str) -> BadInput:
    return BadInput(f"The mentor's tokens are not the student's: {how}; {WAY_OUT}.")
