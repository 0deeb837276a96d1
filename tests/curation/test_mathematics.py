"""What becomes a formula, what stays text, and that hostile LaTeX is neither trouble nor markup."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.curation.mathematics import (
    ATTRIBUTES,
    ELEMENTS,
    LONGEST,
    MOST_FORMULAS,
    VALUE,
    as_mathml,
    find_formulas,
)


def found(text: str) -> list[str]:
    return [text[formula.start : formula.end] for formula in find_formulas(text)]


def words(tree: Any) -> str:
    """All text of a tree."""
    return tree if isinstance(tree, str) else "".join(words(child) for child in tree[2:])


def digits(text: str) -> list[str]:
    return sorted(one for one in text if one in "0123456789")


def check_listed(tree: Any) -> None:
    """Nothing in a tree but what is on the lists."""
    tag, attributes, *children = tree
    assert tag in ELEMENTS
    assert set(attributes) <= ATTRIBUTES
    assert all(VALUE.fullmatch(value) for value in attributes.values())
    for child in children:
        if not isinstance(child, str):
            check_listed(child)


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        (r"so \( 3 \times 4 = 12 \) pens", [r"\( 3 \times 4 = 12 \)"]),
        ("\\[\n\\frac{1}{2}\n\\]", ["\\[\n\\frac{1}{2}\n\\]"]),
        (r"has $$\frac{203}{7}=\boxed{29}$$ bananas", [r"$$\frac{203}{7}=\boxed{29}$$"]),
        (r"Let $x$ be $92\cdot\frac{4}{23}$.", [r"$92\cdot\frac{4}{23}$"]),
        ("$x^2$ and $y_1$", ["$x^2$", "$y_1$"]),
        (r"The answer is \boxed{42}.", [r"\boxed{42}"]),
        (r"$ \boxed{5} $", [r"\boxed{5}"]),
        (
            r"\[ \begin{aligned} 1&=2 \\ &=3 \end{aligned} \]",
            [r"\[ \begin{aligned} 1&=2 \\ &=3 \end{aligned} \]"],
        ),
        (r"\( a \( b \)", [r"\( b \)"]),
        (r"it costs $5, and $x^2$", ["$x^2$"]),
    ],
)
def test_mathematics_is_found_between_its_delimiters(text: str, formulas: list[str]) -> None:
    assert found(text) == formulas


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "costs $3_000",
        "between $3_000 and $4_000 a year",
        "from $3_000/$4_000",
        "$2^$3",
        "costs $5^* or $6^*",
        "echo $HOME_DIR:$PATH_X",
        "$snake_case$",
        "$x$ apples",
        "$\nx^2$",
        "$x^2\n$",
        r"a bare \frac{1}{2} stays",
        r"\\(x\\)",
        r"\$x^2\$",
        r"\( never closed",
        r"\( 1 \]",
        "$$$$",
        r"\(\)",
        r"\boxed{never closed",
        "\\boxed{over\ntwo lines}",
        r"\boxed{five apples}",
        r"\( 5 apples + 3 apples = 8 apples \)",
        r"\( \text{" + "a" * LONGEST + r"} \)",
        r"\( \unknown{x} \)",
        r"\( \frac{1}{2 \)",
        r"\( 1 \\ 2 \)",
        r"\( 3 4 \)",
    ],
)
def test_what_is_not_certainly_mathematics_stays_text(text: str) -> None:
    assert found(text) == []


def test_a_formula_is_a_tree_that_json_can_hold() -> None:
    tree = as_mathml(r"\frac{4}{3} = \boxed{x}", display=True)
    assert tree == [
        "math",
        {"displaystyle": "true"},
        [
            "mrow",
            {},
            ["mfrac", {}, ["mrow", {}, ["mn", {}, "4"]], ["mrow", {}, ["mn", {}, "3"]]],
            ["mo", {}, "="],
            ["menclose", {"notation": "box"}, ["mrow", {}, ["mi", {}, "x"]]],
        ],
    ]
    assert json.loads(json.dumps(tree)) == tree


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"16 \times \$13 = \$1,208.50", "16×$13=$1,208.50"),
        (r"20% \times 5", "20%×5"),
        (r"20\% \text{ of 5% } x", "20%\xa0of\xa05%\xa0x"),
        (r"\text{a \$5 note}", "a\xa0$5\xa0note"),
        (r"\{1, 2\}", "{1,2}"),
        (r"x_1^2", "x12"),
        (r"\frac12", "12"),
        (r"\begin{align} 1&=2\\ &=3\end{align}", "1=2=3"),
        (r"\sqrt[3]{8}", "83"),
        (r"2\,000 \neq 6", "2000≠6"),
    ],
)
def test_what_is_written_is_shown(latex: str, shown: str) -> None:
    tree = as_mathml(latex)
    assert tree is not None
    assert words(tree) == shown


def test_numbers_that_belong_together_stand_together() -> None:
    assert as_mathml("1,234,567.89") == ["math", {}, ["mrow", {}, ["mn", {}, "1,234,567.89"]]]
    tree = as_mathml("(1, 2)")
    assert tree is not None
    assert [child[0] for child in tree[2][2:]] == ["mo", "mn", "mo", "mn", "mo"]


HOSTILE = [
    r"\href{javascript:alert(1)}{x}",
    r"\style{position:fixed}{x}",
    r"\class{review-card}{x}",
    r"\color{red}{5}",
    r"\colorbox{black}{5}",
    r"\unicode{202E}",
    r"\phantom{5}",
    r"\mathrlap{5}6",
    r"\raise{9em}{5}",
    r"\rule{99em}{99em}",
    r"\hspace{999em}",
    r"\kern{-9em}5",
    r"5\!6",
    r"\verb|x|",
    r"\newcommand{\a}{\a\a}\a",
    r"\def\a{\a\a}\a",
    r"\newenvironment{q}{\begin{q}}{\end{q}}\begin{q}\end{q}",
    r"\DeclareMathOperator{\a}{\a}\a",
    r"\sideset{}{}{\sideset{}{}{\sideset{}{}{x}}}",
    r"\begin{script}x\end{script}",
    r"\text{\href{x}{y}}",
    r"\text{a {b} c}",
    r"\text{a\}b}",
    r"x^1^2",
    r"\left( 1",
    r"1 \right)",
    r"\frac{1}",
    r"\sqrt",
    "\\",
    "}{",
    "_",
    "^",
]


@pytest.mark.parametrize("latex", HOSTILE)
def test_what_is_not_on_the_lists_is_refused(latex: str) -> None:
    assert as_mathml(latex) is None


@pytest.mark.parametrize(
    "latex",
    [r"\text{<script>alert(1)</script>}", "x < y", r"\text{&lt;img&gt;}", r"\operatorname{<b>}"],
)
def test_markup_in_a_formula_is_only_text(latex: str) -> None:
    tree = as_mathml(latex)
    if tree is not None:
        check_listed(tree)
        assert "script" not in json.dumps([child[0] for child in tree[2:]])


NESTING = [
    r"\sqrt{%s}",
    r"\frac{%s}{2}",
    r"x^{%s}",
    r"\left(%s\right)",
    r"\overset{%s}{x}",
    r"\boxed{%s}",
    r"\begin{matrix}%s\end{matrix}",
    r"\begin{split}%s\end{split}",
    r"\pmod{%s}",
    r"\sqrt %s",
    r"\hat %s",
    r"{%s}",
    r"%s'",
    r"\displaystyle %s",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("nest", NESTING)
def test_deep_and_long_formulas_are_neither_errors_nor_slow(nest: str) -> None:
    deep = "x"
    while len(nest % deep) <= LONGEST:
        deep = nest % deep
    long = (nest % "x") * (LONGEST // len(nest % "x"))
    for latex in (deep, deep[: LONGEST // 2], long):
        tree = as_mathml(latex)
        if tree is not None:
            check_listed(tree)


LATEX = st.lists(
    st.one_of(
        st.sampled_from([*HOSTILE, r"\frac", r"\text", r"\begin{array}", r"\end{array}", r"\\"]),
        st.sampled_from([r"\left", r"\right", r"\cdot", r"\boxed", r"\operatorname", r"\limits"]),
        st.sampled_from([r"\(", r"\)", r"\[", r"\]", "$$", "$", "\n", "1,000", "%", "&", "\ud800"]),
        st.sampled_from(list("{}[]()^_'|&# 0159axM.,+-=<>~\\")),
        st.text(max_size=3),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=200)
@given(text=st.one_of(LATEX.map("".join), LATEX.map(" ".join), st.text()))
def test_any_latex_gives_a_listed_tree_or_none(text: str) -> None:
    for latex in (text, rf"\frac{{{text}}}{{2}}"):
        tree = as_mathml(latex)
        if tree is not None:
            check_listed(tree)
            json.dumps(tree)
            assert digits(words(tree)) == digits(latex)


@settings(deadline=None, max_examples=120)
@given(text=st.one_of(LATEX.map("".join), LATEX.map(" ".join), st.text()))
def test_formulas_of_any_text_stand_in_order_within_it(text: str) -> None:
    position = 0
    for formula in find_formulas(text):
        assert position <= formula.start < formula.end <= len(text)
        position = formula.end
        check_listed(formula.tree)


# Work that grows with the square of the length would take minutes here.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", [r"\(", r"\boxed{", "$", "{", "$x^2$ ", "\\", "$x^{", r"\( a \)"])
def test_a_long_text_of_nothing_else_takes_no_minutes(unit: str) -> None:
    assert len(find_formulas(unit * (100_000 // len(unit)))) <= MOST_FORMULAS
