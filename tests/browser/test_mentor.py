"""The mentor's five steps in a real Chromium: what is refused, each job, a reload, the student's
run."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fair_app.studio.mentor_kd import import_mentor_kd
from tests.browser.filling import fill
from tests.browser.taught import taught
from tests.studio.mentor_files import row, written
from tests.training.tiny import tiny_folder

pytestmark = pytest.mark.browser

STEPS = ("choose", "train", "test", "augment", "distil")
HOSTILE = "${1+1} \\frac <img src=x onerror=alert(1)>"


def open_mentor(page: Any, server: Any, project: Any) -> None:
    page.goto(f"{server.url}/?project={quote(project.name)}&tab=training")
    page.wait_for_selector("#training-preview .stats")
    if page.get_attribute("#mentor-fold .fold", "aria-expanded") == "false":
        page.click("#mentor-fold .fold")
    page.wait_for_selector("#mentor-train-start")


def state(page: Any, step: str) -> str:
    return str(page.get_attribute(f"#mentor-{step} .mentor-said", "data-state"))


def said(page: Any, step: str, words: str) -> None:
    page.wait_for_selector(f"#mentor-{step} >> text={words}")


def done(page: Any, step: str) -> None:
    page.wait_for_selector(f"#job-mentor-{step} .job[data-state=succeeded]", timeout=240_000)
    page.wait_for_selector(f"#mentor-{step} .mentor-said[data-state=done]")


@pytest.mark.timeout(900)
def test_a_mentor_is_trained_tested_writes_and_teaches(
    server: Any, page: Any, watched: Any
) -> None:
    project = taught(server.settings, HOSTILE)
    folder = tiny_folder(server.settings.home / "tiny")
    open_mentor(page, server, project)
    assert [state(page, step) for step in STEPS] == [
        "next",
        *["later"] * 4,
    ]
    said(page, "choose", "rationales with a right answer to learn from")
    page.click("#mentor-augment-start")
    page.wait_for_selector("text=has no mentor: choose one")
    page.click("#mentor-distil-start")
    page.wait_for_selector("text=There is no mentor yet")

    fill(page, "mentor-model", folder)
    fill(page, "mentor-epochs", "1")
    page.click("#mentor-train-start")
    done(page, "train")
    assert state(page, "test") == "next"
    page.wait_for_function(
        "document.querySelector('#mentor-ref input').value === 'checkpoint:mentor'"
    )
    assert page.input_value("#mentor-name :is(input, textarea)") == "mentor-2"

    fill(page, "mentor-items", "2")
    page.click("#mentor-test-start")
    done(page, "test")
    said(page, "test", "held-out questions")
    assert "%" in page.inner_text("#mentor-test .value")

    fill(page, "mentor-k", "2")
    fill(page, "mentor-limit", "1")
    page.click("#mentor-augment-start")
    done(page, "augment")
    said(page, "augment", "of 2 answers to 1 mistake were right")

    page.click("#mentor-distil-start")
    page.wait_for_function(
        "document.querySelector('#training-mentor :is(input, textarea)')?.value"
        " === 'checkpoint:mentor'"
    )
    page.click("#tab-training .form .more > button:has-text('More settings')")
    fill(page, "training-student", folder)
    fill(page, "training-epochs", "1")
    page.click("#training-start")
    page.wait_for_selector("#mentor-distil .mentor-said[data-state=done]", timeout=240_000)
    said(page, "distil", "distilled")
    assert not watched.errors

    page.reload()
    watched.errors.clear()  # of what the reload broke off
    page.wait_for_selector("#training-checkpoints >> text=distilled")
    for step in STEPS:
        page.wait_for_selector(f"#mentor-{step} [data-state=done]", state="attached")
    assert not watched.errors
    assert not watched.foreign


def test_a_mentor_that_has_written_can_be_learned_from(
    server: Any, page: Any, watched: Any, tmp_path: Path
) -> None:
    project = taught(server.settings)
    path = written(tmp_path, f"theirs {HOSTILE[:6]}.json", [row(1), row(2, chain="Four. It is 4.")])
    import_mentor_kd(server.settings, project.name, project.task, augmentations=path)
    page.set_viewport_size({"width": 390, "height": 800})
    open_mentor(page, server, project)
    said(page, "choose", f"imported:theirs {HOSTILE[:6]}")
    said(page, "augment", "2 kept")
    said(page, "test", "it cannot be tested")
    page.click("#mentor-distil-start")
    page.wait_for_function(
        "document.querySelector('#training-teacher input').value === 'Committee and mentor'"
    )
    page.wait_for_selector("#training-preview >> text=mentor 2")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not watched.errors
    assert not watched.foreign
