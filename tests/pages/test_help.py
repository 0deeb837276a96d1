"""Help texts: every setting has one, none is of a field that is gone, and the docs have them."""

import ast
from pathlib import Path
from typing import Any

import pytest

from docs.make_settings import PAGE, written
from fair_app.settings import Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.projects import create_project, ensure_demo
from pages.components import exam_task
from pages.components.exam_fields import own_field
from pages.components.markup import text
from pages.help import LABEL, Help, settings_in, short, texts
from pages.web import build
from tests.pages.entering import blocks_of

PAGES = Path(__file__).resolve().parents[2] / "pages"
EVERY = [(name, said) for said in texts() for name in said.fields]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The pages as a browser gets them."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    ensure_demo(settings)
    return blocks_of(build(settings))


def test_every_setting_has_a_text_and_every_text_a_setting(demo: Any) -> None:
    shown = {one.elem_id or one.label: one.info for one in settings_in(demo)}
    assert len(shown) > 150
    assert shown == {name: said.short for name, said in EVERY}


def test_a_setting_has_one_text() -> None:
    names = [name for name, _ in EVERY]
    assert sorted(set(names)) == sorted(names)


def test_the_rest_stands_at_the_end_of_the_page(demo: Any) -> None:
    folds = [one for one in demo.blocks.values() if getattr(one, "label", None) == LABEL]
    rows = [fold.children[0].value for fold in folds]
    assert len(rows) > 8
    for said in texts():
        assert any(f"<dd>{text(said.more)}</dd>" in html for html in rows), said.fields
    for fold in folds:
        assert fold.parent.children[-1] is fold


@pytest.mark.parametrize("said", texts(), ids=lambda said: said.fields[0])
def test_a_text_is_plain_and_short(said: Help) -> None:
    for line in (said.short, *said.states.values()):
        assert 0 < len(line) <= 90
        assert not line.endswith(".")
    assert said.more.endswith((".", "?"))
    assert len(said.more) <= 420
    for words in (said.short, said.more, *said.states.values()):
        assert words == " ".join(words.split())
        assert not set("<>`*\"'") & set(words)


def test_no_page_says_what_a_field_is_for_itself() -> None:
    own = []
    for path in PAGES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.keyword) and node.arg == "info"):
                continue
            if isinstance(node.value, ast.Constant | ast.JoinedStr):
                own.append(f"{path.name}:{node.value.lineno}")
    assert own == []


def test_a_line_gives_way_to_another_while_that_counts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    free = create_project(settings, "mine", "arithmetic", "smollm2-135m")
    demo = ensure_demo(settings)
    used = {
        ("exam-student", "served"): own_field("http://127.0.0.1:1/v1", "exam-student")["info"],
        ("evaluation-student", "served"): own_field("http://x", "evaluation-student")["info"],
        ("exam-task", "kept"): exam_task.task_values(settings, demo, None)[0].info,
        ("exam-rows", "own"): exam_task.choose(exam_task.OWN)[1].info,
    }
    assert used == {(name, state): short(name, state) for name, state in used}
    every = {(name, state) for name, said in EVERY for state in said.states}
    others = {(f"{page}-rows", "own") for page in ("evaluation", "ablations", "rounds")}
    assert every - others == set(used)
    assert own_field(" ", "exam-student")["info"] == short("exam-student")
    assert exam_task.task_values(settings, free, None)[0].info == short("exam-task")
    assert exam_task.choose("gsm8k")[1].info == short("exam-rows")


def test_the_server_s_key_is_called_as_it_is() -> None:
    assert SERVER_KEY in short("exam-server-key")


def test_the_page_of_the_docs_is_current(demo: Any) -> None:
    assert PAGE.read_text(encoding="utf-8") == written(demo), "run python docs/make_settings.py"
