"""A cap holds while many calls are in flight, and is used up before it stops anything."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fair_app.committee.budget import Budget


def spend(cap: float, costs: list[float], guess: float, lanes: int, before: float = 0.0) -> Budget:
    """Make calls of these costs through as many lanes, in an order that the seed of asyncio's
    sleeping gives."""
    budget = Budget(cap, before)

    async def lane(queue: list[float], chance: random.Random) -> None:
        while queue:
            reserved = await budget.reserve("call", guess)
            if reserved is None:
                return
            actual = queue.pop() if queue else None
            await asyncio.sleep(chance.random() / 1000)
            await budget.settle("call", reserved, actual)

    async def run() -> None:
        queue = list(costs)
        await asyncio.gather(*(lane(queue, random.Random(place)) for place in range(lanes)))

    asyncio.run(run())
    return budget


@settings(max_examples=40, deadline=None)
@given(
    mean=st.floats(0.0001, 0.01),
    spread=st.floats(0.0, 0.5),
    guess_factor=st.sampled_from([0.1, 0.5, 1.0, 3.0, 20.0]),
    lanes=st.integers(1, 24),
    seed=st.integers(0, 99),
)
def test_it_ends_within_a_call_a_lane_of_the_cap_and_above_nine_tenths(
    mean: float, spread: float, guess_factor: float, lanes: int, seed: int
) -> None:
    chance = random.Random(seed)
    costs = [mean * (1 + spread * (2 * chance.random() - 1)) for _ in range(400)]
    cap = 100 * mean
    budget = spend(cap, costs, guess_factor * mean, lanes)
    assert budget.exhausted
    assert 0.9 * cap <= budget.spent <= cap + lanes * max(costs)


def test_work_below_the_cap_is_never_stopped() -> None:
    budget = spend(1.0, [0.001] * 300, 0.5, 8)
    assert not budget.exhausted
    assert round(budget.spent, 6) == 0.3


def test_what_was_spent_before_counts() -> None:
    assert spend(1.0, [0.1] * 5, 0.1, 1, before=1.0).spent == 1.0
    assert round(spend(1.0, [0.1] * 50, 0.1, 1, before=0.5).spent, 6) == 1.0


def test_eighty_percent_is_nearly_spent() -> None:
    assert not Budget(1.0, 0.79).nearly_spent
    assert Budget(1.0, 0.8).nearly_spent
    assert not Budget(None, 99.0).nearly_spent


def test_a_call_without_an_answer_gives_its_reserve_back() -> None:
    async def run() -> Budget:
        budget = Budget(1.0)
        for _ in range(100):
            reserved = await budget.reserve("call", 0.9)
            assert reserved is not None
            await budget.settle("call", reserved, None)
        return budget

    assert asyncio.run(run()).spent == 0.0
