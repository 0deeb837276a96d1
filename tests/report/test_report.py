"""The report: whole, readable anywhere, and nothing in it is anything but text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from db import calls, checkpoints, committee, exams, jobs
from db.projects import Project
from db.store import connect
from fair_app.cli.main import main
from fair_app.curation.acceptance import Rule
from fair_app.errors import BadInput
from fair_app.report.charts import Interval, Line
from fair_app.report.content import Curves, Estimates, Example, Report, Section, Table
from fair_app.report.markdown import as_markdown
from fair_app.report.page import as_page
from fair_app.settings import Settings
from fair_app.studio import deciding, review
from fair_app.studio.board import board
from fair_app.studio.bundle import export_report
from fair_app.studio.projects import create_project, open_project
from fair_app.studio.report import report
from tests.browser.taught import sat_exam, taught
from tests.building import project_with_mistakes
from tests.evaluated import evaluated, sampled

HOSTILE = (
    '<script src="https://evil.example/x.js"></script><img src=//evil.example/i onerror=alert(1)>'
    "</pre></style><style>@import 'https://evil.example/s.css'</style>{{7*7}} ${1} `code` "
    "```\n```\n# heading\n![i](https://evil.example/i.png)[link](https://evil.example)"
    "| cell | \u2028 ½"
)
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "nav", "ol"),
    *("ul", "li", "a", "h1", "h2", "h3", "h4", "p", "dl", "div", "dt", "dd", "table", "thead"),
    *("tbody", "tr", "th", "td", "article", "span", "pre", "figure", "figcaption", "svg", "i", "b"),
    *("polyline", "polygon", "small"),
}


class Page(HTMLParser):
    """What a browser would make of a document: its tags, attributes and text."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.styles = ""
        self._inside = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.styles += data
        else:
            self.text += data


def check_page(markup: str) -> Page:
    """The document, after it was seen to hold no script and to ask nothing of anywhere."""
    page = Page(markup)
    assert page.tags <= TAGS
    for name, value in page.attributes:
        assert name not in {"src", "srcset", "data", "action", "background", "poster"}
        assert not name.startswith("on")
        assert name != "href" or (value or "").startswith("#")
        assert name != "style" or not re.search(r"url|@|expression", value or "")
        assert name != "http-equiv" or value == "Content-Security-Policy"
    assert not re.search(r"url\(|@import|</|image-set", page.styles)
    assert "default-src 'none'" in markup
    return page


def check_markdown(text: str) -> str:
    """The text that a reader sees, after it was seen to have no HTML, link or image."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    flat = [*tokens, *(child for token in tokens for child in token.children or [])]
    kinds = {token.type for token in flat}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "blockquote_open"}
    assert not kinds & {"bullet_list_open", "ordered_list_open", "hr", "code_block", "s_open"}
    return "".join(token.content for token in flat if token.type in ("text", "fence"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    """A project from exam to comparison, in which every text is hostile."""
    project = taught(settings, HOSTILE)
    store = connect(settings.database)
    rows = board(settings, project).rows
    ids = [row.id for row in rows]
    deciding.decide(settings, project, ids[0], "reject", actor=HOSTILE, revision=0, reason=HOSTILE)
    deciding.decide(settings, project, ids[1], "edit", actor="bo", revision=0, value=HOSTILE)
    deciding.decide(settings, project, ids[2], "accept", actor="bo", revision=0)
    assert deciding.undo(settings, project, actor="bo")
    review.set_rule(settings, project, Rule(2.5, {"carl": 1.0}, 2, answer_check=True))
    job = jobs.add(store, "train", {"name": "wise"}, project.id)
    for step in range(1, 5):
        jobs.add_metrics(store, job, step, {"loss": 3.0 / step, "loss_feedback": 2.0 / step})
    for name, base in (("wise", "smollm2-135m"), ("stranger", HOSTILE)):
        add_checkpoint(settings, project, name, base, job)
    ask(settings, project, job)
    evaluate(settings, project, "smollm2-135m", [True, False, False, False, True])
    evaluate(settings, project, "checkpoint:stranger", [False, False, True, True, True])
    evaluate(settings, project, "checkpoint:wise", [True, True, True, True, False])
    evaluate(settings, project, HOSTILE, [True, True, True, True, True])
    return open_project(settings, project.name)


def add_checkpoint(settings: Settings, project: Project, name: str, base: str, job: int) -> None:
    lineage = {
        "base": base,
        "data_sha256": "ab" * 32,
        "settings": {"method": "lora", "alpha": 0.5, "lora_target": HOSTILE},
        "result": {"steps": 4, "loss": 0.75, "examples": 5, "seconds": 61.0},
        "versions": {"torch": "2.13.0", "transformers": HOSTILE},
    }
    store = connect(settings.database)
    checkpoints.add(store, project.id, job_id=job, name=name, base=base, lineage=lineage)


def ask(settings: Settings, project: Project, job: int) -> None:
    """Two calls with a price and one whose price nobody knows."""
    store = connect(settings.database)
    for number, cost in enumerate((0.25, 0.5, None)):
        values = {"key": f"{project.name} {number}", "job_id": job, "teacher": "blaise"}
        call = {"provider": "p", "model": "m", "role": "review", "prompt": "", "prompt_hash": ""}
        sent = calls.send(store, {**values, **call, "origin": "asked"})
        tokens = {"input_tokens": 1000, "output_tokens": 100, "cost_usd": cost}
        calls.finish(store, sent, {"text": HOSTILE, "finish": "complete", **tokens})
    store.conn.commit()


def evaluate(settings: Settings, project: Project, student: str, right: list[bool]) -> None:
    store = connect(settings.database)
    exam = sat_exam(settings, project, HOSTILE)
    told = {"decoding": {"name": "greedy"}, "put": "the same"}
    for row, correct in zip(exams.answers(store, exam), right, strict=True):
        exams.set_grade(store, row.id, correct)
    store.execute(
        "UPDATE exams SET purpose = 'evaluation', student = ?, settings = ?, split = 'test' "
        "WHERE id = ?",
        [student, json.dumps(told), exam],
    )
    store.conn.commit()


@pytest.fixture(scope="module")
def made(settings: Settings, project: Project) -> Report:
    return report(settings, project)


def section(made: Report, title: str) -> Section:
    return next(one for one in made.sections if one.title == title)


def test_no_text_of_it_is_anything_but_text(made: Report) -> None:
    page = check_page(as_page(made))
    words = check_markdown(as_markdown(made))
    for text in (page.text, words):
        assert '<script src="https://evil.example/x.js"></script>' in text
        assert "{{7*7}} ${1}" in text


def test_it_tells_everything(made: Report) -> None:
    page, words = Page(as_page(made)).text, check_markdown(as_markdown(made))
    for one in made.sections:
        assert one.title in page
        assert one.title in words
    assert [one.title for one in made.sections] == [
        *("Data", "Exam", "Teachers", "Calls and cost", "The acceptance rule, and why"),
        *("Decisions of persons", "Training", "Accuracy", "Before and after"),
        *("Answers that changed", "Versions", "How to replay"),
    ]


def test_teachers_that_are_simulated_are_said_so(made: Report) -> None:
    told = section(made, "Teachers")
    assert "ada is simulated: rule-based and offline, no language model." in told.sentences[1]
    kinds = {row[0]: row[1] for row in told.tables[0].rows}
    assert kinds == {"ada": "simulated, rule-based", "blaise": "asked", "carl": "asked"}


def test_cost_is_told_with_what_is_not_known(made: Report) -> None:
    told = section(made, "Calls and cost")
    assert told.sentences == [
        "3 calls were answered, for 0.75 USD in all. What 1 call of these cost, nobody knows."
    ]
    assert told.tables[0].rows == [("blaise", "review", "3", "0", "3,000", "300", "0.7500")]


def test_the_rule_is_told_with_what_it_keeps(
    settings: Settings, project: Project, made: Report
) -> None:
    told, kept = section(made, "The acceptance rule, and why"), review.summary(settings, project)
    assert dict(told.facts) == {
        "Threshold": "2.5",
        "Threshold of carl": "1",
        "Scores that must count": "2",
        "Final answer": "must be the gold answer",
        "Rationales accepted": f"{kept.accepted} of 15",
        "Questions to learn from": f"{kept.questions_accepted} of 5",
    }
    accepted = told.estimates[0].rows[0]
    assert accepted.note == f"{kept.kept.right} of {kept.kept.graded}"
    assert 0 < accepted.low < accepted.value <= accepted.high <= 1
    assert told.curves[0].mark == 2.5


def test_decisions_are_counted_by_person_and_kind(made: Report) -> None:
    told = section(made, "Decisions of persons")
    assert sorted(told.tables[0].rows) == sorted(
        [(HOSTILE, "reject", "1", "0"), ("bo", "accept", "0", "1"), ("bo", "edit", "1", "0")]
    )
    assert told.sentences == ["2 people made 3 decisions; 1 decision of these was undone again."]


def test_the_newest_checkpoint_of_the_student_leads(made: Report) -> None:
    (lead,) = made.lead
    assert lead.startswith(
        "checkpoint:wise answered 80.0 % of 5 questions of arithmetic right, where smollm2-135m "
        "answered 40.0 %: 3 fixed and 1 broken, a difference of +40.0 points"
    )
    assert "That may be chance (p = " in lead


def test_a_checkpoint_of_another_base_is_said_so(made: Report) -> None:
    told = section(made, "Before and after")
    notes = [note for note in told.notes if "checkpoint:stranger" in note]
    assert len(notes) == 1
    assert "not from smollm2-135m" in notes[0]
    assert not [note for note in told.notes if note.startswith("checkpoint:wise")]
    assert told.tables[0].columns[-1] == "p, Holm"


def test_answers_that_changed_are_shown_with_both_sides(made: Report) -> None:
    told = section(made, "Answers that changed")
    marks = [example.mark for example in told.examples]
    assert set(marks) <= {"fixed", "broken"}
    assert "fixed" in marks
    names = [name for name, _ in told.examples[0].texts]
    assert names[:2] == ["Question", "Gold answer"]
    assert names[2].startswith("smollm2-135m: read as 99")


def test_the_commands_can_be_typed_as_they_are(made: Report) -> None:
    told = section(made, "How to replay")
    assert told.commands[1] == "python -m fair_app replay bundle"
    assert any("--project 'made " in command for command in told.commands)
    assert any(
        "train" in one and "--from-lineage bundle/checkpoints/wise" in one for one in told.commands
    )


def test_the_seeds_of_one_test_are_one_command(settings: Settings) -> None:
    project = project_with_mistakes(settings, name="seeds")
    for seed in (731, 732):
        evaluated(settings, project, "m", [True, False], decoding=sampled(seed))
    evaluated(settings, project, "m", [True, False])
    commands = section(report(settings, project), "How to replay").commands
    several, one = (command for command in commands if " evaluate " in command)
    assert "--decoding paper" in several and several.endswith("--seeds 2")
    assert "--decoding greedy" in one and "--seeds" not in one


def test_the_command_line_writes_both_forms(
    settings: Settings, project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words: list[Any] = ["export", "--home", settings.home, "--project", project.name]
    words += ["--format", "report", "--output", tmp_path / "r", "--json"]
    assert main([str(word) for word in words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in told["files"]] == ["report.html", "report.md"]
    check_page((tmp_path / "r" / "report.html").read_text(encoding="utf-8"))
    check_markdown((tmp_path / "r" / "report.md").read_text(encoding="utf-8"))


def test_a_project_that_has_only_begun_has_a_report(settings: Settings, tmp_path: Path) -> None:
    project = create_project(settings, "begun", "arithmetic", "smollm2-135m")
    with pytest.raises(BadInput, match="begun has no exam yet"):
        export_report(settings, project, tmp_path)
    store = connect(settings.database)
    exam = sat_exam(settings, project, "")
    store.execute("UPDATE projects SET exam_id = ? WHERE id = ?", [exam, project.id])
    store.conn.commit()
    committee.set_committee(store, project.id, [])
    begun = report(settings, open_project(settings, "begun"))
    check_page(as_page(begun))
    check_markdown(as_markdown(begun))
    assert begun.lead == ["No checkpoint has been compared yet with the student that it began as."]


AGAIN = hypothesis.settings(deadline=None, max_examples=60)
TEXTS = st.text(
    st.sampled_from(list("ab1 \n\t\r-=+#.)(>*_`[]{}<>&|~$\\!\"':;/@\u2028½🙂\x00")), max_size=30
)


@AGAIN
@given(text=TEXTS)
@example(text=" -")
def test_any_text_is_text_in_both_forms(text: str) -> None:
    line = Line(text or "x", [(0.0, 1.0), (1.0, 2.0)])
    whole = Section(
        title=text,
        sentences=[text],
        facts=[(text, text)],
        estimates=[Estimates(text, [Interval(text, text, 0.5, 0.4, 0.6)])],
        curves=[Curves(text, text, [line])],
        tables=[Table([text, text], [[text, text]], text, frozenset({1}))],
        examples=[Example(text, "fixed", [(text, text)])],
        commands=[text],
        notes=[text],
    )
    made = Report(text, text, text, [text], [whole])
    check_page(as_page(made))
    check_markdown(as_markdown(made))
