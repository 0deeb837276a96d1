"""Wrong passwords make somebody wait, longer each time, and only them."""

from hypothesis import given
from hypothesis import strategies as st

from fair_app.access.throttle import FORGOTTEN_S, FREE, REMEMBERED, Throttle


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_ones_are_free_and_then_the_wait_doubles() -> None:
    clock = Clock()
    throttle, waits = Throttle(60.0, clock), []
    for _ in range(FREE + 8):
        waits.append(throttle.wait("anna"))
        clock.now += waits[-1]
        throttle.take("anna")
    assert waits == [0.0] * FREE + [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_right_one_forgets_them() -> None:
    throttle = Throttle(60.0, Clock())
    for _ in range(FREE + 3):
        throttle.take("anna")
    assert throttle.wait("anna") > 0
    throttle.right("anna")
    assert throttle.wait("anna") == 0


def test_others_do_not_wait() -> None:
    throttle = Throttle(60.0, Clock())
    for _ in range(FREE + 3):
        throttle.take("anna")
    assert throttle.wait("bert") == 0


def test_they_are_forgotten_after_an_hour() -> None:
    clock = Clock()
    throttle = Throttle(60.0, clock)
    for _ in range(FREE + 3):
        throttle.take("anna")
    clock.now += FORGOTTEN_S
    throttle.take("anna")
    assert throttle.wait("anna") == 0


def test_many_names_take_bounded_memory() -> None:
    throttle = Throttle(60.0, Clock())
    for number in range(REMEMBERED + 50):
        throttle.take(str(number))
    assert len(throttle._tries) == REMEMBERED


@given(st.lists(st.floats(0, 1e6), max_size=60), st.floats(1, 1e4))
def test_a_wait_is_never_longer_than_the_longest(steps: list[float], longest: float) -> None:
    clock = Clock()
    throttle = Throttle(longest, clock)
    for step in steps:
        clock.now += step
        throttle.take("anna")
        assert 0 <= throttle.wait("anna") <= longest
