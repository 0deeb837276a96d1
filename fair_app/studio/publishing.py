"""Pushing a checkpoint or the training set to the hub: checking what is asked for, and the job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from db import checkpoints, jobs
from db.projects import Project
from db.store import connect
from fair_app.errors import BadInput
from fair_app.exchange.hub import HubRepository, Target, target_of, token_in
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import mark_orphans
from fair_app.settings import Settings
from fair_app.student.registry import CHECKPOINT, parse_ref
from fair_app.studio.published_files import checkpoint_files, data_files
from fair_app.studio.training import is_whole, names_made, trained, training_questions

DATA = "data"
"""What stands in place of a checkpoint's name where the training set is pushed."""
KIND = "publish"
MB = 10**6


@dataclass(frozen=True)
class Push:
    """A push that is done: what (a checkpoint's REF, or DATA), where, and whether others see it."""

    what: str
    url: str
    public: bool
    at: float


def publish_params(
    settings: Settings,
    project: Project,
    *,
    what: str,
    to: str,
    public: bool = False,
    keys: Mapping[str, SecretStr],
) -> dict[str, Any]:
    """The parameters of a job that pushes a checkpoint (its REF) or the training set (DATA).

    `keys` are those that the job will have: the token itself is no parameter. Raises BadInput for a
    repository that cannot be one, without a token, for a checkpoint that is not there or not
    finished, and for an empty training set.
    """
    target = _target(what, to, public)
    token_in(keys)
    if what == DATA:
        training_questions(settings, project)
    else:
        what = f"{CHECKPOINT}{_finished(settings, project, what.removeprefix(CHECKPOINT))}"
    return {"what": what, "to": target.repository, "public": public}


def merged(settings: Settings, project: Project, name: str) -> str | None:
    """The whole model of a checkpoint: itself, or the newest that it was merged into, or None."""
    found = trained(settings, project)
    own = next((one for one in found if one.name == name), None)
    if own is not None and is_whole(own):
        return name
    return next((one.name for one in found if one.lineage.get("merged_from") == name), None)


def pushes(settings: Settings, project: Project) -> list[Push]:
    """The pushes of a project that are done, the newest first; of several to one place the last."""
    found: dict[str, Push] = {}
    for job in jobs.of_kind(connect(settings.database), project.id, KIND):
        if job.state == "succeeded" and job.result:
            push = Push(
                job.params["what"],
                job.result["url"],
                job.params["public"],
                job.finished_at or job.created_at,
            )
            found.setdefault(push.url, push)
    return list(found.values())


def run(job: JobContext) -> dict[str, Any]:
    """Push what the job's parameters name; result: url, commit, files, bytes, public.

    The token is among the job's keys. What was sent when the job is cut off is not sent again, and
    nobody sees any of it before the one commit at the end. Raises as `HubRepository` does.
    """
    what, public = job.params["what"], job.params["public"]
    target = _target(what, job.params["to"], public)
    repository = HubRepository(target, token_in(job.keys))
    job.progress("asking the hub", 0, 0)
    standing = repository.prepare()
    job.check_cancelled()
    job.progress("preparing the files", 0, 0)
    if what == DATA:
        prepared = data_files(job.settings, job.project, target.repository)
    else:
        name = _finished(job.settings, job.project, what.removeprefix(CHECKPOINT))
        prepared = checkpoint_files(job.settings, job.project, name, target.repository)

    def told(sent: int, total: int) -> None:
        job.check_cancelled()
        job.progress("sending, in MB", -(-sent // MB), -(-total // MB))

    pushed = repository.push(prepared.files, standing, prepared.message, told)
    seen = "everybody can read it" if public else "private"
    job.log(f"pushed to {pushed.url} ({seen}), commit {pushed.commit[:12]}")
    return {
        "url": pushed.url,
        "commit": pushed.commit,
        "files": sorted(prepared.files),
        "bytes": pushed.size,
        "public": public,
    }


def _target(what: str, to: str, public: bool) -> Target:
    return target_of(to, "dataset" if what == DATA else "model", public)


def _finished(settings: Settings, project: Project, name: str) -> str:
    """The name of a checkpoint of the project that is whole. Raises BadInput for another."""
    store = connect(settings.database)
    row = checkpoints.by_name(store, name)
    if row is not None and row.project_id == project.id:
        parse_ref(f"{CHECKPOINT}{name}", settings.checkpoints, settings.models)
        return name
    mark_orphans(store)
    under_way = jobs.in_state(store, "queued", "running", *jobs.RESUMABLE)
    if any(
        job.project_id == project.id and not job.given_up and name in names_made(job)
        for job in under_way
    ):
        raise BadInput(
            f"The checkpoint '{name}' is not finished: let its run come to its end, or resume it."
        )
    known = ", ".join(one.name for one in trained(settings, project)) or "none yet"
    raise BadInput(f"There is no checkpoint '{name}' in {project.name}; there are: {known}.")
