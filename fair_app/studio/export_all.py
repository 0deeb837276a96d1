"""Everything as one zip, made by a job: a bundle of every project, and a copy of the database.

The copy has neither sessions nor links to look, and no password that stood in a server's address.
Weights are not in it: they are in the backups, and in the folder of checkpoints.
"""

import json
import tempfile
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from sqlite_utils import Database

from db import backup, jobs
from db.export import strip
from db.store import connect, writing
from fair_app.errors import BadInput, WorkFailed
from fair_app.exchange.bundle import MANIFEST, manifest
from fair_app.jobs import queue
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import mark_orphans
from fair_app.jobs.queue import ACTIVE, JobView
from fair_app.settings import Settings
from fair_app.studio.bundle import bundle_files, without_credentials
from fair_app.studio.projects import all_projects, open_project
from fair_app.whole_files import whole_file

KIND = "export-all"
CONTENTS = "contents.json"
DATABASE = "fair.db"
FORMAT = "fair-studio export 1"
STAGING = ".export-"
CHUNK = 4 * 2**20


def exports(settings: Settings) -> Path:
    """The folder of what was exported from a page; only the newest stays."""
    return settings.database.with_name("exports")


def newest(settings: Settings) -> Path | None:
    """The export that can be saved, or None."""
    return max(exports(settings).glob("*.zip"), default=None)


def export_params(settings: Settings, file: Path | None = None) -> dict[str, Any]:
    """The parameters of a job that writes everything into `file`, or into the home's own folder.

    Raises BadInput for a file that is there already or does not end with .zip, for a folder that
    is not there, and while another export is at work.
    """
    if file is not None:
        if file.suffix.lower() != ".zip":
            raise BadInput(f"{file} does not end with .zip: name the zip that is to be written.")
        if file.exists():
            raise BadInput(f"{file} is there already: choose another name.")
        if not file.resolve().parent.is_dir():
            raise BadInput(f"There is no folder {file.resolve().parent}: make it first.")
    _check_alone(connect(settings.database), *ACTIVE)
    if file is None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        file = exports(settings) / f"fair-studio-{moment}.zip"
    return {"file": str(file.resolve())}


def begin(settings: Settings, owner: str = "") -> int:
    """Queue the job that the page asks for; return its id. Raises BadInput while one is at work."""
    store = connect(settings.database)
    with writing(store):
        return jobs.add(store, KIND, export_params(settings), None, owner)


def latest(settings: Settings) -> JobView | None:
    """The newest job that exported everything."""
    found = jobs.of_kind_anywhere(connect(settings.database), KIND)
    return queue.view_of(settings, found) if found else None


def run(job: JobContext) -> dict[str, Any]:
    """Write the zip, all of it or nothing. Result: file, bytes, projects, left_out, seconds.

    Raises BadInput while another one runs, WorkFailed where it cannot be written or something of a
    project cannot be read, and Cancelled between two files.
    """
    began = time.monotonic()
    target = Path(job.params["file"])
    _check_alone(job.store, "running", own=job.job.id)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            whole_file(target) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            written, left_out = _bundles(job, archive)
            _database(job, archive)
            contents = {"format": FORMAT, "projects": written, "left_out": left_out}
            archive.writestr(CONTENTS, json.dumps(contents, indent=1) + "\n")
    except OSError as fault:
        raise WorkFailed(
            f"{target} cannot be written ({fault.strerror}): choose another place."
        ) from fault
    if target.parent == exports(job.settings):
        _keep_only(target)
    return {
        "file": str(target),
        "bytes": target.stat().st_size,
        "projects": written,
        "left_out": left_out,
        "seconds": round(time.monotonic() - began, 1),
    }


def _check_alone(store: Database, *states: str, own: int | None = None) -> None:
    mark_orphans(store)
    for job in jobs.in_state(store, *states):
        if job.kind == KIND and job.id != own:
            raise BadInput(f"Job {job.id} exports everything already: wait for it, or cancel it.")


def _bundles(job: JobContext, archive: zipfile.ZipFile) -> tuple[list[str], dict[str, str]]:
    """Write each project's bundle into a folder; the projects, and why which have none."""
    known = all_projects(job.settings)
    written: list[str] = []
    left_out: dict[str, str] = {}
    for place, one in enumerate(known):
        job.check_cancelled()
        job.progress("writing bundles", place, len(known) + 1)
        try:
            files = bundle_files(job.settings, open_project(job.settings, one.name))
        except BadInput as fault:  # no exam yet, and what it has is in the copy; or deleted by now
            left_out[one.name] = str(fault)
            job.log(f"{one.name} has no bundle: {fault}")
            continue
        except OSError as fault:
            raise WorkFailed(
                f"{fault.filename or one.name} cannot be read ({fault.strerror}): make it "
                "readable, and export again."
            ) from fault
        for name, text in {**files, MANIFEST: manifest(files)}.items():
            archive.writestr(f"projects/{one.name}/{name}", text)
        written.append(one.name)
    job.progress("copying the database", len(known), len(known) + 1)
    return written, left_out


def _database(job: JobContext, archive: zipfile.ZipFile) -> None:
    """Write the store as it is at one moment, without what lets somebody in."""
    source = job.settings.database
    for leftover in source.parent.glob(f"{STAGING}*"):  # of one that was killed: they are alone
        rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=source.parent) as folder:
        copy = Path(folder) / DATABASE
        backup.copy(source, copy)
        job.check_cancelled()
        strip(copy, without_credentials)
        with copy.open("rb") as content, archive.open(DATABASE, "w", force_zip64=True) as packed:
            while chunk := content.read(CHUNK):
                packed.write(chunk)
                job.check_cancelled()


def _keep_only(target: Path) -> None:
    """Remove older exports, and what a kill has left of one."""
    for one in target.parent.iterdir():
        if one != target and one.name.lstrip(".").startswith("fair-studio-"):
            one.unlink()
