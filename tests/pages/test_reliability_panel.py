"""What the panel says of the reviewers, and that no name in it can become markup."""

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.curation.reliability import Scored, reliability
from pages.components.reliability import reliability_panel

HOSTILE = "${1+1} {{value}} `x` <img src=x onerror=alert(1)> \"' \\frac"
NAMES = st.sampled_from(["ada", "bert", HOSTILE])
SCORED = st.builds(
    Scored,
    author=NAMES,
    scores=st.dictionaries(NAMES, st.none() | st.integers(1, 5), max_size=3),
    right=st.none() | st.booleans(),
    accepted=st.none() | st.booleans(),
)


def committee(decided=False):
    """Forty rationales by each of three, of which `carl` likes all and `ada` the right ones."""
    rationales = []
    for author in ("ada", "bert", "carl"):
        for n in range(40):
            right = n % 4 > 0
            scores = {"ada": 5 if right else 1, "bert": 4 if right else 2 + n % 3, "carl": 5}
            del scores[author]
            rationales.append(Scored(author, scores, right, right if decided else None))
    return rationales


def words(shown):
    """The text of a piece of HTML, one space between any two pieces."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", shown)))


def cells(shown, table):
    """The words of a table's cells, row by row."""
    body = re.search(rf'class="{table}">.*?<tbody>(.*?)</tbody>', shown).group(1)
    return [
        [words(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", body)
    ]


def test_the_sentences_come_first():
    found = reliability(committee(), teachers=["carl", "bert", "ada"])
    shown = reliability_panel(found)
    said = re.findall(r"<li>(.*?)</li>", shown)
    assert [unescape(one) for one in said] == [one.sentence for one in found.reviewers]
    assert said[0].startswith("carl gives 5 to 100 % of wrong rationales")
    assert shown.index("</ul>") < shown.index("<table")


def test_the_matrix_has_a_mean_and_a_number_and_an_empty_diagonal():
    shown = reliability_panel(reliability(committee()))
    own = "not asked about its own"
    assert cells(shown, "given") == [
        ["ada", own, "4.00 n 40", "4.00 n 40"],
        ["bert", "3.73 n 40", own, "3.73 n 40"],
        ["carl", "5.00 n 40", "5.00 n 40", own],
    ]
    assert re.findall(r"--strength:([\d.]+)", shown)[:6] == [
        *["0.750"] * 2,
        *["0.681"] * 2,
        *["1.000"] * 2,
    ]


def test_a_row_a_reviewer_with_dots_on_the_axis():
    shown = reliability_panel(reliability(committee(decided=True)))
    ada, bert, carl = cells(shown, "reviewers")
    assert ada[0] == "ada 80 scores"
    assert ada[3].startswith("1.00")
    assert ada[4].startswith("100 %")
    assert ada[5].startswith("0 % 0 to")
    assert bert[2].startswith("−")
    assert carl[2].startswith("+")
    assert carl[3] == "0.50 no interval"
    assert carl[4].startswith("75 %")
    assert "80 scores on decided rationales, 60 of them accepted" in unescape(shown)
    assert re.findall(r'class="dot" style="left:([\d.]+)%', shown)[:2] == ["100.00", "100.00"]


def test_what_is_not_known_is_not_drawn():
    ungraded = [Scored(one.author, one.scores, None, None) for one in committee()]
    shown = reliability_panel(reliability(ungraded))
    assert "nothing graded" in shown
    assert "nobody has decided" in shown
    assert 'class="dot"' not in shown
    assert 'class="scale"' not in shown
    assert "too few wrong rationales" in shown


@pytest.mark.parametrize(
    ("rationales", "reason"),
    [
        ([], "No review has given a score yet."),
        ([Scored("ada", {}, True, None)], "One teacher alone has nobody to review it"),
        ([Scored("ada", {"bert": None}, True, None)] * 2, "No review has given"),
        ([Scored("ada", {}, True, None), Scored("bert", {}, True, None)], "No review has given"),
    ],
)
def test_without_a_score_one_line_says_why(rationales, reason):
    shown = reliability_panel(reliability(rationales))
    assert reason in shown
    assert "<table" not in shown


def test_a_reviewer_alone_has_nobody_to_agree_with():
    shown = reliability_panel(reliability([Scored("ada", {"bert": 4}, True, None)] * 20))
    assert "Too few to say how far all agree" in shown
    assert "shares no rationale with another reviewer" in shown


@pytest.mark.parametrize(
    ("pairs", "judged"),
    [
        ([(1, 1), (5, 5)] * 20, "enough to rely on"),
        ([(1, 1), (1, 1), (5, 5), (5, 5), (5, 5), (5, 5), (2, 5)] * 20, "tentative"),
        ([(1, 1), (5, 5), (1, 5)] * 20, "several are needed"),
        ([(1, 5), (5, 1), (1, 1), (5, 5)] * 10, "hardly told from chance"),
        ([(1, 1), (5, 5)] * 2, "too few to build on"),
    ],
)
def test_alpha_is_put_in_words(pairs, judged):
    rationales = [Scored("ada", {"bert": b, "carl": c}, None, None) for b, c in pairs]
    assert judged in reliability_panel(reliability(rationales))


@settings(deadline=None)
@given(st.lists(SCORED, max_size=20))
def test_any_scores_are_painted_and_no_name_becomes_markup(rationales):
    shown = reliability_panel(reliability(rationales))
    assert shown.startswith('<section class="reliability">')
    assert "<img" not in shown
    assert not set("$`{}\\") & set(shown)
    assert not re.search(r"\bnan\b", words(shown))
