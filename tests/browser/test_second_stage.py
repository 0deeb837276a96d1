"""A second stage from the training page: what is refused, a run, its curves, a reload."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

import pytest

from fair_app.cli.main import main
from tests.browser.filling import fill
from tests.browser.taught import taught
from tests.training.tiny import tiny_folder

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_spec("trl") is None, reason="trl is optional: pip install -r requirements-dpo.txt"
    ),
]


def test_a_checkpoint_learns_to_prefer(server: Any, page: Any, watched: Any) -> None:
    project = taught(server.settings)
    folder, home = tiny_folder(server.settings.home / "tiny"), str(server.settings.home)
    options = ["--quantization", "none", "--max-steps", "1", "--lora-rank", "4"]
    asked = ["train", "--project", project.name, "--name", "first", "--student", str(folder)]
    assert main(["--home", home, *asked, *options]) == 0

    page.goto(f"{server.url}/?project={quote(project.name)}&tab=training")
    page.wait_for_selector("#training-checkpoints >> text=first", timeout=60_000)
    page.click("#second-stage > button")
    assert page.input_value("#prefer-checkpoint input") == "first"
    assert page.input_value("#prefer-name :is(input, textarea)") == "preferred"
    fill(page, "prefer-beta", "-1")
    page.click("#prefer-start")
    page.wait_for_selector("text=beta is -1")
    fill(page, "prefer-beta", "0.2")
    fill(page, "prefer-epochs", "3")
    page.click("#prefer-start")
    page.wait_for_selector("#job-prefer .job[data-state=succeeded]", timeout=180_000)
    page.wait_for_selector("#training-checkpoints >> text=preferred")
    page.wait_for_function("document.querySelectorAll('#prefer-curves .chart').length === 2")

    page.reload()
    page.wait_for_selector("#training-checkpoints >> text=preferred")
    page.click("#second-stage > button")
    page.wait_for_selector("#job-prefer .job[data-state=succeeded]")
    assert page.input_value("#prefer-name :is(input, textarea)") == "preferred-2"
    assert watched.errors == []
    assert watched.foreign == []
