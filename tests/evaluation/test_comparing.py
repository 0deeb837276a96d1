"""What is compared, told apart by the kind and by the length of its question."""

from hypothesis import given
from hypothesis import strategies as st

from fair_app.evaluation.comparing import MOST_PARTS, Part, by_length, by_type, ways_of_telling

PAIRS = {1: (False, True), 2: (True, True), 3: (True, False), 4: (False, True), 5: (False, False)}


def test_parts_by_each_way_of_telling_kinds_apart() -> None:
    kinds = {1: "baking, 2 steps", 2: "baking, 10 steps", 3: "trips, 2 steps", 4: "trips, 2 steps"}
    steps, families = by_type(PAIRS, kinds)
    assert steps == [Part("2 steps", 3, 1, 2, 2, 1), Part("10 steps", 1, 1, 1, 0, 0)]
    assert families == [Part("baking", 2, 1, 2, 1, 0), Part("trips", 2, 1, 1, 1, 1)]


def test_kinds_that_tell_nothing_apart() -> None:
    assert by_type(PAIRS, {}) == []
    assert by_type(PAIRS, dict.fromkeys(PAIRS, "Addition")) == []
    uneven = {1: "a, b", 2: "c"}
    assert [[part.name for part in way] for way in by_type(PAIRS, uneven)] == [["a, b", "c"]]


def test_not_too_many_parts() -> None:
    pairs = dict.fromkeys(range(900), (True, True))
    kinds = {item: f"{int(item**0.5)} steps" for item in pairs}
    (way,) = by_type(pairs, kinds)
    assert len(way) == MOST_PARTS
    assert [part.name for part in way] == [f"{root} steps" for root in range(18, 30)]


def test_thirds_by_length() -> None:
    words = {1: 50, 2: 10, 3: 20, 4: 20, 5: 31}
    assert by_length(PAIRS, words) == [
        Part("up to 20 words", 3, 2, 2, 1, 1),
        Part("21 to 31 words", 1, 0, 0, 0, 0),
        Part("32 words and more", 1, 0, 1, 1, 0),
    ]
    assert by_length(PAIRS, dict.fromkeys(PAIRS, 12)) == []


@given(
    st.dictionaries(st.integers(), st.tuples(st.booleans(), st.booleans()), min_size=1), st.data()
)
def test_lengths_are_parted_whole(pairs: dict[int, tuple[bool, bool]], data: st.DataObject) -> None:
    words = {item: data.draw(st.integers(1, 9)) for item in pairs}
    found = by_length(pairs, words)
    if len(set(words.values())) == 1:
        assert found == []
    if found:
        assert 2 <= len(found) <= 3
        assert sum(part.n for part in found) == len(pairs)
        assert sum(part.fixed for part in found) == list(pairs.values()).count((False, True))
        assert all(part.after - part.before == part.fixed - part.broken for part in found)


@given(st.lists(st.sampled_from(["a", "b, c", "d, e"]), max_size=8))
def test_every_way_names_every_item(kinds: list[str]) -> None:
    assert all(len(way) == len(kinds) for way in ways_of_telling(kinds))
