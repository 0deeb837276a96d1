"""The frame around the pages: header, project picker, tabs, and the address.

One function decides what is on the screen, `Shell.view`: it is called when the app loads, when a
tab, a link or another project is chosen, and reads everything from the store.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from fair_app.access import audit
from fair_app.access.accounts import warning
from fair_app.access.roles import LOCAL, Visitor, shown_project, who_visits
from fair_app.errors import BadInput
from fair_app.keys import TypedKeys
from fair_app.settings import Settings
from fair_app.student.offline import OFFLINE_STUDENT
from fair_app.studio.projects import (
    DEMO,
    Project,
    all_projects,
    create_project,
    ensure_demo,
    open_project,
)
from fair_app.tasks.registry import task, task_names
from pages import committee, evaluation, exam, help, overview, review, training
from pages import settings as settings_page
from pages.access import enforce, given
from pages.components import account
from pages.components.notice import notice, spoken
from pages.components.page import ACTION, Page, Place
from pages.components.painted import fixed
from pages.gate import Door
from pages.languages import said_of
from pages.languages.app import HEAD, Blocks, chooser, speak
from pages.person import actor, person
from pages.visits import Visits

PAGES = (overview, exam, committee, review, training, evaluation, settings_page)
HERE = Path(__file__).parent
LONGEST_ITEM = 2000
"""Characters of a place on a page: a question, its queue and what is searched for."""

WRITE_ADDRESS = "(project, tab, item) => window.fairAddress(project, tab, item)"
LISTEN_FOR_LINKS = """
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-go]');
  if (link) trigger('go', {tab: link.dataset.go, item: link.dataset.item || ''});
});
"""


class Shell:
    """The whole app as one `gr.Blocks`, with what it needs in the document."""

    def __init__(self, settings: Settings, typed_keys: TypedKeys, door: Door) -> None:
        self._settings = settings
        self._visits = Visits()
        self._typed_keys = typed_keys
        self._warning = warning(settings, door.accounts)
        with Blocks(title="FAIR Studio", analytics_enabled=False, fill_width=True) as self.demo:
            self._lay_out()
            self._wire()
        enforce(self.demo, door.visitor, self._note)
        speak(self.demo)
        for wired in self.demo.fns.values():
            # Nothing shows progress; the browser else marks every output as waiting, each time.
            wired.show_progress_on = [self._router]
        self.demo.queue(default_concurrency_limit=8, max_size=64)
        self.demo.state_session_capacity = 300
        own = (HERE / "shell.js").read_text(encoding="utf-8")
        self.head = HEAD
        self.js = f"() => {{\n{own}\n{''.join(page.js for page in self._pages)}\n}}"
        self.css = (HERE / "style.css").read_text(encoding="utf-8") + "".join(
            page.css for page in self._pages
        )
        self.css += account.CSS + account.hidden_css(self.demo)

    def _note(self, who: Visitor, what: str, project: str) -> None:
        audit.note(self._settings, who.name or LOCAL, what, project[:LONGEST_ITEM])

    def _lay_out(self) -> None:
        with gr.Row(elem_id="header"):
            fixed('<h1 class="brand"><span aria-hidden="true"></span>FAIR Studio</h1>')
            self._account = account.account_line()
            # What is laid out here every visitor gets: the projects come with the first answer.
            self._picker = gr.Dropdown(
                [],
                value=None,
                label="Project",
                filterable=False,
                container=False,
                interactive=True,
                elem_id="project-picker",
            )
            self._new = gr.Button("New project", elem_id="new-project", size="sm")
        account.warned(self._warning)
        with gr.Column(visible=False, elem_id="new-project-panel") as self._panel:
            with gr.Row(elem_classes="fields"):
                self._name = gr.Textbox(
                    label="Name", placeholder="maths", max_lines=1, elem_id="new-project-name"
                )
                self._task = gr.Dropdown(
                    [(task(name).title, name) for name in task_names()],
                    value="arithmetic",
                    label="Task",
                    filterable=False,
                    elem_id="new-project-task",
                )
                self._student = gr.Textbox(
                    OFFLINE_STUDENT,
                    label="Student",
                    max_lines=1,
                    elem_id="new-project-student",
                )
            with gr.Row(elem_classes="actions"):
                self._create = gr.Button("Create project", variant="primary", size="sm")
                self._close = gr.Button("Close", size="sm")
        help.explain(self._panel)
        self._said = gr.HTML(visible=False, elem_id="said", apply_default_css=False)
        self._router = gr.HTML(visible="hidden", js_on_load=LISTEN_FOR_LINKS, elem_id="router")
        self._place = Place(
            project=gr.Textbox("", visible="hidden", elem_id="place-project"),
            tab=gr.Textbox("", visible="hidden", elem_id="place-tab"),
            item=gr.Textbox("", visible="hidden", elem_id="place-item"),
            typed_keys=self._typed_keys,
        )
        self._pages: list[Page] = []
        self._tabs_by_name: dict[str, gr.Tab] = {}
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as self._tabs:
            for module in PAGES:
                with gr.Tab() as tab:
                    page = module.build(self._settings, self._place)
                help.explain(tab)
                tab.id, tab.label, tab.elem_id = page.name, page.title, f"tab-{page.name}"
                self._pages.append(page)
                self._tabs_by_name[page.name] = tab
        chooser()

    def _wire(self) -> None:
        inputs = [one for page in self._pages for one in page.inputs]
        place = [self._place.project, self._place.tab, self._place.item]
        outputs = {
            self._picker,
            self._account,
            self._panel,
            self._said,
            self._tabs,
            *place,
            *(page.timer for page in self._pages if page.timer),
            *(one for page in self._pages for one in page.outputs),
        }
        look: dict[str, Any] = {**ACTION, "queue": False, "outputs": outputs}
        self.demo.load(self._arrive, inputs, **look)
        for page in self._pages:
            self._tabs_by_name[page.name].select(
                self._opener(page.name), [self._place.project, self._place.tab, *inputs], **look
            )
        # A second link counts also while the first is on its way: the later visit is shown.
        self._router.go(
            self._follow, [self._place.project, *inputs], trigger_mode="multiple", **look
        )
        self._picker.input(self._choose, [self._picker, self._place.tab, *inputs], **look)
        self._new.click(self._unfold, None, self._panel, **ACTION)
        self._close.click(self._fold, None, self._panel, **ACTION)
        self._create.click(
            spoken(self._make),
            [self._name, self._task, self._student, *inputs],
            outputs,
            **ACTION,
        )
        for box in place:
            box.change(None, place, None, js=WRITE_ADDRESS, api_visibility="private")

    def view(
        self,
        project: Project,
        tab: str,
        item: str,
        values: tuple[Any, ...],
        request: gr.Request,
    ) -> dict[Any, Any]:
        """What every component shows when this page of this project is on the screen."""
        shown: dict[Any, Any] = {
            self._place.project: project.name,
            self._place.tab: tab,
            self._place.item: item,
            self._tabs: gr.Tabs(selected=tab),
            self._picker: gr.Dropdown(
                choices=[one.name for one in all_projects(self._settings)], value=project.name
            ),
            self._said: gr.HTML(visible=False),
            self._account: account.account_value(who_visits()),
        }
        start = 0
        for page in self._pages:
            own = given(who_visits(), page.inputs, values[start : start + len(page.inputs)])
            start += len(page.inputs)
            if page.timer:
                shown[page.timer] = gr.Timer(active=page.name == tab)
            shown |= {timer: gr.Timer(active=False) for timer in page.timers}
            if page.name == tab:
                who = {"person": person(request)} if page.personal else {}
                who |= {"actor": actor(request)} if page.acting else {}
                now = page.refresh(project, item, *own, **who)
                shown |= dict(zip(page.outputs, now, strict=True))
        return shown

    def _arrive(self, request: gr.Request, *values: Any) -> dict[Any, Any]:
        """Show what the address names; what it names wrongly is said, and the nearest shown."""
        asked = request.query_params
        tab = asked.get("tab", "")
        tab = tab if tab in self._tabs_by_name else self._pages[0].name
        try:
            project = open_project(self._settings, asked.get("project") or shown_project() or DEMO)
        except BadInput as fault:
            project = self._fallback()
            if asked.get("project"):
                shown = self.view(project, self._pages[0].name, "", values, request)
                said = notice(said_of(fault), "warning")
                return shown | {self._said: gr.HTML(said, visible=True)}
        return self.view(project, tab, asked.get("id", "")[:LONGEST_ITEM], values, request)

    def _opener(self, name: str) -> Any:
        def open_tab(request: gr.Request, project: str, tab: str, *values: Any) -> Any:
            # Gradio selects a tab once before the address is read, and once more for each view.
            if tab in ("", name):
                self._visits.stay(request, name)
                return gr.skip()
            is_latest = self._visits.begin(request, name)
            shown = self.view(self._known(project), name, "", values, request)
            return shown if is_latest() else gr.skip()

        return open_tab

    def _follow(self, event: gr.EventData, request: gr.Request, project: str, *values: Any) -> Any:
        tab, item = event.tab, event.item
        is_latest = self._visits.begin(request, str(tab))
        if tab not in self._tabs_by_name:
            return gr.skip()
        shown = self.view(self._known(project), tab, str(item)[:LONGEST_ITEM], values, request)
        return shown if is_latest() else gr.skip()

    def _choose(self, request: gr.Request, name: str, tab: str, *values: Any) -> dict[Any, Any]:
        return self.view(self._known(name), tab, "", values, request)

    def _unfold(self) -> gr.Column:
        return gr.Column(visible=True)

    def _fold(self) -> gr.Column:
        return gr.Column(visible=False)

    def _make(
        self, request: gr.Request, name: str, task_name: str, student: str, *values: Any
    ) -> dict[Any, Any]:
        name = (name or "").strip()
        if any(one.name == name for one in all_projects(self._settings)):
            raise BadInput(f"There is a project '{name}' already: choose another name.")
        if not (student or "").strip():
            raise BadInput("Name a student: smollm2-135m needs no download.")
        project = create_project(self._settings, name, task_name, student.strip())
        shown = self.view(project, self._pages[0].name, "", values, request)
        return shown | {self._panel: gr.Column(visible=False)}

    def _known(self, name: str) -> Project:
        """The project of this name, or the demo when it is gone (another home, same browser)."""
        try:
            return open_project(self._settings, name)
        except BadInput:
            return self._fallback()

    def _fallback(self) -> Project:
        """What a link shows, else the demo."""
        shown = shown_project()
        return open_project(self._settings, shown) if shown else ensure_demo(self._settings)
