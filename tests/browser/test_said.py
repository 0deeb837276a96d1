"""Painted texts in a real browser: shown as they are, marked, and never markup."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fair_app.curation import mathematics
from fair_app.curation.marks import KINDS, as_value, marked_answer, marked_rationale
from fair_app.curation.word_diff import word_diff

pytestmark = pytest.mark.browser

PAGES = Path(__file__).resolve().parents[2] / "pages"
GOLD = "3 * 4 = <<3*4=12>>12\n12 + 5 = <<12+5=17>>17\n#### 17"
HOSTILE = [
    "${window.hacked=1} {{value}} `${1+1}`",
    "<img src=x onerror='window.hacked=1'> <script>window.hacked=1</script>",
    "<math><mi onclick='window.hacked=1'>x</mi></math> &lt;b&gt; &amp;",
    r"\frac{1}{2} stays, and [x](javascript:alert(1)) too",
    "a\u202eb 3 + 4 = 7 c\u202c \u2066 d",
    "lone \ud800 surrogate",
    "two\nlines,  two spaces\tand a tab ",
    "3 + 4 = 8 words " * 6250,
]

Paint = Callable[..., None]


@pytest.fixture
def paint(page) -> Paint:
    """Paints pieces into `#said` of an empty page 320 pixels wide; `how` may be `paintDiff`."""
    css = "".join(
        (PAGES / name).read_text(encoding="utf-8") for name in ("style.css", "components/said.css")
    )
    page.set_content(
        f"""<style>{css} body {{ width: 320px; font: 15px/1.6 serif; color: var(--ink) }}</style>
        <body class="gradio-container"><div id="said"></div><textarea></textarea></body>"""
    )
    code = "\n".join(
        (PAGES / name).read_text(encoding="utf-8")
        for name in ("languages/words.js", "components/said.js")
    )
    lists = "SAID_ELEMENTS, SAID_ATTRIBUTES, SAID_VALUE, SAID_KINDS"
    page.add_script_tag(
        content=f"{{\n{code}\nObject.assign(window, {{paintSaid, paintDiff, {lists}}});\n}}"
    )

    def painted(pieces: object, how: str = "paintSaid") -> None:
        # As JSON with escapes: a lone surrogate has no other way through.
        page.evaluate(
            "([how, value]) => window[how](document.querySelector('#said'), JSON.parse(value))",
            [how, json.dumps(pieces)],
        )

    return painted


def shown(page) -> str:
    """The text of the page's node, whatever it holds."""
    return page.evaluate("document.querySelector('#said').textContent")


def tags(page) -> set[str]:
    return set(page.evaluate("() => [...document.querySelectorAll('#said *')].map(n => n.tagName)"))


def note_is_visible(page, selector: str) -> bool:
    page.wait_for_timeout(500)
    return page.evaluate(
        "selector => getComputedStyle(document.querySelector(selector), '::after').visibility",
        selector,
    ) == ("visible")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_painted_as_they_are(page, paint, watched, text) -> None:
    paint(as_value(marked_rationale(text, (2, 5))))
    assert page.evaluate(
        "value => document.querySelector('#said').textContent === JSON.parse(value)",
        json.dumps(text),
    )
    assert tags(page) <= {"MARK"}
    paint([list(change) for change in word_diff(text, text[::-1])], "paintDiff")
    assert tags(page) <= {"INS", "DEL"}
    assert page.evaluate("window.hacked") is None
    assert (watched.errors, watched.foreign) == ([], [])


def test_a_formula_is_mathml_with_a_size_and_its_source(page, paint) -> None:
    text = r"It is \(\frac{203}{7}=\boxed{29}\) for \frac{1}{2}."
    paint(as_value(marked_rationale(text)))
    size = page.locator("#said math").bounding_box()
    assert size["width"] > 30
    assert size["height"] > 15
    top, bottom = (page.locator(f"#said mfrac > :nth-child({n})").bounding_box() for n in (1, 2))
    assert top["y"] + top["height"] <= bottom["y"] + 1
    assert page.locator("#said .said-formula").get_attribute("title") == text[6:34]
    assert page.evaluate("document.querySelector('#said mfrac').namespaceURI") == (
        "http://www.w3.org/1998/Math/MathML"
    )
    box = "getComputedStyle(document.querySelector('#said menclose')).borderTopWidth"
    assert page.evaluate(box) == "1px"


def test_copying_takes_the_source_of_a_formula(page, paint) -> None:
    text = "So\n\\(\\frac{1}{2}\\) and $x^2$, but 7 × 8 = 54."
    paint(as_value(marked_rationale(text)))
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#said'))")
    page.keyboard.press("Control+c")
    page.locator("textarea").focus()
    page.keyboard.press("Control+v")
    assert page.locator("textarea").input_value() == text


MI = ["mi", {}, "x"]


@pytest.mark.parametrize(
    "tree",
    [
        ["math", {}, ["script", {}, "window.hacked=1"]],
        ["math", {}, {"tag": "script"}],
        ["math", {}, ["mi", {"onclick": "window.hacked=1"}, "x"]],
        ["math", {"style": "position:fixed"}, MI],
        ["math", {"href": "javascript:alert(1)"}, MI],
        ["math", {}, ["mspace", {"width": "9999em"}]],
        ["math", {}, ["mspace", {"width": "-9em"}]],
        ["math", {}, ["mi", {"mathvariant": "url(http://example.org)"}, "x"]],
        ["math", {}, ["mi", {"mathvariant": {"toString": 1}}, "x"]],
        ["math", {}, ["maction", {}, MI]],
        ["math", {}, ["annotation-xml", {}, MI]],
        ["math", {}, ["mglyph", {}]],
        ["math", {}, ["MI", {}, "x"]],
        ["math", {}, [["mi"], {}, "x"]],
        ["math", {}, 3],
        ["img", {"src": "http://example.org/x.png"}],
        ["mrow", {}, MI],
        {"tag": "math"},
        "math",
        None,
        [],
    ],
    ids=str,
)
def test_a_doctored_tree_is_refused_and_its_source_painted(page, paint, watched, tree) -> None:
    paint(["a ", {"t": "$x^2$", "k": ["math"], "m": tree}, " b"])
    assert shown(page) == "a $x^2$ b"
    assert tags(page) == set()
    assert page.evaluate("window.hacked") is None
    assert (watched.errors, watched.foreign) == ([], [])


def test_a_tree_deeper_than_any_formula_is_refused(page, paint) -> None:
    tree = MI
    for _ in range(60):
        tree = ["mrow", {}, tree]
    paint([{"t": "deep", "k": ["math"], "m": ["math", {}, tree]}])
    assert (shown(page), tags(page)) == ("deep", set())


def test_doctored_marks_have_no_classes_of_their_own(page, paint) -> None:
    paint([{"t": "x", "k": ["wrong", "review-card", "a b"], "n": "<b>n</b>"}, {"k": ["read"]}])
    assert page.locator("#said mark").first.get_attribute("class") == "said-mark said-wrong"
    assert page.locator("#said mark").first.get_attribute("data-note") == "<b>n</b>"
    assert tags(page) == {"MARK"}


def test_the_browser_lets_through_what_python_does(page, paint) -> None:
    lists = page.evaluate(
        "[[...SAID_ELEMENTS], [...SAID_ATTRIBUTES], SAID_KINDS, SAID_VALUE.source]"
    )
    assert set(lists[0]) == mathematics.ELEMENTS
    assert set(lists[1]) == mathematics.ATTRIBUTES
    assert tuple(lists[2]) == KINDS
    assert lists[3] == f"^{mathematics.VALUE.pattern}$"


def test_each_mistake_is_one_stop_of_the_tab_key_and_its_note_shows(page, paint) -> None:
    paint(
        as_value(marked_answer("1 + 1 = 2, then 2 + 3 = 5 * 4 = 21, and 7 × 8 = 54.", None, GOLD))
    )
    stops = []
    while page.evaluate("document.activeElement.tagName") != "TEXTAREA":
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.dataset.note ?? null"))
    notes = ["The first that does not hold: 5 × 4 is 20, not 21", "7 × 8 is 56, not 54"]
    assert stops == [*notes, None]
    page.locator("#said [tabindex='0']").first.focus()
    assert note_is_visible(page, "#said [tabindex='0']")
    page.keyboard.press("Escape")
    assert not note_is_visible(page, "#said [tabindex='0']")
    described = page.locator("#said .said-wrong").last.get_attribute("aria-description")
    assert described == "Does not hold: 7 × 8 is 56, not 54"


def test_a_note_shows_under_the_pointer_and_under_a_finger(page, paint, chromium) -> None:
    paint(as_value(marked_answer("1 + 1 = 2\n" + "12 - 5 = 7 pens. " * 9, None, GOLD)))
    assert not note_is_visible(page, "#said .said-astray")
    page.locator("#said .said-astray").hover()
    assert note_is_visible(page, "#said .said-astray")
    page.locator("#said .said-right").first.click()
    assert note_is_visible(page, "#said .said-right")
    assert page.evaluate("document.body.scrollWidth <= innerWidth")
    touched = chromium.new_page(has_touch=True)
    touched.set_content(page.content())
    touched.locator("#said .said-astray").tap()
    assert note_is_visible(touched, "#said .said-astray")
    touched.close()


def test_right_and_wrong_differ_by_their_lines_too(page, paint) -> None:
    text = "1 + 1 = 2, 2 + 2 = 5."
    paint(as_value(marked_rationale(text)))
    lines = page.evaluate(
        """() => ['said-right', 'said-wrong'].map((name) => {
          const style = getComputedStyle(document.querySelector('.' + name));
          return [style.textDecorationStyle, style.backgroundColor];
        })"""
    )
    assert [line for line, _ in lines] == ["solid", "wavy"]
    assert lines[0][1] == "rgba(0, 0, 0, 0)"
    assert lines[1][1] != "rgba(0, 0, 0, 0)"


def luminance(colour: str) -> float:
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["", "dark"])
def test_marked_texts_can_be_read_in_both_themes(page, paint, theme) -> None:
    page.evaluate("theme => document.documentElement.className = theme", theme)
    kinds = [["wrong"], ["astray"], ["right"], ["read"], ["wrong", "read"], ["right", "read"]]
    paint([{"t": " 3 + 4 ", "k": kind} for kind in kinds])
    ground = "getComputedStyle(document.documentElement).getPropertyValue('--page')"
    page.evaluate(f"document.body.style.background = {ground}")
    for place in range(len(kinds)):
        ink, paper, body = page.evaluate(
            """place => {
              const style = getComputedStyle(document.querySelectorAll('#said mark')[place]);
              const body = getComputedStyle(document.body);
              return [style.color, style.backgroundColor, body.backgroundColor];
            }""",
            place,
        )
        behind = body if paper == "rgba(0, 0, 0, 0)" else paper
        dark, light = sorted((luminance(ink), luminance(behind)))
        assert (light + 0.05) / (dark + 0.05) > 7


@pytest.mark.parametrize("tag", ["div", "span"])
def test_a_text_cannot_turn_what_is_beside_it(page, paint, tag) -> None:
    page.evaluate(
        """tag => {
          const [one, other] = [document.createElement(tag), document.createElement('span')];
          one.id = 'said';
          other.id = 'beside';
          other.innerHTML = '<i>first</i> <i>second</i>';
          document.querySelector('#said').replaceWith(one);
          one.after(other);
        }""",
        tag,
    )
    paint(as_value(marked_rationale("\u202e turned \u2067 and 3 + 4 = 7, ")))
    first, second = (page.locator(f"#beside i:nth-child({n})").bounding_box() for n in (1, 2))
    assert first["x"] < second["x"]
    if tag == "span":
        assert first["x"] >= page.locator("#said").bounding_box()["x"] + 50


def test_what_was_changed_is_shown_as_it_is(page, paint) -> None:
    before, after = "The <b>cat</b> sat.\nIt is 8.", "The <b>dog</b> sat.\n\nIt is 7."
    paint([list(change) for change in word_diff(before, after)], "paintDiff")
    kept, gone = "#said ins", "#said del"
    assert page.locator(gone).all_inner_texts() == ["<b>cat</b>", "\n", "8."]
    assert page.locator(kept).all_inner_texts() == ["<b>dog</b>", "\n\n", "7."]
    assert tags(page) == {"INS", "DEL"}
    assert page.locator("#said .said-break").count() == 2


def test_painting_again_leaves_nothing_behind(page, paint) -> None:
    paint(as_value(marked_rationale("7 × 8 = 54")))
    paint(["plain"])
    assert (shown(page), tags(page)) == ("plain", set())
    for nothing in ([], None):
        paint(nothing)
        assert shown(page) == ""
