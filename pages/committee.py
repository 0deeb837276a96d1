"""The committee: who teaches, what they are asked, what that will take, and how far they are."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.committee.base import TeacherSpec
from fair_app.committee.committee_file import as_toml, load_committee
from fair_app.committee.providers.batches import has_batches
from fair_app.errors import BadInput
from fair_app.jobs import queue
from fair_app.jobs.queue import ACTIVE, JobView
from fair_app.keys import usable
from fair_app.settings import Settings
from fair_app.studio.collecting import (
    CONCURRENCY,
    agreement,
    collect_params,
    failures,
    live,
    mentors_reviews,
)
from fair_app.studio.projects import Project, open_project, status
from fair_app.studio.quote import quote
from fair_app.studio.review import summary
from fair_app.studio.teachers import (
    TeacherCard,
    asked_specs,
    cards,
    probe,
    put_teacher,
    remove_teacher,
    set_committee,
    teachers,
)
from pages.components import prompts_panel, teacher_form
from pages.components.agreement import agreement_matrix
from pages.components.carried import carried
from pages.components.job_panel import is_active, job_panel, panel_value
from pages.components.live_panel import (
    ended,
    expected_calls,
    failure_table,
    live_panel,
    written_panel,
)
from pages.components.notice import spoken
from pages.components.page import ACTION, LIVE, Page, Place
from pages.components.painted import page_head, painted
from pages.components.quote_panel import quote_panel
from pages.components.teacher_cards import cards_value, teacher_cards
from pages.languages import _
from pages.person import person as who_asks

CSS = (Path(__file__).parent / "committee.css").read_text(encoding="utf-8")
SAVE_FILE = """
(toml, project) => {
  if (!toml) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([toml], {type: 'application/toml'}));
  link.download = `committee-${project}.toml`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
"""
SHOW_FORM = "() => window.fairShow('teacher-form')"
JS = """
window.fairShow = (id, tries = 20) => {
  const node = document.getElementById(id);
  if (node?.offsetParent) node.scrollIntoView({block: 'nearest', behavior: 'smooth'});
  else if (tries) setTimeout(window.fairShow, 100, id, tries - 1);
};
"""


def build(settings: Settings, place: Place) -> Page:
    """Lay out the committee page and wire its events."""
    page_head(
        "Committee",
        "Each teacher writes a rationale for every mistake, explains what went wrong in it, and "
        "scores the other teachers’ rationales from 1 to 5.",
    )
    shown_for = gr.State("")
    people = teacher_cards()
    with gr.Row(elem_classes="tools"):
        add = gr.Button("Add a teacher", size="sm", elem_id="committee-add")
        upload = gr.UploadButton(
            "Load a file", size="sm", file_types=[".toml"], elem_id="committee-upload"
        )
        download = gr.Button("Save as a file", size="sm", elem_id="committee-download")
    file_text = carried()
    form = teacher_form.teacher_form()
    prompts = prompts_panel.prompts_panel()
    quoted = painted("committee-quote")
    with gr.Row(elem_classes="ask", visible=False) as ask:
        cap = gr.Number(
            None,
            label="Cap in USD",
            minimum=0,
            elem_id="committee-cap",
        )
        in_flight = gr.Number(
            CONCURRENCY,
            label="Calls in flight",
            precision=0,
            minimum=1,
            elem_id="committee-concurrency",
        )
        batch = gr.Checkbox(
            label="In batches",
            elem_id="committee-batch",
        )
        mentor = gr.Checkbox(
            label="Review the mentor’s rationales",
            visible=False,
            elem_id="committee-review-mentor",
        )
        start = gr.Button(
            "Ask the committee", variant="primary", elem_id="committee-start", elem_classes="fit"
        )
    panel = job_panel(settings, "collect", place)
    work = painted("committee-work")
    failed = painted("committee-failures")
    retry = gr.Button(
        "Retry these", visible=False, size="sm", elem_id="committee-retry", elem_classes="fit"
    )
    matrix = painted("committee-agreement")
    expected = gr.State({})
    stamp = gr.State("")
    timer = gr.Timer(1.0, active=False)
    board_outputs = [
        *(people, quoted, ask, cap, in_flight, batch, mentor, start, panel),
        *(work, failed, retry, matrix, expected, stamp),
    ]

    def usable_by(person: str) -> dict[str, Any]:
        return usable(place.typed_keys.of(person))

    def people_value(project: Project, person: str) -> dict[str, Any]:
        typed = frozenset(place.typed_keys.of(person))
        found = cards(settings, project, usable_by(person))
        return cards_value(found, typed, summary(settings, project).per_teacher)

    def board(project: Project, person: str, *, fill: bool = False) -> list[Any]:
        """Everything but the forms, read anew; `fill`: how was asked last too, else left alone."""
        members = cards(settings, project, usable_by(person))
        recorded = bool(members) and all(one.spec is None for one in members)
        view = queue.latest(settings, project, "collect")
        busy = view is not None and view.job.state in ACTIVE
        asked_now = view.job.params if view is not None and busy else {}
        before = view.job.params if view is not None and fill else {}
        filled = {
            name: {"value": before[name]} for name in ("concurrency", "batch") if name in before
        }
        found = None
        if project.exam_id:
            reviewing = bool(asked_now.get("review_mentor"))
            found = quote(settings, project, review_mentor=reviewing)
        theirs = mentors_reviews(settings, project)
        can_ask = found is not None and found.calls + theirs > 0 and not busy
        reasons = failures(settings, project)
        planned = expected_calls(found, live(settings, project)) if found and busy else {}
        return [
            people_value(project, person),
            "" if busy else quote_panel(found, recorded),
            gr.Row(visible=can_ask),
            gr.Number(visible=_costs(members), **({"value": project.budget_usd} if fill else {})),
            gr.Number(visible=_costs(members), **filled.get("concurrency", {})),
            gr.Checkbox(visible=True, **filled.get("batch", {}))
            if _has_batches(members)
            else gr.Checkbox(False, visible=False),
            gr.Checkbox(False, visible=theirs > 0),
            _("Ask for what is missing") if found and found.done else _("Ask the committee"),
            panel_value(settings, project, "collect"),
            working(project, view, planned),
            failure_table(reasons),
            gr.Button(visible=bool(reasons) and can_ask),
            agreement_matrix(agreement(settings, project), [one.name for one in members]),
            planned,
            _stamp(view),
        ]

    def working(project: Project, view: JobView | None, planned: dict[str, int]) -> str:
        """The newest job in figures while it is under way, and what came of it afterwards."""
        found = live(settings, project)
        if view is None or found is None:
            return written_panel(status(settings, project), None)
        if view.job.state in ACTIVE:
            return live_panel(found, planned)
        return ended(view.job.result or {}, found) + written_panel(status(settings, project), found)

    def refresh(
        project: Project, item: str, shown: str, role: str, *, person: str
    ) -> Sequence[Any]:
        same = shown == project.name
        return [
            *([gr.skip()] * len(form.outputs) if same else teacher_form.closed()),
            *prompts_panel.values(settings, project, role, keep=same),
            project.name,
            *board(project, person, fill=not same),
        ]

    def tick(name: str, seen: str, planned: dict[str, int], request: gr.Request) -> Sequence[Any]:
        project = open_project(settings, name)
        view = queue.latest(settings, project, "collect")
        if _stamp(view) != seen:
            return board(project, who_asks(request))
        now = [gr.skip()] * len(board_outputs)
        if view is not None and view.job.state in ACTIVE:
            now[board_outputs.index(panel)] = panel_value(settings, project, "collect")
            now[board_outputs.index(work)] = working(project, view, planned)
        return now

    def act(name: str, event: gr.EventData, request: gr.Request) -> Sequence[Any]:
        """What a person pressed on a card."""
        project, person = open_project(settings, name), who_asks(request)
        card = _of_name(cards(settings, project, usable_by(person)), str(event.teacher))
        same_form, same_board = [gr.skip()] * len(form.outputs), [gr.skip()] * len(board_outputs)
        match event.action:
            case "edit" if card.spec:
                return [*teacher_form.changing(card.spec), *same_board]
            case "remove":
                _idle(settings, project)
                remove_teacher(settings, project, card.name)
                return [*teacher_form.closed(), *board(project, person)]
            case "test" if card.spec:
                asyncio.run(probe(settings, card.spec, usable_by(person)))
            case "type" | "forget" if card.key_variable:
                key = str(event.key) if event.action == "type" else ""
                place.typed_keys.set(person, card.key_variable, key)
        return [*same_form, people_value(project, person), *same_board[1:]]

    def save(
        request: gr.Request, name: str, preset: str, replaces: str, *values: Any
    ) -> Sequence[Any]:
        project = open_project(settings, name)
        _idle(settings, project)
        if not replaces and preset in teacher_form.WHOLE:
            set_committee(settings, project, teacher_form.WHOLE[preset][1]())
        else:
            put_teacher(settings, project, teacher_form.given(values), replaces or None)
        return [*teacher_form.closed(), *board(project, who_asks(request))]

    def take_file(request: gr.Request, name: str, uploaded: str) -> Sequence[Any]:
        project = open_project(settings, name)
        _idle(settings, project)
        set_committee(settings, project, _read_once(Path(uploaded)))
        return [*teacher_form.closed(), *board(project, who_asks(request))]

    def quote_again(name: str, review_mentor: bool) -> str:
        project = open_project(settings, name)
        return quote_panel(quote(settings, project, review_mentor=bool(review_mentor)), False)

    def begin(
        request: gr.Request,
        name: str,
        cap: float | None,
        in_flight: float | None,
        batch: bool,
        review_mentor: bool,
    ) -> Sequence[Any]:
        project, person = open_project(settings, name), who_asks(request)
        params = collect_params(
            settings,
            project,
            concurrency=int(in_flight) if in_flight is not None else CONCURRENCY,
            budget_usd=cap,
            keys=usable_by(person),
            batch=bool(batch),
            review_mentor=bool(review_mentor),
        )
        queue.submit(settings, "collect", params, project, owner=person)
        return board(open_project(settings, name), person)

    def begin_with(name: str, *preset: str) -> Sequence[Any]:
        project = open_project(settings, name)
        return teacher_form.opened([one.name for one in teachers(settings, project)], *preset)

    both = [*form.outputs, *board_outputs]
    timer.tick(tick, [place.project, stamp, expected], board_outputs, **LIVE)
    people.act(spoken(act), place.project, both, trigger_mode="multiple", **ACTION)
    add.click(spoken(begin_with), place.project, form.outputs, **ACTION).then(
        None, None, None, js=SHOW_FORM, api_visibility="private"
    )
    form.preset.input(spoken(begin_with), [place.project, form.preset], form.outputs, **ACTION)
    form.provider.input(
        teacher_form.about_provider, [form.provider, form.base_url], form.about, **ACTION
    )
    form.close.click(teacher_form.closed, None, form.outputs, **ACTION)
    form.save.click(
        spoken(save), [place.project, form.preset, form.replaces, *form.fields], both, **ACTION
    )
    upload.upload(spoken(take_file), [place.project, upload], both, **ACTION)
    download.click(
        lambda name: as_toml(asked_specs(settings, open_project(settings, name))),
        place.project,
        file_text,
        **ACTION,
    ).then(None, [file_text, place.project], None, js=SAVE_FILE, api_visibility="private")
    asked = [place.project, cap, in_flight, batch, mentor]
    mentor.input(spoken(quote_again), [place.project, mentor], quoted, **ACTION)
    start.click(spoken(begin), asked, board_outputs, **ACTION)
    retry.click(spoken(begin), asked, board_outputs, **ACTION)
    prompts_panel.wire(
        settings,
        place,
        prompts,
        lambda project, request: board(project, who_asks(request)),
        board_outputs,
    )
    return Page(
        "committee",
        "Committee",
        refresh,
        outputs=[*form.outputs, *prompts.outputs, shown_for, *board_outputs],
        inputs=[shown_for, prompts.role],
        timer=timer,
        personal=True,
        css=CSS,
        js=JS,
    )


def _costs(members: Sequence[TeacherCard]) -> bool:
    """Whether asking may cost something: then a cap and the calls in flight matter."""
    return any(
        one.price is None or one.price.input_usd_per_million or one.price.output_usd_per_million
        for one in members
        if one.spec
    )


def _has_batches(members: Sequence[TeacherCard]) -> bool:
    """Whether a teacher can be asked in batches."""
    return any(one.spec is not None and has_batches(one.spec) for one in members)


def _of_name(found: Sequence[TeacherCard], name: str) -> TeacherCard:
    card = next((one for one in found if one.name == name), None)
    if card is None:
        raise BadInput(f"There is no teacher '{name}' any more: reload the page.")
    return card


def _idle(settings: Settings, project: Project) -> None:
    """Raise BadInput while the committee is at work: its job goes on with the old one."""
    if is_active(settings, project, "collect"):
        raise BadInput("The committee is at work: cancel its job, or wait, before you change it.")


def _read_once(file: Path) -> list[TeacherSpec]:
    """The teachers of an uploaded file, which is deleted: somebody may have left a key in it."""
    try:
        return load_committee(file)
    except BadInput as fault:
        raise BadInput(str(fault).replace(str(file), file.name)) from None
    finally:
        file.unlink(missing_ok=True)


def _stamp(view: JobView | None) -> str:
    """What tells one state of the newest job from the next."""
    return f"{view.job.id} {view.job.state}" if view else ""
