"""Passwords: what a hash keeps, and what it cannot be made to do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.access import passwords
from fair_app.access.passwords import FORM, NONE, hashed, is_hash, matches
from fair_app.errors import BadInput

PASSWORD = "correct horse battery"


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes at a cost that takes no time."""
    monkeypatch.setattr(passwords, "COST", 2)


def test_a_hash_costs_what_it_should() -> None:
    stored = hashed(PASSWORD)
    assert stored.startswith("scrypt$32768$8$3$") and NONE.startswith("scrypt$32768$8$3$")
    assert FORM.fullmatch(stored) and is_hash(stored) and PASSWORD not in stored
    assert matches(PASSWORD, stored)


def test_a_password_matches_its_hash_and_no_other(cheap: None) -> None:
    stored = hashed(PASSWORD)
    assert matches(PASSWORD, stored)
    assert not matches(PASSWORD + " ", stored)
    assert not matches("", stored)


def test_the_same_password_is_hashed_anew(cheap: None) -> None:
    assert hashed(PASSWORD) != hashed(PASSWORD)


def test_without_a_user_no_password_matches() -> None:
    assert not matches(PASSWORD, None)
    assert is_hash(NONE)


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 129])
def test_too_short_and_too_long_ones_are_refused(password: str) -> None:
    with pytest.raises(BadInput, match="12 to 128"):
        hashed(password)


@pytest.mark.parametrize("password", ["1q2w3e4r5t6y", "Password1234", "QWERTYUIOP123"])
def test_the_most_common_ones_are_refused(password: str) -> None:
    with pytest.raises(BadInput, match="most common"):
        hashed(password)


def test_those_that_are_long_enough_are_known() -> None:
    assert len(passwords._common()) > 150
    assert all(len(one) == 16 for one in passwords._common())


def test_a_password_may_have_any_characters(cheap: None) -> None:
    password = "ä\ud800 ☃:$\x00 and so on"
    assert matches(password, hashed(password))


def test_a_hash_cannot_ask_for_all_the_memory() -> None:
    tail = f"${'0' * 32}${'0' * 64}"
    assert not is_hash(f"scrypt$99999999$8$1{tail}")
    assert not is_hash(f"scrypt${2**20}$16$1{tail}")
    assert not is_hash(f"scrypt$3$8$1{tail}")
    assert not is_hash(f"scrypt$2$0$1{tail}")


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_no_text_is_taken_for_a_hash(text: str) -> None:
    assert not is_hash(text)
