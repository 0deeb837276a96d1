"""What tokens cost: the user's price, the table with its tiers and dates, or unknown."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.committee.base import TeacherSpec
from fair_app.committee.prices import Price, cost, price_of
from fair_app.errors import BadInput

AT = datetime(2026, 11, 21, tzinfo=UTC)
"""A day that all dated prices below are asked for, so that no test changes with the calendar."""


def teacher(provider: str, model: str, **more: object) -> TeacherSpec:
    return TeacherSpec.model_validate({"name": "t", "provider": provider, "model": model, **more})


def dollars(price: Price | None) -> tuple[float, float] | None:
    return price and (price.input_usd_per_million, price.output_usd_per_million)


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4o-mini", (0.15, 0.6)),
        ("openai", "gpt-4o-mini-2024-07-18", (0.15, 0.6)),
        ("openai", "gpt-5.2-2025-12-11", (1.75, 14.0)),
        ("openai", "gpt-5.2-20251211", (1.75, 14.0)),
        ("gemini", "gemini-2.5-flash", (0.3, 2.5)),
        ("gemini", "gemini-3.5-flash-lite-001", (0.3, 2.5)),
        ("gemini", "models/gemini-3.5-flash-lite", (0.3, 2.5)),
        ("mistral", "mistral-small-2603", (0.15, 0.6)),
    ],
)
def test_a_provider_s_models_are_found_dated_names_too(
    provider: str, model: str, expected: tuple[float, float]
) -> None:
    price = price_of(teacher(provider, model), at=AT)
    assert dollars(price) == expected
    assert price is not None
    assert price.source.startswith("genai-prices: ")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99-imaginary"),
        ("openai", "mistral-small-2603"),  # known, but not at this provider
        ("gemini", "gpt-4o-mini"),
        ("mistral", "mistral-ocr-2512"),  # billed by the page
        ("gemini", "gemma-4-31b-it"),  # in the table without a price
        ("openai", "text-embedding-3-small"),  # has an input price only
    ],
)
def test_what_the_table_does_not_price_by_tokens_is_unknown(provider: str, model: str) -> None:
    assert price_of(teacher(provider, model), at=AT) is None


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8000/v1", "https://api.deepinfra.com/v1/openai"]
)
def test_a_server_that_the_table_does_not_know_has_no_price(base_url: str) -> None:
    """The name of a model says nothing: what it costs here is this server's affair."""
    assert price_of(teacher("openai", "gpt-4o-mini", base_url=base_url), at=AT) is None


def test_a_server_is_known_by_its_address() -> None:
    there = teacher(
        "openai", "mistralai/mistral-small-2603", base_url="https://openrouter.ai/api/v1"
    )
    price = price_of(there, at=AT)
    assert dollars(price) == (0.15, 0.6)
    assert price is not None
    assert price.source == "genai-prices: openrouter mistralai/mistral-small-2603"
    itself = teacher("openai", "gpt-4o-mini", base_url="https://api.openai.com/v1")
    assert dollars(price_of(itself, at=AT)) == (0.15, 0.6)


def test_the_user_s_own_price_comes_first() -> None:
    own = {"usd_per_million_input": 1.0, "usd_per_million_output": 0.0}
    for provider, model in [("openai", "gpt-4o-mini"), ("local", "x/y"), ("openai", "unheard-of")]:
        price = price_of(teacher(provider, model, **own), at=AT)
        assert price == Price(1.0, 0.0, "your own price")
        assert cost(price, 500_000, 10**9) == 0.5


@pytest.mark.parametrize("field", ["usd_per_million_input", "usd_per_million_output"])
def test_half_a_price_is_refused(field: str) -> None:
    with pytest.raises(BadInput, match=r"teacher 't': give usd_per_million_input and .* together"):
        price_of(teacher("openai", "gpt-4o-mini", **{field: 1.0}))


def test_what_runs_here_is_free() -> None:
    for provider in ("offline", "local"):
        price = price_of(teacher(provider, "terse"))
        assert dollars(price) == (0.0, 0.0)
        assert price is not None
        assert price.source.startswith("free: ")
        assert cost(price, 10**6, 10**6) == 0.0


def test_a_cost_is_unknown_when_anything_in_it_is() -> None:
    price = Price(1.0, 2.0, "test")
    assert cost(None, 1, 1) is None
    assert cost(price, None, 1) is None
    assert cost(price, 1, None) is None
    assert cost(price, 0, 0) == 0.0


def test_a_listed_cost_follows_the_tiers() -> None:
    """gpt-5.4 bills the whole call at a higher price beyond 272,000 tokens of input."""
    price = price_of(teacher("openai", "gpt-5.4"), at=AT)
    assert dollars(price) == (2.5, 15.0)
    assert cost(price, 100_000, 1_000, at=AT) == pytest.approx(0.25 + 0.015)
    assert cost(price, 300_000, 1_000, at=AT) == pytest.approx(1.5 + 0.0225)


def test_a_listed_price_follows_the_calendar() -> None:
    spec = teacher("gemini", "gemini-3.8-flash")
    price = price_of(spec, at=AT)
    later = datetime(2027, 1, 2, tzinfo=UTC)
    assert dollars(price) == (0.75, 3.75)
    assert dollars(price_of(spec, at=later)) == (1.5, 7.5)
    assert cost(price, 10**5, 0, at=AT) == pytest.approx(0.075)
    assert cost(price, 10**5, 0, at=later) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-6-luna"),
        ("gemini", "gemini-3.5-flash-lite"),
        ("mistral", "mistral-small-2603"),
    ],
)
def test_a_batch_costs_half(provider: str, model: str) -> None:
    spec = teacher(provider, model)
    direct = cost(price_of(spec, at=AT), 10**5, 10**5, at=AT)
    batch = cost(price_of(spec, batch=True, at=AT), 10**5, 10**5, at=AT)
    assert direct is not None
    assert batch == pytest.approx(direct / 2)
    own = spec.model_copy(update={"usd_per_million_input": 1.0, "usd_per_million_output": 4.0})
    assert dollars(price_of(own, batch=True)) == (0.5, 2.0)


@given(
    tokens=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    own=st.tuples(st.floats(0, 1000), st.floats(0, 1000)),
)
def test_a_cost_grows_with_its_tokens(tokens: tuple[int, int], own: tuple[float, float]) -> None:
    price = Price(*own, "test")
    fewer, more = cost(price, *tokens), cost(price, tokens[0] + 1, tokens[1] + 1)
    assert fewer is not None
    assert more is not None
    assert 0 <= fewer <= more


def test_prices_need_no_network_and_are_imported_late() -> None:
    """In a process that ends at the first attempt to look up a host or to connect."""
    code = """
import os, sys
def watch(event, args):
    if event in ("socket.getaddrinfo", "socket.connect", "socket.bind"):
        print("network:", event, args); sys.stdout.flush(); os._exit(3)
sys.addaudithook(watch)
from fair_app.committee.base import TeacherSpec
from fair_app.committee.prices import cost, price_of
assert "genai_prices" not in sys.modules
price = price_of(TeacherSpec(name="t", provider="openai", model="gpt-4o-mini"))
assert "genai_prices" in sys.modules
import threading, time
time.sleep(0.2)
assert threading.active_count() == 1, threading.enumerate()
print(cost(price, 1_000_000, 0))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "0.15"), done.stdout + done.stderr
