"""The training page in a real Chromium: presets, what is refused, live curves, a reload."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.filling import fill
from tests.browser.taught import taught
from tests.training.tiny import tiny_folder

pytestmark = pytest.mark.browser

HOSTILE = "${1+1} \\frac <img src=x onerror=alert(1)>"


def value(page: Any, field: str) -> str:
    return str(page.locator(f"#training-{field} :is(input, textarea)").first.input_value())


def choose(page: Any, field: str, option: str) -> None:
    page.click(f"#training-{field} input")
    page.click(f"#training-{field} [role=option]:has-text('{option}')")


def open_training(page: Any, server: Any, project: Any) -> None:
    page.goto(f"{server.url}/?project={quote(project.name)}&tab=training")
    page.wait_for_selector("#training-preview .stats")
    page.click("#tab-training .more > button")


def test_a_preset_fills_the_fields_and_a_run_shows_its_curves(
    server: Any, page: Any, watched: Any
) -> None:
    project = taught(server.settings, HOSTILE)
    folder = tiny_folder(server.settings.home / "tiny")
    open_training(page, server, project)
    assert value(page, "epochs") == "2"

    choose(page, "preset", "Balanced")
    page.wait_for_function(
        "document.querySelector('#training-epochs input').value === '5'", timeout=20_000
    )
    assert (value(page, "held-out"), value(page, "patience")) == ("0.1", "3")
    assert value(page, "schedule") == "Half a wave"
    choose(page, "method", "All weights")
    page.wait_for_function(
        "document.querySelector('#training-quantization input').value === 'None'", timeout=20_000
    )
    choose(page, "method", "DoRA")

    fill(page, "training-name", "by-page")
    fill(page, "training-student", folder)
    fill(page, "training-target", "c_attn")
    page.click("#training-start")
    page.wait_for_selector("text=no module c_attn")
    fill(page, "training-target", "q_proj,down_proj")
    fill(page, "training-epochs", "4")
    fill(page, "training-batch", "1")
    page.click("#training-examples-fold .fold")
    page.wait_for_selector("#training-examples-shown .seen", timeout=60_000)
    seen = page.inner_text("#training-examples-shown")
    assert "Example 1 of 4" in seen
    masked, counts = (
        page.inner_text(f"#training-examples-shown section >> nth=0 >> .{part}")
        for part in ("masked", "counts")
    )
    assert masked.startswith("[What is")
    assert "Point out the mistake" in masked
    assert counts.endswith(f"{HOSTILE}<end>")
    fill(page, "training-example-number", "2")
    page.wait_for_selector("#training-examples-shown >> text=Example 2 of 4")
    fill(page, "training-tokens", "9")
    page.press("#training-tokens input", "Tab")
    page.wait_for_selector("#training-examples-shown >> text=longest question takes")
    fill(page, "training-tokens", "512")

    page.click("#training-start")
    page.wait_for_selector("#job-train .job[data-state=succeeded]", timeout=120_000)
    page.wait_for_selector("#training-checkpoints >> text=by-page")
    page.wait_for_function("document.querySelectorAll('#training-curves .chart').length === 3")
    assert "Held out" in page.inner_text("#training-curves")
    assert "tokens a second" in page.inner_text("#training-curves").lower()

    page.reload()
    page.wait_for_selector("#training-curves .chart")
    page.wait_for_selector("#training-checkpoints >> text=by-page")
    assert not watched.errors
    assert not watched.foreign
