"""The work of a mentor beside its student's, by the sizes of both."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from fair_app.training.mentor_cost import LEARNED, RATIONALES, Load, load_of
from fair_app.training.settings import SOFT_LABELS, TrainingSettings
from fair_app.training.shape import ModelShape

ADAPTER = TrainingSettings(quantization="none", mentor="m", soft_weight=0.3)
ALL = replace(ADAPTER, method="full")


def shape(layers: int, hidden: int = 10, vocabulary: int = 100) -> ModelShape:
    """Square matrices, one a layer."""
    linear = {str(number): (hidden, hidden) for number in range(layers)}
    return ModelShape(0, linear, hidden, layers, vocabulary)


def test_a_mentor_as_large_as_its_student() -> None:
    """500 multiplications a token in the layers, and 1,000 in the head for what is learned.

    Learning takes twice a forward pass with an adapter, three times with all weights."""
    same = shape(5)
    head = LEARNED * 1000
    forward = 500 + head
    for settings, times in ((ADAPTER, 2), (ALL, 3)):
        learning = times * forward
        online, hidden, top_k = (
            load_of(same, same, settings, how) for how in ("online", "hidden", "top-k")
        )
        assert online == Load(step=approx(RATIONALES * forward / learning))
        assert hidden == Load(
            step=approx(RATIONALES * head / learning), making=approx(500 / learning)
        )
        assert top_k == Load(making=approx(forward / learning))


@given(st.integers(1, 80), st.integers(1, 80), st.sampled_from(SOFT_LABELS))
def test_a_larger_mentor_takes_no_less(one: int, other: int, how: str) -> None:
    student = shape(4)
    small, large = (load_of(student, shape(size), ADAPTER, how) for size in sorted((one, other)))
    assert small is not None and large is not None
    assert small.step <= large.step
    assert small.making <= large.making
    online = load_of(student, shape(max(one, other)), ADAPTER, "online")
    assert online is not None and large.step <= online.step


@pytest.mark.parametrize(("student", "mentor"), [(None, shape(1)), (shape(1), None), (None, None)])
def test_nothing_is_said_of_a_model_that_is_not_here(
    student: ModelShape | None, mentor: ModelShape | None
) -> None:
    assert load_of(student, mentor, ADAPTER, "online") is None
