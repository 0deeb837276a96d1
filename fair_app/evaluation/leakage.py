"""Test items that stand in what a student learned from: word for word, nearly so, or much alike."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[+*/×÷=<>^%]|-(?=\s*\d)")
"""A number, a word, or a sign of arithmetic: 3 + 4 and 3 * 4 are two problems."""
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
SHINGLE = 3
"""Words that follow each other, of which texts are compared as sets."""
ALIKE = 0.8
"""Jaccard similarity from which on two texts count as near-duplicates."""
BANDS, ROWS = 25, 5
"""Of the MinHash signature: pairs of similarity 0.8 are found with a probability of 0.99995."""


@dataclass(frozen=True)
class Leak:
    """A test item, and the text learned from that is most like it. `similarity` is in 0..1."""

    question_id: int
    tested: str
    trained: str
    similarity: float


@dataclass(frozen=True)
class Leakage:
    """Leaks of an evaluation, each item in one list: exact, equal when normalised, much alike.

    `n` items were tested, against `trained` texts, which `source` names.
    """

    n: int
    trained: int
    source: str
    exact: list[Leak]
    normalised: list[Leak]
    near: list[Leak]

    @property
    def items(self) -> frozenset[int]:
        """The questions that leaked."""
        return frozenset(one.question_id for one in (*self.exact, *self.normalised, *self.near))


def leaks(tested: Mapping[int, str], trained: Iterable[str], source: str = "") -> Leakage:
    """Look for each tested text among those trained on; `near` has the most alike first.

    Normalised texts are equal in their words, numbers and signs of arithmetic, whatever their case,
    spaces and punctuation. Near-duplicates share at least ALIKE of their shingles (Jaccard);
    candidates are found by MinHash (Broder 1997) in bands, and then compared exactly.
    """
    known = list(dict.fromkeys(trained))
    exact_texts = set(known)
    exact = [Leak(item, text, text, 1.0) for item, text in tested.items() if text in exact_texts]
    rest = {item: text for item, text in tested.items() if text not in exact_texts}

    worded = {words(text): text for text in reversed(known)}
    twins = {item: worded.get(words(text)) for item, text in rest.items()}
    normalised = [
        Leak(item, rest[item], twin, 1.0) for item, twin in twins.items() if twin is not None
    ]
    rest = {item: text for item, text in rest.items() if twins[item] is None}
    near = sorted(_near(rest, known), key=lambda leak: (-leak.similarity, leak.question_id))
    return Leakage(len(tested), len(known), source, exact, normalised, near)


def words(text: str) -> tuple[str, ...]:
    """A text's words, numbers and signs: lower case, no punctuation; 1,000 is 1000, 2.5 stays.

    A comma is taken out of a number only where it sets off thousands.
    """
    return tuple(WORD.findall(THOUSANDS.sub("", text.lower().replace("−", "-"))))


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of SHINGLE words of a text; of a shorter one its words as one run."""
    own = words(text)
    return frozenset(zip(*(own[start:] for start in range(SHINGLE)), strict=False)) or frozenset(
        [own]
    )


def jaccard(one: frozenset[object], other: frozenset[object]) -> float:
    """The share of elements of either that both have; 1 for two empty sets."""
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def _near(tested: Mapping[int, str], known: Sequence[str]) -> Iterable[Leak]:
    """The most alike known text of each tested one that has any of similarity ALIKE or more."""
    if not tested or not known:
        return
    from datasketch import MinHash, MinHashLSH

    def signatures(sets: Sequence[frozenset[tuple[str, ...]]]) -> Iterable[MinHash]:
        encoded = [[" ".join(one).encode() for one in own] for own in sets]
        return MinHash.generator(encoded, num_perm=BANDS * ROWS)

    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    sets = [shingles(text) for text in known]
    with index.insertion_session() as session:
        for place, signature in enumerate(signatures(sets)):
            session.insert(place, signature)
    own_sets = [shingles(text) for text in tested.values()]
    for (item, text), own, signature in zip(
        tested.items(), own_sets, signatures(own_sets), strict=True
    ):
        candidates = ((jaccard(own, sets[place]), -place) for place in index.query(signature))
        similarity, place = max(candidates, default=(0.0, 0))
        if similarity >= ALIKE:
            yield Leak(item, text, known[-place], similarity)
