"""The committee page in a real Chromium: teachers, keys, prompts, quote, a run, its failures."""

import tomllib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from db import exams
from db.store import connect
from fair_app.committee.base import TeacherSpec
from fair_app.committee.committee_file import default_committee
from fair_app.studio.projects import Project
from fair_app.studio.teachers import asked_specs, set_committee
from tests.browser.conftest import new_page
from tests.browser.filling import fill
from tests.browser.screens import screens, too_wide
from tests.building import project_with_mistakes
from tests.wire import faults
from tests.wire.formats import Call, Raw, as_json
from tests.wire.server import Server as Wire

pytestmark = pytest.mark.browser

KEY = "typed-by-a-person-0123456789"
HOSTILE = (
    "${window.hacked=1} {{value}} `\\frac{1}{2}` <img src=x onerror='window.hacked=1'> "
    "[x](javascript:alert(1))"
)
NUMBERS = count(1)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as running:
        yield running


@pytest.fixture
def made(server: Any) -> Callable[..., Project]:
    """Makes projects with mistakes that nobody has taught yet, with the given teachers."""

    def make(*specs: TeacherSpec, mistakes: int = 2) -> Project:
        project = project_with_mistakes(server.settings, mistakes, f"taught {next(NUMBERS)}")
        if specs:
            set_committee(server.settings, project, list(specs))
        return project

    return make


def asked_over(wire: Wire, name: str = "wired", **fields: Any) -> TeacherSpec:
    """A teacher at the loopback server, free unless the fields give a price."""
    usual = {
        "model": f"model-of-{name}",
        "base_url": wire.base_url("openai"),
        "usd_per_million_input": 0.0,
        "usd_per_million_output": 0.0,
        "timeout_s": 10.0,
    }
    return TeacherSpec.model_validate({"name": name, "provider": "openai"} | usual | fields)


def open_committee(page: Any, server: Any, project: Project) -> None:
    page.goto(f"{server.url}/?project={project.name}&tab=committee")
    page.wait_for_selector("#committee-cards li")
    page.wait_for_selector("#committee-quote :is(.stats, .notice)")


def card(page: Any, name: str) -> Any:
    return page.locator("#committee-cards li").filter(has=page.locator(f"h3:text-is('{name}')"))


def choose(page: Any, field: str, option: str) -> None:
    page.click(f"#{field} input")
    page.click(f"#{field} [role=option]:has-text('{option}')")


def said(page: Any, words: str) -> str:
    """What the newest toast with these words says."""
    toast = page.locator(".toast-body").filter(has_text=words).last
    toast.wait_for()
    return toast.inner_text()


def upload(page: Any, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("#committee-upload")
    chooser.value.set_files(file)


def ended(page: Any, state: str = "succeeded") -> None:
    page.wait_for_selector(f"#job-collect .job[data-state={state}]", timeout=60_000)


def test_a_teacher_is_added_changed_and_removed(page, server, made, watched):
    project = made()
    open_committee(page, server, project)
    assert page.locator("#committee-cards .tag:has-text('simulated')").count() == 3

    page.click("#committee-add")
    page.wait_for_selector("#teacher-about:has-text('OpenAI forbids')")
    choose(page, "teacher-preset", "vLLM")
    page.wait_for_selector("#teacher-about:has-text('licence of its model')")
    page.wait_for_function("document.querySelector('#teacher-name input').value === 'vllm'")
    fill(page, "teacher-name", "offline-terse")
    page.click("#teacher-save")
    said(page, "is named 'offline-terse' already")
    fill(page, "teacher-name", "mine")
    fill(page, "teacher-base_url", "localhost:8000")
    page.click("#teacher-save")
    said(page, "base_url must be a URL")
    fill(page, "teacher-base_url", "http://127.0.0.1:9/v1")
    fill(page, "teacher-model", HOSTILE)
    page.click("#teacher-save")
    card(page, "mine").wait_for()
    assert card(page, "mine").locator(".served").inner_text() == f"openai · {HOSTILE}"
    assert "Asked without a key" in card(page, "mine").inner_text()
    assert not page.is_visible("#teacher-form")

    card(page, "mine").locator("text=Edit").click()
    page.wait_for_selector("#teacher-heading:has-text('Change mine')")
    fill(page, "teacher-max_tokens", 77)
    page.click("#teacher-form .more > button")
    fill(page, "teacher-requests_per_minute", 30)
    page.click("#teacher-save")
    card(page, "mine").locator("text=77 tokens · 30 calls a minute").wait_for()
    page.wait_for_selector("#committee-quote :text('by the teachers’ limits')")
    page.reload()
    card(page, "mine").locator("text=77 tokens").wait_for()

    for name in ("offline-terse", "offline-methodical", "offline-storyteller"):
        card(page, name).locator("text=Remove").click()
        card(page, name).wait_for(state="detached")
    page.wait_for_selector("#committee-quote :text('One teacher alone has no peers')")
    card(page, "mine").locator("text=Remove").click()
    said(page, "A committee needs a teacher")
    assert [one.name for one in asked_specs(server.settings, project)] == ["mine"]
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []
    assert watched.foreign == []


def test_a_whole_committee_takes_the_place_of_another(page, server, made):
    open_committee(page, server, made())
    page.click("#committee-add")
    choose(page, "teacher-preset", "Whole committee: The paper’s committee")
    page.wait_for_selector("#teacher-about:has-text('retired')")
    assert not page.is_visible("#teacher-name")
    page.click("text=Use this committee")
    card(page, "gpt").locator("text=gpt-3.5-turbo").wait_for()
    assert page.locator("#committee-cards li").count() == 3
    # The providers themselves are asked, which have batches; the offline teachers have none.
    page.wait_for_selector("#committee-batch >> visible=true")
    page.click("#committee-add")
    choose(page, "teacher-preset", "Whole committee: The three offline teachers")
    page.click("text=Use this committee")
    card(page, "offline-terse").wait_for()
    page.wait_for_selector("#committee-batch", state="hidden")


def test_a_typed_key_serves_only_who_typed_it(page, chromium, server, made, wire, watched):
    spec = asked_over(wire, api_key_env="WIRE_KEY")
    project = made(spec, *default_committee()[:2])
    bodies: list[str] = []
    page.on("response", lambda answer: bodies.append(answer.url))
    open_committee(page, server, project)
    card(page, "wired").locator("text=No key: set WIRE_KEY, or type it here").wait_for()
    page.click("#committee-start")
    said(page, "wired needs a key: set the environment variable WIRE_KEY")

    card(page, "wired").locator("input[type=password]").fill(KEY)
    card(page, "wired").locator("text=Keep").click()
    card(page, "wired").locator("text=typed, held in memory for you").wait_for()
    assert card(page, "wired").locator("input").input_value() == ""
    card(page, "wired").locator("text=Test connection").click()
    card(page, "wired").locator(".probe[data-state=good]:has-text('answers')").wait_for()
    assert wire.calls[-1].key == KEY
    page.reload()
    card(page, "wired").locator("text=typed, held in memory for you").wait_for()

    stranger = new_page(chromium)
    open_committee(stranger, server, project)
    card(stranger, "wired").locator("text=No key").wait_for()
    asked = len(wire.calls)
    card(stranger, "wired").locator("text=Test connection").click()
    card(stranger, "wired").locator(".probe[data-state=bad]:has-text('needs a key')").wait_for()
    stranger.click("#committee-start")
    said(stranger, "needs a key")
    assert len(wire.calls) == asked
    stranger.close()

    page.click("#committee-start")
    page.wait_for_selector("#committee-quote .notice.success", timeout=60_000)
    assert {call.key for call in wire.calls} == {KEY}
    card(page, "wired").locator("text=Forget it").click()
    card(page, "wired").locator("text=No key").wait_for()

    shown = [page.content(), *(page.request.get(f"{server.url}/{at}").text() for at in CONFIGS)]
    assert not [one for one in shown if KEY in one]
    assert not [url for url in bodies if KEY in url]
    home = server.settings.home
    kept = [file for file in home.rglob("*") if file.is_file() and not file.is_symlink()]
    assert server.settings.database in kept
    assert not [file for file in kept if KEY.encode() in file.read_bytes()]
    assert watched.errors == []


CONFIGS = ("config", "gradio_api/info", "?tab=committee")


def test_what_comes_back_from_the_server_never_has_the_key(page, server, made, wire):
    """Every message of the events' stream is looked at, as the browser gets it."""
    page.add_init_script(
        """
        window.streamed = '';
        const plain = window.fetch;
        window.fetch = async (...all) => {
          const answer = await plain(...all);
          if (!answer.body) return answer;
          const [theirs, ours] = answer.body.tee();
          const reader = ours.pipeThrough(new TextDecoderStream()).getReader();
          const read = ({done, value}) => {
            if (done) return;
            window.streamed += value;
            reader.read().then(read, () => {});
          };
          reader.read().then(read, () => {});
          const {status, statusText, headers} = answer;
          return new Response(theirs, {status, statusText, headers});
        };
        """
    )
    open_committee(page, server, made(asked_over(wire, api_key_env="WIRE_KEY")))
    card(page, "wired").locator("input[type=password]").fill(KEY)
    card(page, "wired").locator("text=Keep").click()
    card(page, "wired").locator("text=typed, held in memory for you").wait_for()
    page.wait_for_function("window.streamed.includes('typed, held in memory')")
    assert KEY not in page.evaluate("window.streamed")


def test_the_work_is_seen_as_it_goes_and_survives_a_reload(page, server, made, wire, watched):
    wire.latency_s = 0.3
    wire.behaviour = lambda call: (
        faults.rate_limit(call, "4") if len(wire.calls) == 1 else None  # the very first
    )
    price = {"usd_per_million_input": 10.0, "usd_per_million_output": 10.0}
    specs = [asked_over(wire, name, **price) for name in ("one", "two")]
    open_committee(page, server, made(*specs, mistakes=8))
    fill(page, "committee-cap", 5)
    fill(page, "committee-concurrency", 2)
    page.click("#committee-start")
    page.wait_for_selector("#committee-work .notice.warning:has-text('paused')")
    assert "(too many calls)" in page.inner_text("#committee-work .notice.warning")
    page.wait_for_selector("#committee-work .tallies li .stack .done")
    assert not page.is_visible("#committee-start")
    page.reload()
    page.wait_for_selector("#committee-work .tallies li >> nth=2")
    page.wait_for_selector("#committee-work :text('in the end')")
    assert "of 5.00 USD spent" in page.inner_text("#committee-work .cap")
    page.click("#committee-cards >> text=Remove >> nth=0")
    said(page, "The committee is at work")
    page.click("#job-collect .cancel")
    ended(page, "cancelled")
    page.wait_for_selector("#committee-start:has-text('Ask for what is missing')")
    assert page.input_value("#committee-cap input") == "5"
    wire.latency_s = 0.0
    page.click("#job-collect .resume")
    page.wait_for_selector("#committee-quote .notice.success", timeout=60_000)
    assert {pair: n for pair, n in wire.answered.items() if n != 1} == {}
    assert watched.errors == []


def test_a_cap_holds_and_says_so(page, server, made, wire):
    # 18 tokens an answer at 1,000 USD a million: 0.018 USD a call, 12 calls.
    price = {"usd_per_million_input": 1000.0, "usd_per_million_output": 1000.0}
    specs = [asked_over(wire, name, **price) for name in ("one", "two")]
    project = made(*specs)
    open_committee(page, server, project)
    page.click("#committee-quote summary")
    assert page.locator("#committee-quote tbody tr").count() == 6
    assert "12" in page.inner_text("#committee-quote tfoot")
    fill(page, "committee-cap", 0.1)
    fill(page, "committee-concurrency", 1)
    page.click("#committee-start")
    page.wait_for_selector("#committee-work .notice:has-text('Stopped at the cap')")
    assert 0.09 <= 0.018 * len(wire.calls) <= 0.118
    fill(page, "committee-cap", 1)
    page.click("#committee-start")
    page.wait_for_selector("#committee-quote .notice.success", timeout=60_000)
    assert "0.22 USD" in page.inner_text("#committee-work")
    assert len(wire.calls) == 12


def test_an_unknown_price_is_said_and_no_cap_is_taken(page, server, made, wire):
    unknown = {"usd_per_million_input": None, "usd_per_million_output": None}
    open_committee(page, server, made(asked_over(wire, **unknown)))
    assert "Price unknown" in card(page, "wired").inner_text()
    assert "unknown" in page.inner_text("#committee-quote .stats")
    fill(page, "committee-cap", 1)
    page.click("#committee-start")
    said(page, "Nobody knows what wired costs")
    assert not wire.calls


def test_failures_are_shown_by_reason_and_retried_alone(page, server, made, wire, watched):
    broken = {"now": True}

    def refuse(call: Call) -> Raw | None:
        if broken["now"] and "Point out" in call.prompt:
            return as_json(400, {"error": {"message": f"No: {HOSTILE}", "code": "unsupported"}})
        return None

    wire.behaviour = refuse
    open_committee(page, server, made(asked_over(wire), *default_committee()[:2]))
    page.click("#committee-start")
    ended(page)
    page.wait_for_selector("#committee-failures tbody tr")
    assert page.locator("#committee-failures tbody tr").count() == 1
    failure = page.inner_text("#committee-failures tbody tr")
    assert "Request refused" in failure
    assert "${window.hacked=1} {{value}} `\\frac{1}{2}`" in failure
    assert page.locator("#committee-failures img, #committee-failures a").count() == 0
    assert page.evaluate("window.hacked") is None
    before = len(wire.calls)
    broken["now"] = False
    page.click("#committee-retry")
    page.wait_for_selector("#committee-quote .notice.success", timeout=60_000)
    assert len(wire.calls) == before + 2
    assert not page.is_visible("#committee-failures table")
    assert not page.is_visible("#committee-retry")
    cells = page.locator("#committee-agreement td[title]")
    assert cells.count() == 3
    assert "scored by both" in cells.first.get_attribute("title")
    assert watched.errors == []


def test_prompts_are_edited_with_a_preview(page, server, made, watched):
    project = made()
    store = connect(server.settings.database)
    first = exams.answers(store, project.exam_id, "wrong", 1)[0]
    exams.save_answer(store, first.id, {"text": HOSTILE})
    open_committee(page, server, project)
    page.click("#committee-prompts > button")
    page.click("#prompt-role label:has-text('Feedback')")
    page.wait_for_selector("#prompt-feedback textarea >> visible=true")
    page.wait_for_function(
        "words => document.querySelector('#prompt-preview pre')?.textContent.includes(words)",
        arg=HOSTILE,
    )
    assert "$student_answer the student's wrong answer" in page.inner_text("#prompt-needed")

    fill(page, "prompt-feedback", "Explain $question and $student_answer.")
    page.wait_for_selector("#prompt-preview .notice:has-text('lacks $gold')")
    page.click("#prompt-save")
    said(page, "lacks $gold")
    fill(page, "prompt-feedback", "Explain $question: $student_answer is not $gold.")
    page.wait_for_selector("#prompt-preview pre:has-text('Explain')")
    page.click("#prompt-save")
    page.wait_for_selector("#committee-prompts > button:has-text('feedback changed')")
    page.reload()
    page.wait_for_selector("#committee-prompts > button:has-text('feedback changed')")
    page.click("#committee-prompts > button")
    page.click("#prompt-role label:has-text('Feedback')")
    page.wait_for_selector("#prompt-feedback textarea >> visible=true")
    assert page.input_value("#prompt-feedback textarea").startswith("Explain")
    page.click("#prompt-reset")
    page.wait_for_selector("#committee-prompts > button:not(:has-text('changed'))")
    assert page.input_value("#prompt-feedback textarea").startswith("You are a teacher")
    assert page.evaluate("window.hacked") is None
    assert watched.errors == []


def test_a_committee_is_saved_as_a_file_and_loaded_again(page, server, made, tmp_path):
    project = made()
    open_committee(page, server, project)
    with page.expect_download() as download:
        page.click("#committee-download")
    assert download.value.suggested_filename == f"committee-{project.name}.toml"
    file = tmp_path / "committee.toml"
    download.value.save_as(file)
    written = file.read_text(encoding="utf-8")
    names = [one["name"] for one in tomllib.loads(written)["teacher"]]
    assert names == [one.name for one in default_committee()]

    file.write_text(written.replace("offline-terse", "another"), encoding="utf-8")
    upload(page, file)
    card(page, "another").wait_for()
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(f'[[teacher]]\nname = "x"\napi_key = "{KEY}"\n', encoding="utf-8")
    upload(page, wrong)
    sentence = said(page, "holds a key")
    assert "wrong.toml: teacher 'x'" in sentence
    assert KEY not in sentence
    assert str(tmp_path) not in sentence
    card(page, "another").wait_for()


def test_nothing_is_wider_than_the_screen(page, server, made, wire):
    page.set_viewport_size({"width": 390, "height": 844})
    long = asked_over(wire, "long-" * 12 + "name", api_key_env="A_KEY_THAT_IS_NOT_THERE")
    open_committee(page, server, made(long, *default_committee()[:2]))
    page.click("#committee-add")
    page.wait_for_selector("#teacher-name >> visible=true")
    page.click("#teacher-form .more > button")
    page.wait_for_selector("#teacher-requests_per_minute >> visible=true")
    page.click("#committee-prompts > button")
    page.wait_for_selector("#prompt-preview pre >> visible=true")
    page.click("#committee-quote summary")
    page.wait_for_selector("#committee-quote details[open]")
    for width, theme in screens(page):
        assert too_wide(page) <= 0, f"too wide at {width}, {theme}"
