"""Texts are cut into pieces that say what was found, and never lose a character."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.committee.equations import find_equations
from fair_app.curation.marks import ASTRAY, KINDS, Piece, as_value, marked_answer, marked_rationale

SHARED = Path(
    os.environ.get("FAIR_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
GOLD = "Tom buys 3 * 4 = <<3*4=12>>12 pens.\nHe has 2 * 3 + 12 = <<2*3+12=18>>18.\n#### 18"


def marks(pieces: list[Piece]) -> list[tuple[str, tuple[str, ...], str]]:
    return [(piece.text, piece.kinds, piece.note) for piece in pieces if piece.kinds]


def test_an_equation_is_right_or_wrong_and_says_what_it_comes_to() -> None:
    assert marks(marked_rationale("So 7 × 8 = 54 pens, and 3 + 4 = 7 of them.")) == [
        ("7 × 8 = 54", ("wrong",), "7 × 8 is 56, not 54"),
        ("3 + 4 = 7", ("right",), "3 + 4 is 7"),
    ]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("$165 x 156 = $25,940", "165 × 156 is 25,740, not 25,940"),
        ("87 / 93 = 0.92", "87 ÷ 93 is 0.94, not 0.92"),
        ("87 / 93 = 0.9351", "87 ÷ 93 is 0.9355, not 0.9351"),
        ("25 + (32 - 25) = 25 + 9", "25 + (32 − 25) is 32, but 25 + 9 is 34"),
        ("2 - 4 = 2", "2 − 4 is −2, not 2"),
        ("5 / 0 = 0", "Nothing can be divided by zero"),
        (" + ".join(["11"] * 20) + " = 5", "This comes to 220, not 5"),
    ],
)
def test_a_note_says_what_a_wrong_equation_should_be(text: str, note: str) -> None:
    assert marks(marked_rationale(text)) == [(text, ("wrong",), note)]


def test_where_marks_overlap_a_piece_bears_them_all_and_the_gravest_note() -> None:
    text = "2 + 3 = 5 * 4 = 21."
    read = (text.index("21"), text.index("21") + 2)
    assert marks(marked_rationale(text, read)) == [
        ("2 + 3 = ", ("right",), "2 + 3 is 5"),
        ("5", ("wrong", "right"), "5 × 4 is 20, not 21"),
        (" * 4 = ", ("wrong",), "5 × 4 is 20, not 21"),
        ("21", ("wrong", "read"), "5 × 4 is 20, not 21"),
    ]


def test_what_was_read_is_marked_and_bad_spans_are_cut_to_the_text() -> None:
    assert marks(marked_rationale("It is 42.", (6, 8))) == [("42", ("read",), "")]
    assert marks(marked_rationale("It is 42.", (6, 99))) == [("42.", ("read",), "")]
    assert marks(marked_rationale("It is 42.", (-5, 2))) == [("It", ("read",), "")]
    for span in ((4, 4), (7, 3), (50, 60)):
        assert marks(marked_rationale("It is 42.", span)) == []


def test_a_formula_is_one_piece_and_marks_in_it_grow_to_its_ends() -> None:
    text = r"There are \(14 + 6 = \boxed{20}\) and 7 - 5 = $\boxed{3}$."
    read = (text.index("20"), text.index("20") + 2)
    pieces = marked_rationale(text, read)
    assert marks(pieces) == [
        (r"\(14 + 6 = \boxed{20}\)", ("right", "read", "math"), "14 + 6 is 20"),
        ("7 - 5 = ", ("wrong",), "7 − 5 is 2, not 3"),
        (r"$\boxed{3}$", ("wrong", "math"), "7 − 5 is 2, not 3"),
    ]
    assert [piece.text for piece in pieces if piece.tree is not None] == [
        r"\(14 + 6 = \boxed{20}\)",
        r"$\boxed{3}$",
    ]
    assert marks(marked_rationale(r"\( 5 \text{ km} + 3 \text{ km} = 8 \text{ km} \)"))[0][1] == (
        "right",
        "math",
    )


def test_of_several_wrong_equations_the_first_says_so() -> None:
    notes = [note for _, _, note in marks(marked_answer("1 + 1 = 3\n2 + 2 = 5", None, GOLD))]
    assert notes == ["The first that does not hold: 1 + 1 is 2, not 3", "2 + 2 is 4, not 5"]


def test_where_all_holds_the_first_step_that_the_solution_lacks_is_astray() -> None:
    assert marks(marked_answer("3 * 4 = 12\n12 - 5 = 7\n7 + 1 = 8", None, GOLD)) == [
        ("3 * 4 = 12", ("right",), "3 × 4 is 12"),
        ("12 - 5 = 7", ("astray",), ASTRAY),
        ("7 + 1 = 8", ("right",), "7 + 1 is 8"),
    ]


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("4 * 3 = 12, 3 * 2 = 6, 6 + 12 = 18", GOLD),  # the parts of its steps are in it too
        ("12 - 5 = 7 and 8 + 8 = 17.", GOLD),  # a wrong one is enough
        ("12 - 5 = 7", "18"),
        ("I think it is 7.", GOLD),
        ("", GOLD),
    ],
)
def test_nothing_else_is_astray(answer: str, gold: str) -> None:
    assert not any("astray" in kinds for _, kinds, _ in marks(marked_answer(answer, None, gold)))


def test_the_value_for_the_browser_has_no_empty_fields() -> None:
    text = r"So \(\frac{1}{2}\): 1 + 1 = 2, 9."
    value = as_value(marked_rationale(text, (text.index("9"), text.index("9") + 1)))
    assert value[0] == "So "
    assert set(value[1]) == {"t", "k", "m"}
    assert value[3] == {"t": "1 + 1 = 2", "k": ["right"], "n": "1 + 1 is 2"}
    assert value[5] == {"t": "9", "k": ["read"]}
    assert json.loads(json.dumps(value)) == value


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=[])),
    st.lists(
        st.one_of(
            st.sampled_from(["3 * 4 = 12", "2 + 2 = 5", r"\(\frac{1}{2}\)", "$x^2$", r"\boxed{7}"]),
            st.sampled_from(["\n", "\n\n  ", "\n= ", " and ", "1/2", "16 and 2/3", "≈", "weeks "]),
            st.sampled_from(
                ["\ud800", "\u202e", "<<1+1=2>>", "remainder", "3,5", "$1,200", "8:20"]
            ),
            st.sampled_from(list("0123456789+-*/=().,:%$ \t\r\x0b\x1c\u2028ax")),
        ),
        max_size=40,
    ).map("".join),
)


@settings(deadline=None, max_examples=200)
@given(text=TEXTS, read=st.none() | st.tuples(st.integers(-3, 60), st.integers(-3, 60)), gold=TEXTS)
def test_the_pieces_joined_are_the_text(text: str, read: Any, gold: str) -> None:
    for pieces in (marked_rationale(text, read), marked_answer(text, read, gold)):
        assert "".join(piece.text for piece in pieces) == text
        assert all(piece.text for piece in pieces)
        for piece in pieces:
            assert list(piece.kinds) == [kind for kind in KINDS if kind in piece.kinds]
            assert (piece.tree is not None) == ("math" in piece.kinds)
        json.dumps(as_value(pieces))


@settings(deadline=None, max_examples=200)
@given(text=TEXTS.filter(lambda text: "\\" not in text))
def test_lines_are_marked_as_the_whole_text_would_be(text: str) -> None:
    covered: dict[str, set[int]] = {"right": set(), "wrong": set()}
    for equation in find_equations(text):
        covered["right" if equation.holds else "wrong"] |= set(range(*equation.span))
    position, marked = 0, {"right": set[int](), "wrong": set[int]()}
    for piece in marked_rationale(text):
        for kind in set(piece.kinds) & marked.keys():
            if "math" not in piece.kinds:
                marked[kind] |= set(range(position, position + len(piece.text)))
        position += len(piece.text)
    for kind, places in marked.items():
        assert places <= covered[kind]
    if not any("math" in piece.kinds for piece in marked_rationale(text)):
        assert marked == covered


# Work that grows with the square of the length would take minutes here.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("unit", "length"),
    [
        ("The farmer walked to the market, bought 12 apples, and went home.\n", 100_000),
        ("7 × 8 = 54 and so on.\n", 30_000),
        ("7 × 8 = ", 30_000),
        (r"\(x^2\) \boxed{", 30_000),
    ],
)
def test_a_long_text_takes_no_minutes(unit: str, length: int) -> None:
    whole = unit * (length // len(unit))
    assert "".join(piece.text for piece in marked_rationale(whole)) == whole


def test_in_the_published_run_no_right_line_is_called_wrong() -> None:
    path = SHARED / "fair-svamp" / "Llama-2-7b-chat-hf_svamp_rationale_round0.json"
    if not path.exists():
        pytest.skip("the published SVAMP run is not here")
    rows = json.loads(path.read_text(encoding="utf-8"))
    texts = [row[f"{name}_rationale"][0] for row in rows for name in ("gpt", "gemini", "mistral")]
    pieces = [piece for text in texts for piece in marked_rationale(text or "")]
    wrong = [piece.text for piece in pieces if "wrong" in piece.kinds]
    # All of them were read, and each is wrong as it stands; of the two below neither is.
    assert len(wrong) == 79
    assert not {"89/3 = 29", "2862 / 66 ≈ 43.3"} & set(wrong)
