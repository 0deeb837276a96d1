"""The body of a job that lends students: it answers what persons ask, and gives the device back.

Students of this machine write in turns, so that their answers grow side by side. Those behind a
server are asked there, and take no device.
"""

from typing import Any

from db import trials
from fair_app.jobs.context import JobContext
from fair_app.student.lending import Lending


def run(job: JobContext) -> dict[str, Any]:
    """Answer the trials of this job until it is given back.

    Parameters: those of `fair_app.studio.trying.lend_params`. Result: answered (questions), why it
    was given back, and the ids of its trials.
    """
    rows = job.params["ask"]
    if rows and not trials.next_asked(job.store, job.job.id):
        trials.add(job.store, [{**row, "job_id": job.job.id} for row in rows])
    lending = Lending(job)
    # What they import is large: an SDK, and torch, which nobody needs who still waits.
    if job.params["server"]:
        from fair_app.student.trying_served import lend

        lend(lending)
    else:
        with job.device():
            from fair_app.student.trying_here import lend

            lend(lending)
    ids = [trial.id for trial in trials.of_job(job.store, job.job.id)]
    return {"answered": lending.answered, "why": lending.why, "trials": ids}
