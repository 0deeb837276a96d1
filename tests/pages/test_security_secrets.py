"""A key that a person typed: where it is while their job runs, and where it never is."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from fair_app.jobs import queue
from fair_app.jobs.supervisor import Supervisor
from fair_app.keys import TypedKeys
from fair_app.settings import Settings
from fair_app.student.registry import SERVER_KEY
from fair_app.studio.bundle import export_bundle, export_report
from fair_app.studio.exams import exam_params
from fair_app.studio.exchange import export_sft
from fair_app.studio.projects import create_project, open_project
from pages.web import build
from tests.pages.entering import blocks_of
from tests.wire.server import Server

KEY = "typed-by-a-person-9876543210"


def until(holds: Callable[[], object], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def of_processes() -> list[bytes]:
    """The command line and the environment of every process that may be looked into."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                found.append((folder / name).read_bytes())
            except OSError:
                continue  # it has ended, or is another user's
    return found


def test_a_typed_key_stands_nowhere(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    project = create_project(settings, "made", "arithmetic", "first")
    typed = TypedKeys()
    typed.set("anna", SERVER_KEY, KEY)
    supervisor = Supervisor(settings, typed)
    looked = threading.Event()
    with Server(reply="The answer is 7.") as wire:
        wire.holds = lambda _: not looked.is_set()
        asked = {"student": "first", "task": "arithmetic", "split": "train", "limit": 2}
        params = exam_params(settings, **asked, server=f"{wire.url}/v1")
        job = queue.submit(settings, "exam", params, project, owner="anna")
        supervisor.start()
        try:
            until(lambda: wire.calls)
            during = of_processes()
            assert any(b"fair_app" in one for one in during)
            assert not [one for one in during if KEY.encode() in one]
            looked.set()
            until(lambda: queue.latest(settings, project, "exam").job.state == "succeeded")
        finally:
            looked.set()
            supervisor.stop()
        assert {call.key for call in wire.calls} == {KEY}
    found = queue.latest(settings, project, "exam")
    assert found is not None and found.job.id == job
    assert not [line for line in found.log if KEY in line.line]

    project = open_project(settings, "made")
    exports = tmp_path / "exports"
    for write in (export_bundle, export_report, export_sft):
        folder = exports / write.__name__
        folder.mkdir(parents=True)
        try:
            write(settings, project, folder)
        except ValueError:  # nothing to learn from: then nothing is written
            assert not list(folder.iterdir())
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert settings.database in files
    assert len([one for one in files if exports in one.parents]) > 1
    assert not [one for one in files if KEY.encode() in one.read_bytes()]
    assert KEY not in str(blocks_of(build(settings, typed)).get_config_file())
    assert KEY not in repr(typed.of("anna"))
