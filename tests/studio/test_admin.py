"""What the owner's page says of the server: its disk, its device, its backups, who did what."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import jobs
from db.store import close, connect
from fair_app.access import audit
from fair_app.errors import BadInput
from fair_app.jobs import worker
from fair_app.jobs.context import DEVICE
from fair_app.jobs.orphans import HOST, process_started_at
from fair_app.settings import Settings
from fair_app.storage.manifest import backups_among
from fair_app.storage.places import Folder
from fair_app.storage.standing import note
from fair_app.studio import admin, backing_up
from fair_app.studio.admin import Memory, parsed_gpus
from fair_app.studio.projects import create_project
from tests.storage.homes import FILES, LEFT_OUT, filled, home


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_the_disk_is_told_by_kind(tmp_path: Path) -> None:
    settings = filled(home(tmp_path / "home"))
    found = admin.disk(settings)
    sizes = dict.fromkeys(("checkpoints", "models", "uploads", "logs"), 0)
    for name, content in {**FILES, **LEFT_OUT}.items():
        sizes[name.split("/")[0]] += len(content)
    assert {area: found.kinds[area.capitalize()] for area in sizes} == sizes
    assert found.kinds["Database"] == settings.database.stat().st_size
    assert found.kinds["Exports"] == 0
    assert "Backups" not in found.kinds
    assert 0 < found.free < found.size
    # backups count where they take room of the same disk, and links are not followed
    place = tmp_path / "place"
    (settings.checkpoints / "elsewhere").symlink_to(tmp_path / "home" / "models")
    Folder(place).change([("a", settings.database)], [])
    here = admin.disk(home(tmp_path / "home", place))
    assert here.kinds["Backups"] == settings.database.stat().st_size
    assert here.kinds["Checkpoints"] == sizes["checkpoints"]
    assert "Backups" not in admin.disk(home(tmp_path / "home", "hf://datasets/a/b")).kinds


def test_the_processor_s_memory_is_told() -> None:
    first = admin.memories()[0]
    assert first.name == "Processor"
    assert 0 < first.used < first.size


def test_files_that_a_container_holds_in_memory_are_no_memory_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "GROUP", tmp_path)
    for name, said in {"max": "1000", "current": "900"}.items():
        (tmp_path / f"memory.{name}").write_text(f"{said}\n")
    assert admin.memories()[0] == Memory("Processor", 900, 1000)
    (tmp_path / "memory.stat").write_text("anon 200\nfile 700\ninactive_file 600\n")
    assert admin.memories()[0] == Memory("Processor", 300, 1000)
    (tmp_path / "memory.max").write_text("max\n")
    assert admin.memories()[0].size > 1000


def test_what_the_gpus_tool_says_is_read() -> None:
    said = "NVIDIA H200, 1024, 143771\nNVIDIA GB10, [N/A], [N/A]\nA, B, 3, 10\n"
    found = [(one.name, one.used // 2**20, one.size // 2**20) for one in parsed_gpus(said)]
    assert found == [("NVIDIA H200", 1024, 143771), ("A, B", 3, 10)]


@given(st.text())
def test_whatever_the_tool_says_there_is_an_answer(said: str) -> None:
    assert all(one.used >= 0 and one.size >= 0 for one in parsed_gpus(said))


@given(
    st.text(st.characters(blacklist_categories=("Cc", "Cs", "Z")), min_size=1),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_a_gpu_is_read_back(name: str, used: int, size: int) -> None:
    expected = [Memory(name, used * 2**20, size * 2**20)]
    assert parsed_gpus(f"{name}, {used}, {size}") == expected


def test_who_holds_the_device_and_what_runs(settings: Settings) -> None:
    project = create_project(settings, "maths", "arithmetic", "smollm2-135m")
    store, pid = connect(settings.database), os.getpid()
    assert (admin.holder(settings), admin.at_work(settings)) == (None, [])
    job_id = jobs.add(store, "ablation", {"name": "a", "runs": {}}, project.id)
    begun = {"host": HOST, "pid": pid, "process_started_at": process_started_at(pid)}
    jobs.claim(store, job_id, **begun)  # type: ignore[arg-type]
    parent = jobs.get(store, job_id)
    assert parent is not None
    part = jobs.add_child(store, parent, "train a", "train", {"name": "a"})
    jobs.claim(store, part, **begun)  # type: ignore[arg-type]
    jobs.take_lease(store, DEVICE, part)
    held = admin.holder(settings)
    assert held is not None
    assert held.id == part
    assert [one.id for one in admin.at_work(settings)] == [job_id]


def test_how_the_backups_stand(tmp_path: Path) -> None:
    assert admin.backups_stand(home(tmp_path / "home")).place == ""
    settings = filled(home(tmp_path / "home", tmp_path / "place", minutes=10))
    stand = admin.backups_stand(settings)
    assert (stand.place, stand.made, stand.due, stand.fault) == (settings.backup, None, None, "")
    # what is asked for by hand is a job, and counts as any other
    began = time.time()
    with pytest.raises(BadInput, match="set FAIR_BACKUP"):
        backing_up.begin(home(tmp_path / "home"))
    job_id = backing_up.begin(settings)
    with pytest.raises(BadInput, match="is being made already"):
        backing_up.begin(settings)
    result = worker.run_job(settings, job_id)
    assert result["changed"]
    assert backups_among(Folder(tmp_path / "place").names()) == [result["backup"]]
    stand = admin.backups_stand(settings)
    assert stand.made is not None
    assert stand.due is not None
    assert began - 1 < stand.made <= time.time()
    assert began + 600 <= stand.due <= time.time() + 600
    note(settings, failed="The place is full.", failed_at=time.time() + 60)
    later = admin.backups_stand(settings)
    assert later.fault == "The place is full."
    assert later.due is not None
    assert later.due > stand.due
    close(settings.database)


def test_the_audit_is_read_by_pages_and_by_name(settings: Settings) -> None:
    for number in range(admin.PAGE + 2):
        audit.note(settings, "Olga", "signed in", detail=str(number))
    audit.note(settings, "carl_100%", "signed in")
    lines, total = admin.noted(settings)
    assert (total, len(lines), lines[0].who) == (admin.PAGE + 3, admin.PAGE, "carl_100%")
    lines, total = admin.noted(settings, " olga ", page=2)
    assert (total, [one.detail for one in lines]) == (admin.PAGE + 2, ["1", "0"])
    # it is searched for as it stands: neither a wildcard nor a statement
    assert admin.noted(settings, "_100%")[1] == 1
    assert admin.noted(settings, "%")[1] == 1
    assert admin.noted(settings, "' OR 1=1 --")[1] == 0
