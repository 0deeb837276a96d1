"""Who may call what: every handler of the pages, and every address of the server, at a glance.

The roles are those of `fair_app.access.roles`: nobody < viewer < curator < owner.

A handler is called `module.function`: the module below `pages`, and the function without the
`build` that it stands in (`exam.begin`, `components.job_panel.job_panel.cancel`). **A new handler
needs one line here**; without it the app does not start, and says which name is missing. Viewers
may only be given what reads the store and opens its project by `place.project`: no path, no address
and no model of their choice, and no row by its number alone. A function without a name of its own
(`<lambda>`) is called so; two different ones in one place cannot be told apart, and may both be
there only where both are an owner's.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from starlette.datastructures import Headers

from fair_app.access import shares
from fair_app.access.roles import Role, Visitor, visiting
from fair_app.errors import BadInput
from pages.components.markup import text
from pages.components.review_acts import LOOKING
from pages.languages import _

SIGN_IN, SIGN_OUT, SIGNED_IN, SHARED = "/sign-in", "/sign-out", "/signed-in", shares.PATH

VIEWERS = {
    "shell.Shell._arrive",
    "shell.Shell._choose",
    "shell.Shell._follow",
    "shell.Shell._opener.open_tab",
    "overview.tick",
    "exam.tick",
    "exam.look",
    "exam.search_for",
    "exam.show_samples",
    "committee.tick",
    "components.prompts_panel.wire.choose",
    "review.reload",
    "review.rely",
    "review.suggest",
    "training.tick",
    "components.run_comparison.RunComparison.wire.choose",
    "evaluation.tests.tick",
    "components.opened_test.OpenedTest.wire.look",
    "components.opened_test.OpenedTest.wire.leave_out",
    "evaluation.compare.tick",
    "evaluation.compare.choose",
    "evaluation.compare.look_at",
    "evaluation.compare.look",
    "evaluation.matrix.tick",
    "evaluation.ablations.tick",
    "evaluation.rounds.tick",
    "evaluation.try_it.tick",
    "evaluation.try_it.turn",
    "settings.tick",
}
"""What only looks."""

CURATORS = {
    "exam.overrule",
    "exam.undo",
    "review.commit",
}
"""What decides and comments. The review room's own decisions are in BY_ACTION."""

FORMS = {
    "components.exam_fields.answering_fields.<lambda>",
    "components.exam_fields.server_fields.<lambda>",
    "components.exam_student.wire_check.<lambda>",
    "components.exam_task.choose",
    "components.exam_task.columns_found",
    "components.exam_task.question_fields.<lambda>",
    "components.rows_file.rows_file.keep",
    "components.teacher_form.about_provider",
    "components.teacher_form.closed",
    "components.training_fields.TrainingFields.filled",
    "components.training_fields.TrainingFields.wire.<lambda>",
    "components.training_preview.ExamplesFold.wire.<lambda>",
    "components.training_preview.ExamplesFold.wire.show",
    "components.training_preview._key",
    "components.second_stage.SecondStage.wire.unfold",
    "components.mentor_section._epochs_of",
    "components.mentor_section.MentorSection.wire.unfold",
    "components.mentor_section.MentorSection.wire.distil",
    "components.publishing.Publishing.wire.close",
    "components.prompts_panel.wire.look",
    "evaluation.ablations.reckon",
    "evaluation.rounds.reckon",
    "evaluation.tests.choose_task",
    "evaluation.try_it.take_one",
    "exam.show_first",
    "settings.audit.Audit.__init__.search",
    "settings.audit.Audit.__init__.turn",
    "training.<lambda>",
}
"""What an owner's forms do: they look at files, models and servers of one's choice."""

OWNERS = {
    # Projects
    "shell.Shell._unfold",
    "shell.Shell._fold",
    "shell.Shell._make",
    # Teachers, their prompts and keys
    "committee.act",
    "committee.begin_with",
    "committee.quote_again",
    "committee.save",
    "committee.take_file",
    "components.prompts_panel.wire.back",
    "components.prompts_panel.wire.keep",
    # Jobs
    "exam.begin",
    "committee.begin",
    "training.begin",
    "evaluation.tests.begin",
    "evaluation.ablations.begin",
    "evaluation.rounds.begin",
    "evaluation.rounds.teach",
    "evaluation.try_it.begin",
    "evaluation.try_it.act",
    "components.second_stage.SecondStage.wire.begin",
    "components.mentor_section.MentorSection.wire.train",
    "components.mentor_section.MentorSection.wire.test",
    "components.mentor_section.MentorSection.wire.augment",
    "components.checkpoints.checkpoint_list.merge",
    "components.checkpoints.checkpoint_list.resume",
    "components.publishing.Publishing.wire.begin",
    "components.publishing.Publishing.wire.forget",
    "components.job_panel.job_panel.cancel",
    "components.job_panel.job_panel.forsake",
    "components.job_panel.job_panel.resume",
    "components.waiting.waiting_list.order",
    # The server's jobs, its backups and its projects
    "settings.running.running_list.cancel",
    "settings.backups.Backups.__init__.make",
    "settings.deleting.Deleting.__init__.delete_it",
    "settings.exporting.Exporting.__init__.begin",
    # Links to look, and roles
    "components.people.People.__init__.give",
    "components.sharing.Sharing.__init__.share",
    "components.sharing.Sharing.__init__.revoke",
    # Files to take away
    "committee.<lambda>",
    "components.checkpoints.checkpoint_list.export",
    "components.saved_file.saves.written",
    "components.saved_file.saves.<lambda>",
}
"""What starts jobs, spends money, changes what is asked, exports, deletes, or gives roles."""

NOTED_BY_THEMSELVES = {
    "components.people.People.__init__.give",
    "components.sharing.Sharing.__init__.share",
    "components.sharing.Sharing.__init__.revoke",
    "settings.deleting.Deleting.__init__.delete_it",
}
"""Of these what an owner did writes its own line into the audit: with what came of it, and only if
it came to pass."""

BY_ACTION: dict[str, tuple[str, frozenset[str], Role]] = {
    "review.ask": ("action", frozenset(LOOKING), Role.CURATOR),
}
"""Handlers that do several things: the word of the event that says which, what a viewer may do,
and what all else needs."""

ADDRESSES: tuple[tuple[str, Role | None], ...] = (
    # What a browser needs before anybody signs in.
    ("/healthz", Role.NOBODY),
    (SIGN_IN, Role.NOBODY),
    (SIGN_OUT, Role.NOBODY),
    (SIGNED_IN, Role.NOBODY),
    (f"{SHARED}*", Role.NOBODY),
    ("/oauth/huggingface/login", Role.NOBODY),
    ("/oauth/huggingface/callback", Role.NOBODY),
    ("/assets/*", Role.NOBODY),
    ("/static/*", Role.NOBODY),
    ("/svelte/*", Role.NOBODY),
    ("/theme.css", Role.NOBODY),
    ("/gradio_api/theme.css", Role.NOBODY),
    ("/favicon.ico", Role.NOBODY),
    ("/robots.txt", Role.NOBODY),
    # The pages. What a handler needs is said above.
    ("/", Role.VIEWER),
    ("/config", Role.VIEWER),
    ("/manifest.json", Role.VIEWER),
    ("/pwa_icon*", Role.VIEWER),
    ("/gradio_api/queue/*", Role.VIEWER),
    ("/gradio_api/run/*", Role.VIEWER),
    ("/gradio_api/info", Role.VIEWER),
    ("/gradio_api/cancel", Role.VIEWER),
    ("/gradio_api/reset", Role.VIEWER),
    ("/gradio_api/heartbeat/*", Role.VIEWER),
    ("/gradio_api/startup-events", Role.VIEWER),
    ("/gradio_api/app_id", Role.VIEWER),
    ("/gradio_api/user", Role.VIEWER),
    ("/gradio_api/login_check", Role.VIEWER),
    # No page shows a file, so none is served: Gradio would also fetch any address for who asks.
    ("/gradio_api/upload", Role.OWNER),
    ("/gradio_api/upload_progress", Role.OWNER),
    ("/downloads/*/report.html", Role.VIEWER),
    ("/downloads/*/report.md", Role.VIEWER),
    ("/downloads/*", Role.OWNER),
    # Gradio's own sign-in, its tools for developers, and what its pages do without: closed to all
    # (`/gradio_api/call/NAME/HASH` reads the answers to another's page).
    ("/login*", None),
    ("/logout", None),
    ("/oauth/*", None),
    ("/monitoring*", None),
    ("/gradio_api/*", None),
)
"""The first that fits counts: `*` is anything. None is closed to all, and so is all else."""


def role_for(path: str) -> Role | None:
    """What an address needs; None where it is closed to all, as one of more than 500 characters."""
    asked = path.rstrip("/") or "/"
    found = (role for pattern, role in ADDRESSES if fits(pattern, asked))
    return next(found, None) if len(asked) <= 500 else None


def fits(pattern: str, path: str) -> bool:
    """Whether a path is one of a pattern's, in which `*` is anything."""
    head, *rest = pattern.split("*")
    if not rest:
        return path == pattern
    if not path.startswith(head):
        return False
    tail = rest[-1]
    return len(path) >= len(head) + len(tail) and path.endswith(tail)


STREAMS = ("/gradio_api/heartbeat/*", "/gradio_api/queue/data")
"""Addresses that are open as long as a page is: they take nobody's turn."""


def is_stream(path: str) -> bool:
    """Whether an address is open as long as a page is."""
    return any(fits(stream, path.rstrip("/")) for stream in STREAMS)


def takes_a_turn(path: str) -> bool:
    """Whether an address is work for the server: not what a page is made of, nor a stream."""
    return bool(role_for(path)) and not is_stream(path)


def refusal(who: Visitor, needed: Role) -> str:
    """Why somebody may not do something, and what to do."""
    if who.role is Role.NOBODY:
        return _("You are not signed in: reload the page and sign in.")
    if who.project is not None:
        return _(
            "This link is for looking at {project}: nothing can be changed through it.",
            project=who.project,
        )
    if needed is Role.CURATOR:
        return _(
            "Only a curator or an owner may do this, and you are a {role}: ask an owner for the "
            "role.",
            role=who.role.word,
        )
    return _(
        "Only an owner may do this, and you are a {role}: ask an owner for the role.",
        role=who.role.word,
    )


def handler_name(handler: Callable[..., Any]) -> str:
    """What a handler is called in this table."""
    inner = handler.func if isinstance(handler, functools.partial) else handler
    where = inner.__qualname__.replace(".<locals>", "").removeprefix("build.")
    return f"{inner.__module__.removeprefix('pages.')}.{where}"


def needed_by(name: str, data: Any) -> Role | None:
    """What a handler needs for an event with this data; None for a handler without a line."""
    if name in BY_ACTION:
        word, looks, above = BY_ACTION[name]
        asked = data.get(word) if isinstance(data, dict) else None
        return Role.VIEWER if isinstance(asked, str) and asked in looks else above
    if name in VIEWERS:
        return Role.VIEWER
    if name in CURATORS:
        return Role.CURATOR
    return Role.OWNER if name in OWNERS | FORMS else None


def given(who: Visitor, inputs: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """What a page's `refresh` gets from its fields: what is typed there only from an owner.

    It may be a path or a model, or a number of which the work grows.
    """
    if who.role is Role.OWNER:
        return list(values)
    return [
        field.value if _is_typed(field) and field.elem_id not in WORDS else value
        for field, value in zip(inputs, values, strict=True)
    ]


def _is_typed(field: Any) -> bool:
    if isinstance(field, gr.Dropdown):
        return bool(field.allow_custom_value)
    return isinstance(field, gr.Textbox | gr.Number)


def enforce(
    demo: gr.Blocks,
    visitor_of: Callable[[Headers, str], Visitor],
    note: Callable[[Visitor, str, str], None],
) -> None:
    """Put what this table says before every handler of the pages.

    `visitor_of` tells who asks from a request's headers and scheme; `note` writes down what an
    owner asked for. Raises LookupError, naming each handler that has no line, or no name.
    """
    codes: dict[str, Any] = {}
    faults: set[str] = set()
    for wired in demo.fns.values():
        if wired.fn is None:
            continue  # runs in the browser alone
        name = handler_name(wired.fn)
        code = getattr(inspect.unwrap(wired.fn), "__code__", None)
        needed = needed_by(name, None)
        if needed is None:
            faults.add(f"{name} has no line")
        elif needed < Role.OWNER and codes.setdefault(name, code) is not code:
            faults.add(f"{name} is two functions: give them names")
        project = next((at for at, one in enumerate(wired.inputs) if one.elem_id == PROJECT), None)
        pressed = not any(event in BY_ITSELF for _, event in wired.targets)
        wired.fn = _guarded(wired.fn, name, project, pressed, visitor_of, note)
    if faults:
        raise LookupError("pages/access.py: " + "; ".join(sorted(faults)))


def _guarded(
    handler: Callable[..., Any],
    name: str,
    project: int | None,
    pressed: bool,
    visitor_of: Callable[[Headers, str], Visitor],
    note: Callable[[Visitor, str, str], None],
) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(handler) or inspect.isgeneratorfunction(handler):
        raise LookupError(f"{name}: a handler is a plain function, whose end is its answer.")

    @functools.wraps(handler)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        request = LocalContext.request.get(None)
        inner = request.request if request else None
        if inner is None:
            raise gr.Error(NO_REQUEST, print_exception=False)
        who = visitor_of(inner.headers, inner.scope["scheme"])
        events = [one for one in args if isinstance(one, gr.EventData)]
        needed = needed_by(name, events[0]._data if events else None)
        if needed is None or who.role < needed:
            words = refusal(who, needed or Role.OWNER)
            raise gr.Error(words, title=_("Not allowed"), visible=pressed, print_exception=False)
        if name in OWNERS - NOTED_BY_THEMSELVES and pressed:
            values = [one for one in args if not isinstance(one, gr.EventData | gr.Request)]
            note(who, name, str(values[project]) if project is not None else "")
        with visiting(who):
            try:
                return handler(*args, **kwargs)
            except BadInput as fault:
                if pressed:
                    raise
                # A page whose project somebody deleted goes on asking for it.
                raise gr.Error(text(fault), visible=False, print_exception=False) from None

    return guarded


BY_ITSELF = {"change", "load", "tick", "then"}
"""Events that also come without a person's doing: their refusal is not shown."""
NO_REQUEST = "Nobody asked for this."
WORDS = {"exam-search"}
"""Text boxes that anybody may fill whose page is opened again."""
PROJECT = "place-project"
"""The id of the component that says which project is open."""


def buttons_for(demo: gr.Blocks, above: Role) -> list[str]:
    """The ids of the buttons that need more than a role: they are not shown to who has it."""
    found = set()
    for wired in demo.fns.values():
        if wired.fn is None:
            continue
        needed = needed_by(handler_name(wired.fn), None)
        for component, __ in wired.targets:
            block = demo.blocks.get(component) if component is not None else None
            if not isinstance(block, gr.Button | gr.UploadButton | gr.DownloadButton):
                continue
            if block.elem_id and needed is not None and needed > above:
                found.add(block.elem_id)
    return sorted(found)
