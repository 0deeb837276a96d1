"""A home with something in it, and what is in it."""

import tempfile
from functools import cache
from pathlib import Path

from db import backup, jobs, projects
from db.store import close, connect
from fair_app.settings import Settings
from fair_app.studio.projects import create_project

STATE = "checkpoints/.second.training/state.safetensors"
FILES = {
    "checkpoints/first/adapter_model.safetensors": b"weights" * 100,
    "checkpoints/first/lineage.json": b"{}",
    STATE: b"state after step 4",
    "models/half/config.json": b'{"layers": 15}',
    "uploads/rows.jsonl": b'{"question": "?"}',
}
LEFT_OUT = {
    "checkpoints/.third.partial-1/adapter_model.safetensors": b"not whole yet",
    "checkpoints/.second.training/state.safetensors.next": b"not whole yet",
    "checkpoints/.second.training/.examples.json.partial": b"not whole yet",
    "checkpoints/first/first-f16.gguf": b"written again from its checkpoint",
    "models/smollm2-135m/model.safetensors": b"made again from its package",
    "models/.smollm2-135m.lock": b"",
    "logs/job-1.log": b"printed",
}


def home(folder: Path, place: Path | str = "", minutes: float = 5.0) -> Settings:
    """Settings of a home whose backups go to a place."""
    return Settings(home=folder, backup=str(place), backup_minutes=minutes)


def filled(settings: Settings) -> Settings:
    """With a project, a job at work, and files."""
    settings.database.parent.mkdir(parents=True, exist_ok=True)
    settings.database.write_bytes(_database())
    for name, content in {**FILES, **LEFT_OUT}.items():
        write(settings, name, content)
    return settings


@cache
def _database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        settings, copy = home(Path(folder)), Path(folder, "copy")
        project = create_project(settings, "maths", "arithmetic", "smollm2-135m")
        store = connect(settings.database)
        job_id = jobs.add(store, "train", {"name": "second"}, project.id)
        jobs.claim(store, job_id, host="a machine that is gone", pid=7, process_started_at=1.0)
        close(settings.database)
        backup.copy(settings.database, copy)
        return copy.read_bytes()


def write(settings: Settings, name: str, content: bytes) -> None:
    """Replace a file of a home as a whole."""
    assert settings.home is not None
    file = settings.home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.writing")
    partial.write_bytes(content)
    partial.replace(file)


def found_in(settings: Settings) -> dict[str, bytes]:
    """The files of a home's areas, links not followed."""
    assert settings.home is not None
    return {
        path.relative_to(settings.home).as_posix(): path.read_bytes()
        for area in ("checkpoints", "models", "uploads")
        for path in (settings.home / area).rglob("*")
        if path.is_file()
    }


def project_names(settings: Settings) -> list[str]:
    names = [one.name for one in projects.all_projects(connect(settings.database))]
    close(settings.database)
    return names
