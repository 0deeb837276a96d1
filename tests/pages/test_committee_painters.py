"""What the committee page says in figures and words, and that no text in it can become markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.committee.base import Fault, Role, TeacherSpec
from fair_app.committee.presets import PRESETS
from fair_app.committee.prices import Price
from fair_app.curation.agreement import Agreement, pairwise_agreement
from fair_app.curation.what_if import TeacherSummary
from fair_app.studio.collecting import Failures, Live, Pause, Tally
from fair_app.studio.quote import Quote, QuoteLine
from fair_app.studio.teachers import TeacherCard
from pages.components import teacher_form
from pages.components.agreement import agreement_matrix
from pages.components.live_panel import (
    REASONS,
    cap_bar,
    ended,
    expected_calls,
    failure_table,
    live_panel,
)
from pages.components.money import usd, usd_or_unknown
from pages.components.quote_panel import cost_in_words, quote_panel
from pages.components.teacher_cards import SIMULATED, cards_value, price_line, settings_line

HOSTILE = "${1+1} {{value}} `x` <img src=x onerror=alert(1)> \\frac"


def line(teacher="gpt", role=Role.RATIONALE, calls=10, known=0, usd=0.5):
    return QuoteLine(teacher, role, calls, known, 1000, 2000, usd)


def quoted(*lines, **more):
    usual = {"mistakes": 10, "teachers": 2, "done": 0, "spent_usd": 0.0, "minutes": None}
    return Quote(lines=list(lines), sampled=False, **(usual | more))


def tally(teacher="gpt", role="rationale", **more):
    usual = dict.fromkeys(
        ("sent", "done", "failed", "attempts", "input_tokens", "output_tokens", "unpriced"), 0
    )
    return Tally(teacher, role, **(usual | {"cost_usd": 0.0, "seconds": 0.0} | more))


def live(*tallies, **more):
    usual = {"calls_per_second": 1.25, "cost_usd": 0.2, "projected_usd": 0.5, "spent_usd": 0.3}
    return Live(list(tallies), **(usual | {"budget_usd": None, "pauses": []} | more))


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "0 USD"),
        (0.00002, "under 0.0001 USD"),
        (0.0031, "0.0031 USD"),
        (0.216, "0.22 USD"),
        (1234.5, "1,234.50 USD"),
    ],
)
def test_money_has_the_decimals_that_matter(amount, words):
    assert usd(amount) == words


def test_what_nobody_knows_is_not_nothing():
    assert usd_or_unknown(None) == "unknown"
    assert price_line(None) == "Price unknown"
    assert price_line(Price(0.0, 0.0, "free")) == "Free"
    assert cost_in_words(quoted(line(usd=None)))[0] == "unknown"
    known, about = cost_in_words(quoted(line(), line("other", usd=None)))
    assert known == "0.50 USD"
    assert "other" in about
    assert cost_in_words(quoted(line(usd=0.0)))[0] == "nothing"
    assert "0.50 USD and unknown" in quote_panel(quoted(line(), line("o", usd=None)), False)


def test_a_quote_names_the_ledger_the_limits_and_the_lonely():
    shown = quote_panel(quoted(line(known=4), minutes=2.5), False)
    assert "4 of them from the ledger, at no cost" in shown
    assert "2 min 30 s" in shown
    assert "no peers" not in shown
    assert "no peers" in quote_panel(quoted(line(), teachers=1), False)
    assert "no exam" not in quote_panel(None, False)
    assert "nothing is left to ask" in quote_panel(quoted(), True)


def test_the_cap_warns_at_eighty_per_cent():
    assert cap_bar(1.0, None) == ""
    assert 'class="cap "' in cap_bar(0.79, 1.0)
    assert 'class="cap near"' in cap_bar(0.80, 1.0)
    assert 'class="cap full"' in cap_bar(1.01, 1.0)


def test_a_bar_counts_what_is_made_and_what_is_missing():
    now = live(tally(done=3, sent=2, failed=1))
    expected = expected_calls(quoted(line(calls=7, known=0)), now)
    shown = live_panel(now, expected)
    assert "3 of 10, 1 failed" in shown
    widths = [float(one) for one in re.findall(r"width:([\d.]+)%", shown)]
    assert widths == [30.0, 10.0, 20.0]
    assert "about 0.50 USD in the end" in shown


def test_a_projection_that_cannot_be_made_is_not_shown():
    shown = live_panel(live(tally(done=2, unpriced=2), projected_usd=None), {})
    assert "2 calls of unknown price" in shown
    assert "in the end" not in shown


def test_a_job_that_left_calls_out_says_why_and_what_to_do():
    now = live(spent_usd=0.0198, budget_usd=0.02)
    said = ended({"stopped_by_budget": True, "left": 7, "out": {"gpt": "Quota used up."}}, now)
    assert "gpt was not asked any further: Quota used up." in said
    assert "0.0198 USD of 0.0200 USD" in said
    assert "7 calls left" in said
    assert ended({"stopped_by_budget": False, "left": 0, "out": {}}, now) == ""


def test_every_fault_has_its_words():
    assert set(REASONS) == set(Fault)


def test_hostile_texts_stay_text():
    shown = (
        failure_table([Failures(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 2)])
        + live_panel(live(tally(HOSTILE, HOSTILE, sent=1), pauses=[Pause(HOSTILE, 0, HOSTILE)]), {})
        + ended({"out": {HOSTILE: HOSTILE}, "left": 1}, live())
        + quote_panel(quoted(line(HOSTILE, usd=None)), False)
        + agreement_matrix({("a", HOSTILE): Agreement(3, 1.0, 1.0, 1.0)}, ["a", HOSTILE])
    )
    assert "<img" not in shown
    assert not set("$`{}\\") & set(shown)


def test_the_matrix_has_each_pair_once_in_the_order_of_the_committee():
    found = {
        ("ada", "carl"): Agreement(40, 0.5, 0.9, 0.61),
        ("ada", "bert"): Agreement(38, 0.4, 0.8, -0.25),
        ("bert", "carl"): Agreement(39, 1.0, 1.0, None),
    }
    shown = agreement_matrix(found, ["carl", "ada", "bert", "nobody"])
    assert shown.count("<td title=") == 3
    assert shown.index("0.61") < shown.index("−0.25")
    assert "50 % equal, n 40" in shown
    assert "one score alone was given" in shown
    assert "nobody" not in shown
    assert agreement_matrix({}, ["ada", "bert"]) == ""


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 5)), max_size=20))
def test_any_scores_make_a_matrix(scores):
    found = pairwise_agreement(scores)
    shown = agreement_matrix(found, ["a", "b", "c"])
    assert shown.count("<td title=") == len(found)


def test_a_card_shows_only_what_is_set():
    plain = TeacherSpec(name="x", provider="openai", model="m")
    assert settings_line(plain) == "temperature 0.8 · 512 tokens"
    limited = plain.model_copy(update={"requests_per_minute": 500.0, "reasoning_effort": "low"})
    assert settings_line(limited) == (
        "temperature 0.8 · 512 tokens · thinking: low · 500 calls a minute"
    )


def test_a_card_says_where_its_key_is_and_never_the_key():
    spec = TeacherSpec(name="x", provider="openai", model="m")

    def words(has_key, typed=()):
        card = TeacherCard("x", spec, False, "OPENAI_API_KEY", has_key, None, None)
        return cards_value([card], frozenset(typed), {})["cards"][0]["key"]["words"]

    assert words(True) == "Key from OPENAI_API_KEY"
    assert words(False) == "No key: set OPENAI_API_KEY, or type it here"
    assert words(True, ["OPENAI_API_KEY"]) == "OPENAI_API_KEY: typed, held in memory for you"


def test_simulated_and_recorded_teachers_say_so_and_the_recorded_cannot_be_asked():
    rules = TeacherSpec(name="o", provider="offline", model="terse")
    found = cards_value(
        [
            TeacherCard("o", rules, True, None, True, Price(0.0, 0.0, "free"), None),
            TeacherCard("gpt", None, False, None, True, None, None),
        ],
        frozenset(),
        {"gpt": TeacherSummary(12, 9, 4.125)},
    )["cards"]
    assert [one["tag"] for one in found] == [SIMULATED, "recorded answers"]
    assert [one["asked"] for one in found] == [True, False]
    assert found[1]["written"] == "12 rationales, 9 accepted, mean score 4.12"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda one: one.key)
def test_a_preset_comes_through_the_form_as_it_is(preset):
    values = teacher_form.opened([], preset.key)[-len(teacher_form.FIELDS) :]
    assert TeacherSpec.model_validate(teacher_form.given(values), strict=True) == preset.spec


def test_a_name_that_is_taken_gets_a_number():
    taken = [PRESETS[0].spec.name, f"{PRESETS[0].spec.name}-2"]
    values = teacher_form.opened(taken)[-len(teacher_form.FIELDS) :]
    assert values[0] == f"{PRESETS[0].spec.name}-3"


def test_a_free_price_is_no_empty_field():
    values = [0.0 if name.startswith("usd") else None for name in teacher_form.FIELDS]
    assert teacher_form.given(values) == {
        "usd_per_million_input": 0.0,
        "usd_per_million_output": 0.0,
    }
