"""Settings: for its owner what the server has and does, and who may do what; for all, the keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.access.roles import Role, who_visits
from fair_app.settings import Settings
from fair_app.studio.projects import Project
from pages.components.page import LIVE, Page, Place
from pages.components.painted import page_head, painted
from pages.components.people import People
from pages.components.sharing import Sharing
from pages.components.waiting import waiting_list, waiting_value
from pages.settings.about import about
from pages.settings.audit import Audit
from pages.settings.backups import Backups
from pages.settings.deleting import Deleting
from pages.settings.exporting import Exporting
from pages.settings.machine import machine
from pages.settings.running import running_list, running_value

CSS = (Path(__file__).parent / "settings.css").read_text(encoding="utf-8")


def build(settings: Settings, place: Place) -> Page:
    """Lay out the page: what is an owner's alone, and what everybody may read."""
    page_head("Settings", "What this server has and does, who may do what, and the keys.")
    with gr.Column(visible=False, elem_id="administration") as owners:
        held = painted("machine")
        with gr.Column(elem_classes="section"):
            running = running_list(settings)
            waiting = waiting_list(settings, "settings-waiting", place)
        backups = Backups(settings, place)
        sharing, people = Sharing(settings, place), People(settings)
        audit = Audit(settings)
        exporting = Exporting(settings, place)
        deleting = Deleting(settings, place)
    whole = painted("settings")
    timer = gr.Timer(2.0, active=False)
    moving = [running, waiting, *backups.outputs, *exporting.outputs]
    still = [held, *sharing.outputs, *people.outputs, *audit.outputs, *deleting.outputs]

    def moves() -> list[Any]:
        jobs = [running_value(settings), waiting_value(settings)]
        return [*jobs, *backups.values(), *exporting.values()]

    def refresh(project: Project, item: str) -> Sequence[Any]:
        if who_visits().role is not Role.OWNER:
            hidden = [gr.skip() for _ in (*moving, *still)]
            return [gr.Column(visible=False), *hidden, about(settings, with_places=False)]
        known = [
            machine(settings),
            *sharing.values(project),
            *people.values(),
            *audit.values(),
            *deleting.values(project),
        ]
        return [gr.Column(visible=True), *moves(), *known, about(settings, with_places=True)]

    def tick() -> Sequence[Any]:
        if who_visits().role is not Role.OWNER:
            return [gr.skip() for _ in moving]
        return moves()

    timer.tick(tick, None, moving, **LIVE)
    return Page(
        "settings", "Settings", refresh, [owners, *moving, *still, whole], timer=timer, css=CSS
    )
