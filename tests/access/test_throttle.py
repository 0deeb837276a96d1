"""Wrong passwords make somebody wait, longer each time, and only them."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from fair_app.access.throttle import FORGOTTEN_S, FREE, REMEMBERED, Throttle

LONGEST = {"address": 900.0, "name": 60.0}
ANNA = {"address": "a", "name": "anna"}


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def tried(throttle: Throttle, keys: dict[str, str], times: int = FREE) -> None:
    for _ in range(times):
        assert throttle.take(keys) == 0


def test_the_first_ones_are_free_and_then_the_wait_doubles() -> None:
    clock, name = Clock(), {"name": "anna"}
    throttle, waits = Throttle(LONGEST, clock), []
    tried(throttle, name)
    for _ in range(8):
        waits.append(throttle.take(name))
        clock.now += waits[-1]
        assert throttle.take(name) == 0
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_of_many_at_once_no_more_are_tried_than_one_after_the_other() -> None:
    throttle = Throttle(LONGEST, Clock())
    with ThreadPoolExecutor(32) as threads:
        waits = list(threads.map(lambda _: throttle.take(ANNA), range(200)))
    assert waits.count(0.0) == FREE


def test_a_try_that_must_wait_counts_for_nobody() -> None:
    throttle = Throttle(LONGEST, Clock())
    tried(throttle, ANNA)
    for _ in range(10):
        assert throttle.take({"address": "b", "name": "anna"}) > 0
    tried(throttle, {"address": "b", "name": "bert"})


def test_a_right_one_forgets_them() -> None:
    throttle = Throttle(LONGEST, Clock())
    tried(throttle, ANNA)
    assert throttle.take(ANNA) > 0
    throttle.right(ANNA)
    tried(throttle, ANNA)


def test_others_do_not_wait() -> None:
    throttle = Throttle(LONGEST, Clock())
    tried(throttle, ANNA)
    assert throttle.take({"address": "b", "name": "bert"}) == 0
    assert throttle.take({"address": "a", "name": "bert"}) > 0  # from her address


def test_they_are_forgotten_after_an_hour() -> None:
    clock = Clock()
    throttle = Throttle(LONGEST, clock)
    tried(throttle, ANNA)
    clock.now += FORGOTTEN_S
    tried(throttle, ANNA)


def test_many_names_take_bounded_memory() -> None:
    throttle = Throttle(LONGEST, Clock())
    for number in range(REMEMBERED + 50):
        throttle.take(
            {"name": str(number), "address": "one"} if number < FREE else {"name": str(number)}
        )
    assert len(throttle._tries["name"]) == REMEMBERED
    assert len(throttle._tries["address"]) == 1  # names do not push addresses out


@given(st.lists(st.floats(0, 1e6), max_size=60), st.floats(1, 1e4))
def test_a_wait_is_never_longer_than_the_longest(steps: list[float], longest: float) -> None:
    clock = Clock()
    throttle = Throttle({"name": longest}, clock)
    for step in steps:
        clock.now += step
        assert 0 <= throttle.take({"name": "anna"}) <= longest
