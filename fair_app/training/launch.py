"""A run in several processes of this machine, which its job starts with accelerate.

`python -m fair_app.training.launch JOB` is one of them. The first does the job's work, the others
follow it; the job's own process waits, and tells how it ended.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from db import jobs
from db.store import connect
from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.jobs.context import JobContext
from fair_app.jobs.orphans import is_alive
from fair_app.settings import REPOSITORY, Settings
from fair_app.training.processes import is_first_launched

OUTCOME = "outcome.json"
FAULTS: dict[str, type[Exception]] = {
    fault.__name__: fault for fault in (BadInput, WorkFailed, Cancelled)
}


def launch(job: JobContext, folder: Path) -> None:
    """Run the job's work in the processes that its parameters ask for, and wait for them.

    `folder` is the run's work folder. Raises what ended the first process, and WorkFailed when it
    ended without a word.
    """
    outcome = folder / OUTCOME
    outcome.unlink(missing_ok=True)
    home = job.settings.home
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch", *options(job.params["launch"])),
        *("-m", "fair_app.training.launch", str(job.job.id), str(folder)),
        *(("--home", str(home.resolve())) if home else ()),
    ]
    code = subprocess.run(command, cwd=REPOSITORY, stdout=sys.stderr, check=False).returncode
    if not outcome.is_file():
        raise WorkFailed(
            f"The processes ended with exit code {code}: what they said is in the job's output."
        )
    fault, sentence = json.loads(outcome.read_text(encoding="utf-8"))
    outcome.unlink()
    if fault:
        raise FAULTS[fault](sentence)


def options(how: dict[str, Any]) -> list[str]:
    """What accelerate is asked for: its own file of settings, or so many processes here."""
    if how.get("config"):
        return ["--config_file", how["config"]]
    return [
        *("--multi_gpu", "--num_machines", "1", "--num_processes", str(how["processes"])),
        *("--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"),
    ]


class _Orphan(JobContext):
    """The job's work outside of its process: it stops when that process is gone."""

    def check_cancelled(self) -> None:
        super().check_cancelled()
        if not is_alive(self.job):
            raise Cancelled


def main() -> None:
    """Be one of the processes."""
    from fair_app.training.run import follow, train_here

    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    settings = Settings(home=arguments.home) if arguments.home else Settings()
    if not is_first_launched():
        follow(settings)
        return
    job = jobs.get(connect(settings.database), arguments.job)
    assert job is not None
    fault, sentence = "", ""
    try:
        train_here(_Orphan(settings, job, echo=True))
    except (BadInput, WorkFailed, Cancelled) as error:
        fault = next(name for name, kind in FAULTS.items() if isinstance(error, kind))
        sentence = str(error)
    (arguments.folder / OUTCOME).write_text(json.dumps([fault, sentence]), encoding="utf-8")


if __name__ == "__main__":
    main()
