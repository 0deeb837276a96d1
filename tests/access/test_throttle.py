"""Wrong passwords make somebody wait, longer each time, and only them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fair_app.access.throttle import FORGOTTEN_S, FREE, REMEMBERED, MustWait, Throttle

LONGEST = {"address": 900.0, "name": 60.0}
ANNA = {"address": "a", "name": "anna"}


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wrong(throttle: Throttle, keys: dict[str, str]) -> float:
    """Try a wrong password; the seconds that it must wait before, or 0."""
    try:
        assert throttle.tried(keys, lambda: None) is None
    except MustWait as wait:
        assert wait.seconds > 0
        return wait.seconds
    return 0.0


def free(throttle: Throttle, keys: dict[str, str]) -> None:
    """Use up what is free."""
    assert [wrong(throttle, keys) for _ in range(FREE)] == [0] * FREE


def test_the_first_ones_are_free_and_then_the_wait_doubles() -> None:
    clock, name = Clock(), {"name": "anna"}
    throttle, waits = Throttle(LONGEST, clock), []
    free(throttle, name)
    for _ in range(8):
        waits.append(wrong(throttle, name))
        clock.now += waits[-1]
        assert wrong(throttle, name) == 0
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_of_many_at_once_no_more_are_tried_than_one_after_the_other() -> None:
    throttle = Throttle(LONGEST, Clock())
    with ThreadPoolExecutor(32) as threads:
        waits = list(threads.map(lambda _: wrong(throttle, ANNA), range(200)))
    assert waits.count(0.0) == FREE


def test_many_right_ones_at_once_from_one_address_wait_for_one_another() -> None:
    throttle = Throttle(LONGEST, Clock())
    most, inside, lock = 0, 0, Lock()

    def right() -> str:
        nonlocal most, inside
        with lock:
            inside += 1
            most = max(most, inside)
        Event().wait(0.01)
        with lock:
            inside -= 1
        return "proof"

    def enter(number: int) -> str | None:
        return throttle.tried({"address": "school", "name": f"pupil {number}"}, right)

    with ThreadPoolExecutor(32) as threads:
        assert [*threads.map(enter, range(100))] == ["proof"] * 100
    assert 1 < most <= FREE


def test_what_breaks_counts_as_wrong_and_keeps_nobody_waiting() -> None:
    throttle = Throttle(LONGEST, Clock())
    for _ in range(FREE):
        with pytest.raises(ZeroDivisionError):
            throttle.tried(ANNA, lambda: 1 // 0)
    assert wrong(throttle, ANNA) == 1


def test_a_try_that_must_wait_counts_for_nobody_and_is_not_made() -> None:
    throttle = Throttle(LONGEST, Clock())
    free(throttle, ANNA)
    for _ in range(10):
        with pytest.raises(MustWait):
            throttle.tried({"address": "b", "name": "anna"}, lambda: pytest.fail("it was tried"))
    free(throttle, {"address": "b", "name": "bert"})


def test_a_right_one_forgets_them() -> None:
    clock = Clock()
    throttle = Throttle(LONGEST, clock)
    free(throttle, ANNA)
    assert wrong(throttle, ANNA) > 0
    clock.now += 1
    assert throttle.tried(ANNA, lambda: "proof") == "proof"
    free(throttle, ANNA)


def test_others_do_not_wait() -> None:
    throttle = Throttle(LONGEST, Clock())
    free(throttle, ANNA)
    assert wrong(throttle, {"address": "b", "name": "bert"}) == 0
    assert wrong(throttle, {"address": "a", "name": "bert"}) > 0  # from her address


def test_they_are_forgotten_after_an_hour() -> None:
    clock = Clock()
    throttle = Throttle(LONGEST, clock)
    free(throttle, ANNA)
    clock.now += FORGOTTEN_S
    free(throttle, ANNA)


def test_many_names_take_bounded_memory() -> None:
    throttle = Throttle(LONGEST, Clock())
    for number in range(REMEMBERED + 50):
        name = {"name": str(number)}
        assert wrong(throttle, name | {"address": "one"} if number < FREE else name) == 0
    assert len(throttle._tries["name"]) == REMEMBERED
    assert len(throttle._tries["address"]) == 1  # names do not push addresses out


@given(st.lists(st.floats(0, 1e6), max_size=60), st.floats(1, 1e4))
def test_a_wait_is_never_longer_than_the_longest(steps: list[float], longest: float) -> None:
    clock = Clock()
    throttle = Throttle({"name": longest}, clock)
    for step in steps:
        clock.now += step
        assert 0 <= wrong(throttle, {"name": "anna"}) <= longest
