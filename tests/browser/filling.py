"""Typing into a field as a person does, who sees what stands there."""

from typing import Any


def fill(page: Any, field: str, value: object) -> None:
    """Type into a field, and see that it is kept: one that was just unfolded is painted anew."""
    box = page.locator(f"#{field} :is(input, textarea)")
    for _ in range(20):
        box.fill(str(value))
        page.wait_for_timeout(150)
        if box.input_value() == str(value):
            return
    raise AssertionError(f"{field} does not keep what is typed")
