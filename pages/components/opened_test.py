"""The test that is open: its numbers, what of it had leaked, and its wrong answers as a file."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.errors import BadInput
from fair_app.settings import Settings
from fair_app.studio.evaluations import (
    Tested,
    find_evaluation,
    leakage,
    seeds_together,
    summary,
    without,
)
from fair_app.studio.projects import Project, open_project
from fair_app.studio.wrong_predictions import export_wrong_of
from pages.components import tested
from pages.components.carried import carried
from pages.components.markup import text
from pages.components.notice import spoken
from pages.components.page import ACTION, Place
from pages.components.painted import painted
from pages.components.saved_file import saves
from pages.languages import _

ADDRESS = re.compile(r"(\d{1,9})(\.clean)?")
LOOKING = "Looking for its questions in what was learned from…"

BRING_INTO_SIGHT = """
watch('value', () => {
  const {top} = element.getBoundingClientRect();
  if (props.value && (top < 0 || top > innerHeight)) element.scrollIntoView({block: 'center'});
});
"""


@dataclass(frozen=True)
class Opened:
    """A test by its number, with or without the questions that leaked; as text, its address."""

    id: int
    without_leaked: bool = False

    @classmethod
    def read(cls, item: str) -> "Opened | None":
        """The test of an address; None where it is none."""
        found = ADDRESS.fullmatch(item)
        return cls(int(found[1]), bool(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.id}{'.clean' * self.without_leaked}"


class OpenedTest:
    """The section, there while a test is open. `outputs` are what `values` returns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with gr.Column(visible=False, elem_id="evaluation-opened") as self._group:
            self._numbers = gr.HTML(
                "",
                js_on_load=BRING_INTO_SIGHT,
                elem_id="evaluation-numbers",
                apply_default_css=False,
            )
            self._leaked = painted("evaluation-leaked")
            self._clean = gr.Checkbox(
                False,
                label="Leave them out",
                container=False,
                visible=False,
                elem_id="evaluation-clean",
            )
            with gr.Row(elem_classes="opened-acts"):
                self._save = gr.Button(
                    "Download the wrong answers", size="sm", elem_id="evaluation-wrong"
                )
                self._compare = painted("evaluation-compare")
        # Leaks are looked for when the numbers are on the screen: it may take seconds.
        self._look_for = carried("evaluation-look-for")
        self.outputs = [
            self._group,
            self._numbers,
            self._leaked,
            self._clean,
            self._save,
            self._compare,
            self._look_for,
        ]

    def values(self, project: Project, opened: Opened | None) -> Sequence[Any]:
        """The section of a test; hidden where the project has none with this number."""
        found = summary(self._settings, project)
        one = next((one for one in found if opened and one.exam.id == opened.id), None)
        if one is None or opened is None or one.accuracy is None:
            return [gr.Column(visible=False), "", "", gr.skip(), gr.skip(), "", ""]
        try:
            numbers = self._painted(project, one, found, opened)
        except BadInput:  # more questions came since, or all of them leaked: then it is shown whole
            opened = Opened(opened.id)
            numbers = self._painted(project, one, found, opened)
        return [
            gr.Column(visible=True),
            numbers,
            f'<p class="soft">{text(_(LOOKING))}</p>',
            gr.Checkbox(value=opened.without_leaked, visible=opened.without_leaked),
            gr.Button(visible=one.correct < one.answered),
            _comparable(one, found),
            str(time.monotonic_ns()),  # another value each time, or the event would not come
        ]

    def wire(self, place: Place) -> None:
        """Look for leaks, leave them out, and save the wrong answers."""

        def look(name: str, item: str) -> tuple[Any, ...]:
            opened = Opened.read(item.partition(".")[2])
            if opened is None:
                return gr.skip(), gr.skip()
            project = open_project(self._settings, name)
            exam = find_evaluation(self._settings, project, str(opened.id))
            found = leakage(self._settings, project, exam)
            may_clean = bool(found.items) or opened.without_leaked
            return tested.leaked(found), gr.Checkbox(visible=may_clean)

        def leave_out(name: str, item: str, clean: bool) -> tuple[Any, ...]:
            opened = Opened.read(item.partition(".")[2])
            if opened is None:
                return gr.skip(), gr.skip()
            now = replace(opened, without_leaked=clean)
            project = open_project(self._settings, name)
            found = summary(self._settings, project)
            one = next(one for one in found if one.exam.id == now.id)
            return self._painted(project, one, found, now), f"tests.{now}"

        def write(folder: Path, name: str, item: str) -> Path:
            opened = Opened.read(item.partition(".")[2])
            project = open_project(self._settings, name)
            exam = find_evaluation(self._settings, project, str(opened.id if opened else ""))
            return export_wrong_of(self._settings, project, exam, folder)

        here = [place.project, place.item]
        self._look_for.change(spoken(look), here, [self._leaked, self._clean], **ACTION)
        self._clean.input(
            spoken(leave_out), [*here, self._clean], [self._numbers, place.item], **ACTION
        )
        saves(self._save, here, write)

    def _painted(
        self, project: Project, one: Tested, found: Sequence[Tested], opened: Opened
    ) -> str:
        """The numbers, without the leaks where they are left out, and what all seeds say."""
        left_out: frozenset[int] = frozenset()
        if opened.without_leaked:
            left_out = leakage(self._settings, project, one.exam).items
        shown = tested.opened_test(self._cleaned(one, left_out), len(left_out))
        done = seeds_together([other for other in found if other.whole])
        seeds = next(([each.exam.id for each in own] for own in done if one in own), [])
        if len(seeds) < 2:
            return shown
        whole = without(self._settings, seeds, left_out)
        return shown + tested.over_seeds(len(seeds), whole["accuracy"], *whole["ci95"])

    def _cleaned(self, one: Tested, left_out: frozenset[int]) -> Tested:
        if not left_out:
            return one
        rest = without(self._settings, [one.exam.id], left_out)
        low, high = rest["ci95"]
        return replace(
            one,
            answered=rest["n"],
            correct=rest["correct"],
            accuracy=rest["accuracy"],
            ci95=(low, high),
        )


def _comparable(one: Tested, found: Sequence[Tested]) -> str:
    """A way to compare a test with the oldest other one of the same questions, "" without one."""
    alike = [other for other in found if other.whole and other.items == one.items]
    others = [other for other in alike if other.exam.id != one.exam.id]
    if not one.whole or not others:
        return ""
    first = others[-1]
    pair = sorted((first.exam.id, one.exam.id))
    return tested.compare_button(*pair)
