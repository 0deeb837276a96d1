"""What docs/contributing.md says to write works as it stands there."""

import asyncio
import json
import re
import sys
import types
from pathlib import Path

import pytest
from pydantic import SecretStr

from fair_app.committee import registry
from fair_app.committee.base import Access, TeacherSpec
from fair_app.committee.committee_file import load_committee
from fair_app.settings import Settings
from fair_app.student.base import GREEDY
from fair_app.tasks import registry as tasks
from tests.wire.asking import KEY, request
from tests.wire.server import Server

PAGE = Path(__file__).resolve().parents[1] / "docs" / "contributing.md"
BLOCK = re.compile(r'^```python title="([^"]+)"\n(.+?)^```$', re.MULTILINE | re.DOTALL)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch):
    """Import the page's code by the name of the file that it is for."""
    blocks = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))

    def load(file: str) -> types.ModuleType:
        name = file.removesuffix(".py").replace("/", ".")
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(blocks[file], file, "exec"), module.__dict__)
        return module

    return load


def test_the_provider(written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = written("fair_app/committee/providers/acme.py")
    monkeypatch.setitem(registry.PROVIDERS, "acme", made.__name__)
    monkeypatch.setattr(registry, "REMOTE", (*registry.REMOTE, "acme"))
    monkeypatch.setitem(registry.KEY_VARIABLES, "acme", "ACME_API_KEY")
    file = tmp_path / "committee.toml"
    file.write_text('[[teacher]]\nname = "a"\nprovider = "acme"\nmodel = "gpt-of-the-wire"\n')
    (spec,) = load_committee(file)
    assert registry.key_variable(spec) == "ACME_API_KEY"
    with Server() as server:
        here = TeacherSpec(**{**spec.model_dump(), "base_url": server.base_url("openai")})
        here = here.model_copy(update={"api_key_env": "ACME_API_KEY"})
        access = Access(Settings(), {"ACME_API_KEY": SecretStr(KEY)})
        teacher = registry.build(here, access)

        async def ask_and_close():
            try:
                return await teacher.ask(request())
            finally:
                await teacher.close()

        assert "The answer is 5" in asyncio.run(ask_and_close()).text


def test_the_task(written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    riddles = written("fair_app/tasks/riddles.py").Riddles()
    monkeypatch.setitem(tasks._TASKS, riddles.name, riddles)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"riddle": "What has a face?", "solution": "A clock"}))
    task = tasks.task("riddles")
    (question,) = task.load("train", rows)
    assert task.prompt(question).startswith("What has a face?")
    assert task.grade("The answer is the clock.", question).correct
    assert not task.grade("The answer is a man.", question).correct
    assert task.origin("train", rows)["sha256"]


def test_the_student(written) -> None:
    student = written("fair_app/student/parrot.py").Parrot()
    ((index, completion),) = student.answer(["Two and two?"], GREEDY)
    assert (index, completion.text, completion.tokens) == (0, "Two and two?", 3)


def test_the_page(written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from fair_app.studio.projects import ensure_demo
    from pages import access, shell
    from pages.web import build

    settings = Settings(home=tmp_path)
    ensure_demo(settings)
    monkeypatch.setattr(shell, "PAGES", (*shell.PAGES, written("pages/calls.py")))
    with pytest.raises(LookupError, match=r"calls\.tick has no line"):
        build(settings)
    monkeypatch.setattr(access, "VIEWERS", {*access.VIEWERS, "calls.tick"})
    web = TestClient(build(settings), base_url="http://127.0.0.1:7860")
    assert '"tab-calls"' in web.get("/config").text
