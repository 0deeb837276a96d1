"""A project with a row in every table that holds something of a project, and files on the disk."""

from typing import Any

from db import access, batches, calls, checkpoints, jobs, mentors
from db.projects import Project
from db.store import connect, insert, now, scalar
from fair_app.settings import Settings
from fair_app.studio.projects import open_project
from fair_app.training.frozen import work_folder
from tests.browser.taught import taught

PASSWORD = "hunter2-in-an-address"


def whole(settings: Settings) -> Project:
    """A taught project that went all the way, with jobs that have ended."""
    project = taught(settings, "Zebra")
    store, own = connect(settings.database), f"run-{project.id}"
    made = jobs.add(store, "train", {"name": own}, project.id)
    jobs.add_metrics(store, made, 1, {"loss": 2.0})
    jobs.add_log(store, made, "step 1")
    jobs.end(store, made, "succeeded", result={})
    cut = jobs.add(store, "train", {"name": f"{own}-cut"}, project.id)
    jobs.end(store, cut, "interrupted")
    checkpoints.add(store, project.id, job_id=made, name=own, base="smollm2-135m", lineage={})
    _asked(store, project, made)
    _looked_at(store, project)
    for path, content in {
        settings.checkpoints / own / "adapter_model.safetensors": b"weights",
        work_folder(settings.checkpoints, f"{own}-cut") / "state.safetensors": b"state",
        settings.logs / f"job-{made}.log": b"printed",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return open_project(settings, project.name)


def _asked(store: Any, project: Project, job: int) -> None:
    """Calls of it, a batch that is still out, its own prompt, a mentor, and a vote."""
    address = f"https://me:{PASSWORD}@models.example/v1"
    mentor = mentors.choose(
        store, project.id, "mentor", {"provider": "file", "model": "m", "base_url": address}, "m"
    )
    batch = batches.add(store, project.id, mentor, f"label-{project.id}")
    about = {"teacher": "mentor", "provider": "openai", "model": "m", "role": "rationale"}
    key = {"key": f"call-{project.id}", "prompt": "p", "prompt_hash": "h", "origin": "asked"}
    call = calls.send(store, {**about, **key, "job_id": job, "batch_id": batch})
    calls.finish(store, call, {"text": "paid for", "finish": "complete", "cost_usd": 1.0})
    question = scalar(store, "SELECT min(id) FROM questions WHERE project_id = ?", [project.id])
    answer = scalar(store, "SELECT id FROM answers WHERE question_id = ?", [question])
    said = {"prediction": "4", "correct": 1, "number": 0}
    asked = {"teacher_id": mentor, "question_id": question, "call_id": call, **said}
    mentors.add_sample(store, asked)
    (sample,) = mentors.unsettled(store, mentor, question)
    mentors.settle(store, sample, mentor, "kept", "Zebra again")
    template = {"role": "review", "template": "t", "hash": "h"}
    insert(store, "prompts", {"project_id": project.id, **template})
    vote = {"number": 0, "text": "4", "prediction": "4", "tokens": 1, "truncated": 0}
    insert(store, "samples", {"answer_id": answer, **vote})


def _looked_at(store: Any, project: Project) -> None:
    """A decision, a question that somebody put, and a link that somebody opened."""
    rationale = scalar(
        store,
        """SELECT min(r.id) FROM rationales r JOIN teachers t ON t.id = r.teacher_id
           WHERE t.project_id = ?""",
        [project.id],
    )
    decision = {"subject": "rationale", "subject_id": rationale, "action": "accept"}
    first = insert(
        store, "decisions", {"project_id": project.id, **decision, "actor": "ann", "at": now()}
    )
    undo = {**decision, "action": "undo", "undoes": first}
    insert(store, "decisions", {"project_id": project.id, **undo, "actor": "ann", "at": now()})
    job = jobs.add(store, "try", {}, project.id, "browser 0123456789abcdef")
    jobs.end(store, job, "succeeded", result={})
    trial = {"student": "m", "server": f"http://me:{PASSWORD}@gpu.example/v1", "question": "Zebra?"}
    ended = {"settings": {}, "state": "done", "asked_at": now(), "ended_at": now()}
    insert(store, "trials", {"project_id": project.id, "job_id": job, **trial, **ended})
    share = access.add_share(store, project.id, f"sharehash{project.id}", "olga", 1000.0)
    access.begin_session(store, f"sessionhash{project.id}", "link", "", 1000.0, share.id)
