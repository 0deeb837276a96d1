"""Choosing tokens: greedy, and the nucleus as its paper defines it."""

import pytest
import torch

from fair_app.student.base import Decoding
from fair_app.student.sampling import CANDIDATES, choose, random_numbers

HALF_QUARTER = torch.tensor([[0.05, 0.5, 0.2, 0.25]]).log()


def drawn(logits: torch.Tensor, decoding: Decoding, number: float) -> int:
    return int(choose(logits, decoding, [number])[0])


def test_temperature_0_takes_the_likeliest_whatever_the_number() -> None:
    assert drawn(HALF_QUARTER, Decoding(), 0.99) == 1


@pytest.mark.parametrize(("number", "token"), [(0.0, 1), (0.66, 1), (0.67, 3), (0.999, 3)])
def test_the_nucleus_has_the_fewest_tokens_that_reach_top_p(number: float, token: int) -> None:
    # 0.5 + 0.25 reach 0.7: of the nucleus' 0.75 the likeliest token has two thirds.
    assert drawn(HALF_QUARTER, Decoding(temperature=1.0, top_p=0.7), number) == token


@pytest.mark.parametrize(
    ("number", "token"), [(0.0, 0), (0.04, 0), (0.06, 1), (0.54, 1), (0.6, 2), (0.999, 3)]
)
def test_with_top_p_1_every_token_has_its_share(number: float, token: int) -> None:
    assert drawn(HALF_QUARTER, Decoding(temperature=1.0), number) == token


def test_a_nucleus_smaller_than_one_token_is_the_likeliest() -> None:
    assert drawn(HALF_QUARTER, Decoding(temperature=1.0, top_p=0.0001), 0.999) == 1


def test_low_temperature_sharpens() -> None:
    assert drawn(HALF_QUARTER, Decoding(temperature=0.05), 0.999) == 1


def test_a_flat_distribution_reaches_beyond_the_first_candidates() -> None:
    flat = torch.zeros(1, 4 * CANDIDATES)
    numbers = [place / 64 for place in range(64)]
    decoding = Decoding(temperature=1.0, top_p=0.9)
    assert len({drawn(flat, decoding, number) for number in numbers}) == len(numbers)


def test_rows_are_drawn_apart() -> None:
    decoding = Decoding(temperature=1.0, top_p=0.7)
    both = choose(HALF_QUARTER.repeat(2, 1), decoding, [0.0, 0.9]).tolist()
    assert both == [1, 3]


def test_the_numbers_depend_on_seed_prompt_and_occurrence_alone() -> None:
    decoding = Decoding(temperature=0.3, max_new_tokens=8, seed=1)
    first = random_numbers(decoding, "How many?", 0)
    assert first == random_numbers(decoding, "How many?", 0)
    assert len(first) > 8
    assert all(0 <= number < 1 for number in first)
    others = [
        random_numbers(decoding, "How many?", 1),
        random_numbers(decoding, "How much?", 0),
        random_numbers(Decoding(temperature=0.3, max_new_tokens=8, seed=2), "How many?", 0),
    ]
    assert first not in others


def test_greedy_needs_no_numbers() -> None:
    assert random_numbers(Decoding(), "How many?", 0) == []
