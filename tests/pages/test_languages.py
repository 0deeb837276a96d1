"""The languages: a catalogue has all that the pages say, and everybody gets their own."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from fair_app.committee.prompts import FIELDS
from fair_app.curation.queues import QUEUES
from fair_app.jobs.kinds import KINDS
from fair_app.settings import Settings
from fair_app.studio.projects import ensure_demo
from fair_app.studio.runs import ORIGIN
from fair_app.training.settings import TrainingSettings
from pages.components import (
    ablation_shown,
    agreement,
    checkpoints,
    comparisons,
    exam_task,
    flips,
    job_panel,
    live_panel,
    mentor_section,
    opened_test,
    prompts_panel,
    quote_panel,
    reliability,
    report_links,
    review_acts,
    review_card,
    rounds_course,
    run_comparison,
    second_stage,
    teacher_cards,
    tested,
    training_curves,
    training_preview,
    trials,
)
from pages.components.markup import ago, count
from pages.components.notice import UNEXPECTED, notice
from pages.evaluation.tests import SPLITS
from pages.help import short, texts
from pages.languages import LANGUAGES, _, plural, speaking, spoken
from pages.languages.catalogue import Catalogue, read_po
from pages.languages.shown import counted_by, markup, said_by, said_in
from pages.languages.speaking import language_of, preferred
from pages.settings import backups, exporting
from pages.settings.about import COMPARE_KEYS, EXAM_KEYS, KEYS, SETTING, TERMS
from pages.settings.acts import ACTS
from pages.web import build
from tests.pages import said_texts
from tests.pages.entering import URL, Browser, begun, blocks_of, guarded, handler_of

GERMAN = LANGUAGES["de"]
HEAD = (
    'msgid ""\nmsgstr ""\n"Language: xx\\n"\n"X-Language-Name: Xish\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)
NAME = re.compile(r"\{\w+\}")
TAG = re.compile(r"</?\w+")
NO_WORDS = re.compile(r"[^\sA-Za-z]*|\S*[/:_0-9]\S*")
"""What needs no translation: paths, addresses and names of models, and figures."""
SAID_BY_NAME = {
    *(words for kind in QUEUES.values() for words in (kind.title, kind.about)),
    # tests of jobs add a kind of their own
    *(kind.title for kind in KINDS.values() if kind.body.startswith("fair_app.")),
    *job_panel.STATES.values(),
    *exam_task.GRADED.values(),
    *(words for pair in live_panel.REASONS.values() for words in pair),
    *(words[0].lower() for words in live_panel.REASONS.values()),
    *quote_panel.ROLES.values(),
    *(role.lower() for role in quote_panel.ROLES.values()),
    *(name.capitalize() for name in live_panel.ROLES_WRITTEN),
    *live_panel.ROLES_WRITTEN.values(),
    *(words for pair in reliability.HOW for words in pair),
    quote_panel.SAMPLED,
    *(role.lower() for role in prompts_panel.TITLES.values()),
    *(about for fields in FIELDS.values() for about in fields.values()),
    *("No answer is right", "No answer is wrong", "No answer was cut off"),
    "No grade is overridden",
    *(words for pair in mentor_section.WORDS.values() for words in pair),
    *mentor_section.GO_TO.values(),
    *(words for kinds in (training_curves.LOSSES, training_curves.RATE) for words in kinds),
    *(words for heading, lines in second_stage.CHARTS for words in (heading, *lines)),
    *flips.KINDS.values(),
    *(comparisons.MCNEMAR, comparisons.PERMUTATION),
    *tested.KINDS.values(),
    *ablation_shown.TITLES.values(),
    *rounds_course.WORDS.values(),
    *trials.STAGES.values(),
    *(words for words in trials.STATES.values() if words),
    *SPLITS.values(),
    *run_comparison.CURVES,
    *(run_comparison.title_of(name) for name in (*run_comparison.TITLES, *ORIGIN)),
    *(run_comparison.title_of(field.name) for field in fields(TrainingSettings)),
    *(flips.NONE, opened_test.LOOKING, training_preview.READING, checkpoints.GGUF),
    *(reliability.MATRIX, reliability.SCALE, reliability.TOO_FEW, agreement.ABOUT),
    *report_links.LINKS.values(),
    report_links.ABOUT,
    *review_acts.VERBS.values(),
    *review_acts.WORDS.values(),
    *(words for words in review_card.MISSING.values()),
    teacher_cards.SIMULATED,
    *(what for _, what in (*KEYS, *EXAM_KEYS, *COMPARE_KEYS)),
    *(SETTING, TERMS, backups.NONE, exporting.ABOUT),
    *ACTS.values(),
    *(line for said in texts() for line in said.states.values()),
    UNEXPECTED,
}
"""Texts that are said through a name, which the sources do not show at the call."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    ensure_demo(settings)
    with TestClient(build(settings), base_url=URL) as client:
        yield client


@pytest.fixture(scope="module")
def config(web: TestClient) -> dict[str, Any]:
    """What an English browser gets."""
    return dict(blocks_of(web.app).config)


def config_of(web: TestClient, **headers: str) -> dict[str, Any]:
    """What the page that a browser opens has in it."""
    page = web.get("/", headers=headers).text
    start = page.index("window.gradio_config = ") + len("window.gradio_config = ")
    found: dict[str, Any] = json.JSONDecoder().raw_decode(page, start)[0]
    return found


def component(config: dict[str, Any], elem_id: str) -> dict[str, Any]:
    return next(one for one in config["components"] if one["props"].get("elem_id") == elem_id)


# ---- the catalogue


def needed(config: dict[str, Any]) -> set[str]:
    texts = (
        said_texts.python_texts()
        | said_texts.config_texts(config)
        | said_texts.script_texts(config)
        | SAID_BY_NAME
    )
    return {one for one in texts if not NO_WORDS.fullmatch(one.strip())}


def test_nothing_that_the_pages_say_is_missing(config: dict[str, Any]) -> None:
    assert sorted(needed(config) - GERMAN.texts.keys() - GERMAN.forms.keys()) == []


def test_nothing_that_the_pages_count_is_missing(config: dict[str, Any]) -> None:
    counted = {**said_texts.python_forms(), **said_texts.script_forms(config)}
    assert sorted(counted.keys() - GERMAN.forms.keys()) == []
    assert sorted(GERMAN.forms.keys() - counted.keys()) == []


def test_no_line_is_left_that_nothing_says(config: dict[str, Any]) -> None:
    assert sorted(GERMAN.texts.keys() - needed(config) - said_texts.constants()) == []


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_a_translation_has_what_its_text_has(language: str) -> None:
    catalogue = LANGUAGES[language]
    pairs = [*catalogue.texts.items(), *catalogue.faults.items()]
    pairs += [(one, said) for one, forms in catalogue.forms.items() for said in forms]
    wrong = [
        english
        for english, said in pairs
        if sorted(NAME.findall(english)) != sorted(NAME.findall(said))
        or TAG.findall(english) != TAG.findall(said)
        or english[:1].isspace() != said[:1].isspace()
        or english[-1:].isspace() != said[-1:].isspace()
    ]
    assert wrong == []


def test_a_plural_has_the_form_of_its_number() -> None:
    with speaking("de"):
        assert [count(number, "question") for number in (0, 1, 2)] == [
            "0 Fragen",
            "1 Frage",
            "2 Fragen",
        ]
        assert count(1161, "rationale") == "1,161 Begründungen"
        assert ago(0).startswith("vor ")
    assert count(2, "question") == "2 questions"
    assert count(2, "leaf", "leaves") == "2 leaves"


def test_a_language_of_three_forms_takes_them_all() -> None:
    polish = read_po(
        HEAD.replace("nplurals=2; plural=(n != 1)", POLISH)
        + 'msgid "{n} file"\nmsgid_plural "{n} files"\n'
        'msgstr[0] "{n} plik"\nmsgstr[1] "{n} pliki"\nmsgstr[2] "{n} plików"\n'
    )
    said = [polish.plural("{n} file", "{n} files", n) for n in (1, 2, 5, 22, 112)]
    assert said == ["{n} plik", "{n} pliki", "{n} plików", "{n} pliki", "{n} plików"]
    with pytest.raises(ValueError, match="3 forms"):
        read_po(
            HEAD.replace("nplurals=2; plural=(n != 1)", POLISH)
            + 'msgid "{n} file"\nmsgid_plural "{n} files"\nmsgstr[0] "a"\nmsgstr[1] "b"\n'
        )


POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2)"


@with_settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_what_a_po_file_says_is_read(texts: dict[str, str]) -> None:
    po = HEAD + "\n".join(
        f"msgid {json.dumps(english)}\nmsgstr {json.dumps(said)}\n"
        for english, said in texts.items()
    )
    read = read_po(po)
    assert (read.code, read.name, read.texts) == ("xx", "Xish", texts)


def test_comments_lines_and_what_waits_for_a_translator() -> None:
    read = read_po(
        HEAD + '# by hand\n#: pages/exam.py:3\nmsgid "one "\n"two"\nmsgstr ""\n"eins "\n"zwei"\n\n'
        '#, fuzzy\nmsgid "guess"\nmsgstr "geraten"\n\nmsgid "later"\nmsgstr ""\n\n'
        '#~ msgid "old"\n#~ msgstr "alt"\nmsgid "last"\nmsgstr "letztes"\n'
    )
    assert read.texts == {"one two": "eins zwei", "last": "letztes"}
    assert read.text("later") == "later"


@pytest.mark.parametrize(
    ("po", "fault"),
    [
        ('msgid "a"\nmsgstr "b"\n', "the head has no"),
        (HEAD + "msgid a\n", "is no PO"),
        (HEAD + '"alone"\n', ""),
        (HEAD + 'msgctxt "x"\nmsgid "a"\nmsgstr "b"\n', "context"),
        (HEAD + 'msgid "a\\q"\nmsgstr "b"\n', "not well quoted"),
        (HEAD + 'msgid "a"\nmsgstr "b"\nmsgstr "c"\n', "again"),
    ],
)
def test_what_is_no_po_is_named(po: str, fault: str) -> None:
    if fault:
        with pytest.raises(ValueError, match=fault):
            read_po(po)
    else:
        assert read_po(po).texts == {}


# ---- who gets which


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("fr-FR, de-AT;q=0.5", "de"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=0.2, en;q=0.7", "en"),
        ("*", "en"),
        ("DE", "de"),
        ("de;q=x", "en"),
    ],
)
def test_the_browsers_language_is_taken(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


@with_settings(deadline=None)
@given(st.text(max_size=80))
def test_any_header_gives_a_language(accepted: str) -> None:
    assert preferred(accepted) in LANGUAGES


def test_a_choice_goes_before_the_browsers_language() -> None:
    german = "de-DE,de;q=0.9"
    assert language_of(Headers({"accept-language": german})) == "de"
    assert language_of(Headers({"accept-language": german, "cookie": "fair_language=en"})) == "en"
    assert language_of(Headers({"accept-language": german, "cookie": "fair_language=xx"})) == "de"
    assert language_of(Headers({"cookie": "other=1; fair_language=de"})) == "de"


def test_english_is_spoken_but_for_who_visits() -> None:
    assert spoken().code == "en"
    with speaking("de"):
        assert _("right") == "richtig"
        with speaking("en"):
            assert _("right") == "right"
        assert plural("{n} test", "{n} tests", 2, n=2) == "2 Tests"
    assert _("no such line, {name}", name="Ada") == "no such line, Ada"


def test_a_browser_gets_the_pages_in_its_language(web: TestClient) -> None:
    english = config_of(web)
    german = config_of(web, **{"accept-language": "de-DE,de"})
    assert component(english, "exam-start")["props"]["value"] == "Start the exam"
    assert component(german, "exam-start")["props"]["value"] == "Prüfung starten"
    assert component(german, "tab-review")["props"]["label"] == "Begutachtung"
    assert (german["language"], english.get("language")) == ("de", None)
    assert german["words"]["texts"]["Saved"] == "Gespeichert"
    assert german["words"]["form"][:3] == "101"
    again = config_of(web, **{"accept-language": "de", "cookie": "fair_language=en"})
    assert again["components"] == english["components"]


def test_the_sign_in_is_in_the_language_of_who_comes(tmp_path: Path) -> None:
    with TestClient(build(guarded(tmp_path)), base_url=URL) as strange:
        english = strange.get("/sign-in").text
        german = strange.get("/sign-in", headers={"accept-language": "de"}).text
        wrong = strange.post("/sign-in", headers={"accept-language": "de"}).text
    assert ('<html lang="en">' in english, "Sign in to go on." in english) == (True, True)
    assert ('<html lang="de">' in german, "Zum Weitermachen anmelden." in german) == (True, True)
    assert "Name und Passwort gehören nicht zusammen." in wrong


def test_names_and_values_stay(web: TestClient) -> None:
    english, german = (config_of(web, **{"accept-language": one}) for one in ("en", "de"))
    for one, other in zip(english["components"], german["components"], strict=True):
        assert (one["id"], one["type"]) == (other["id"], other["type"])
        if one["type"] not in ("html", "button", "uploadbutton"):
            assert one["props"].get("value") == other["props"].get("value")
        values = [choice[1] for choice in one["props"].get("choices") or []]
        assert values == [choice[1] for choice in other["props"].get("choices") or []]
    assert (
        component(english, "teacher-provider")["props"]["choices"]
        == (component(german, "teacher-provider")["props"]["choices"])
    )


def test_a_handler_answers_in_the_language_of_who_asks(web: TestClient) -> None:
    index, wired = handler_of(web, "overview.tick")
    for language, words in (("en", "Set up the exam"), ("de", "Prüfung einrichten")):
        browser = Browser(web, {"fair_language": language}, f"page-{language}")
        status, fault, data = browser.call(index, begun(wired))
        assert (status, fault) == (200, None)
        assert words in data[0]


def test_what_a_handler_makes_of_a_field_is_in_the_language_too(web: TestClient) -> None:
    english = short("exam-student", "served")
    index, wired = handler_of(web, "components.exam_fields.server_fields.<lambda>")
    for language, words in (("en", english), ("de", GERMAN.text(english)), ("en", english)):
        browser = Browser(web, {"fair_language": language}, f"field-{language}")
        status, fault, data = browser.call(index, ["http://127.0.0.1:1/v1", *begun(wired)[1:]])
        assert (status, fault) == (200, None)
        assert data[0]["info"] == words
    assert GERMAN.text(english) != english


# ---- fixed text


def test_fixed_html_keeps_its_marks() -> None:
    words = {"Undo": "Rückgängig", "Say it": "Sag es", "two words": "zwei Wörter"}
    say = Catalogue("de", "Deutsch", words).text
    html = '<p title="Say it">two\n   words <kbd>Undo</kbd> <b class="Undo"> Undo </b> 3</p>'
    assert markup(html, say) == (
        '<p title="Sag es">zwei Wörter <kbd>Undo</kbd> <b class="Undo"> Rückgängig </b> 3</p>'
    )
    plain = '<nav lang="de" translate="no">Undo</nav>'
    assert markup(plain, say) == plain


def test_a_translation_is_text_and_never_markup(config: dict[str, Any]) -> None:
    hostile = "<img src=x onerror=alert(1)> ${1+1} \" ' `"
    evil = Catalogue("de", "Deutsch", dict.fromkeys(said_texts.config_texts(config), hostile))
    for one in said_in(evil, config)["components"]:
        for name in ("value", "html_template"):
            html = one["props"].get(name)
            if one["type"] == "html" and isinstance(html, str):
                assert "<img src=x" not in html
                assert "${1+1}" not in html
    assert "<img" not in notice(hostile)


def test_a_script_says_its_texts_with_numbers_for_values() -> None:
    script = "a(fairWords`Question ${whole.format(row + 1)}, ${teacher}`, fairWords`Saved`);"
    assert said_by(script) == ["Question {0}, {1}", "Saved"]
    counted = "fairCount(n, 'question') + fairCount(f(a, b), 'leaf', 'leaves')"
    assert counted_by(counted) == [("{n} question", "{n} questions"), ("{n} leaf", "{n} leaves")]
