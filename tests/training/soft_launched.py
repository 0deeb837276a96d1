"""A run with soft labels, in one process or in one of several, and what storing them tells."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fair_app.settings import Settings
from fair_app.student.registry import parse_ref
from fair_app.training import soft_store
from fair_app.training.mentoring import soft_labels
from fair_app.training.methods import trainee
from fair_app.training.processes import joined
from fair_app.training.settings import TrainingSettings
from fair_app.training.storing import FOLDER
from fair_app.training.telling import Telling
from fair_app.training.trainer import Reports, StepMetrics, train
from tests.training.tiny import questions, tiny_model, tiny_tokenizer

SETTINGS = TrainingSettings(
    epochs=2,
    batch_size=3,
    learning_rate=0.02,
    lora_rank=4,
    quantization="none",
    max_tokens=256,
    tokens_per_pass=200,
    validation_share=0.2,
    validate_every=1,
    soft_weight=0.4,
    mentor="a folder of the home",
)


SHARD = 60
"""Response tokens of a file: several files even here."""


def run_in_small_files(home: Path, how: str) -> dict[str, Any]:
    """`run`, where soft labels are stored in files of `SHARD`."""
    soft_store.SHARD = SHARD
    return run(home, how)


def run(home: Path, how: str) -> dict[str, Any]:
    """Train the tiny model, taught by the one in HOME/mentor."""
    settings = replace(SETTINGS, mentor=str(home / "mentor"), soft_labels=how)
    seen: list[StepMetrics] = []
    held: list[float | None] = []
    with joined() as processes:
        work = home / f"{how}-{processes.size}"
        if processes.is_first:
            work.mkdir()
        asked = Settings(home=home)
        student = parse_ref(str(home / "student"), asked.checkpoints, asked.models)
        soft = soft_labels(asked, student, settings, questions(5), work, Telling(), processes)
        result = train(
            trainee(tiny_model(), settings),
            tiny_tokenizer(),
            questions(5),
            settings,
            work / "state",
            reports=Reports(seen.append, lambda one: held.append(one.soft)),
            processes=processes,
            soft=soft,
        )
        return {
            "rank": processes.rank,
            "processes": processes.size,
            "losses": result.losses,
            "held": held,
            "weights": float(sum(one.double().abs().sum() for one in result.weights.values())),
            "files": len(list(work.glob(f"{FOLDER}/*"))),
        }


def stored_in(home: Path, work: Path, telling: Telling, **changed: Any) -> Any:
    """The stored soft labels of a run whose work folder is `work`."""
    work.mkdir(exist_ok=True)
    asked = Settings(home=home)
    given = {"mentor": str(home / "mentor"), "soft_labels": "stored", **changed}
    student = parse_ref(str(home / "student"), asked.checkpoints, asked.models)
    return soft_labels(asked, student, replace(SETTINGS, **given), questions(5), work, telling)


def store_a_third(tell: Callable[[float], None], home: Path, work: Path) -> None:
    """Store in files of `SHARD`, tell what share is done, and stand still after a third."""
    soft_store.SHARD = SHARD

    def progress(stage: str, done: int, total: int) -> None:
        if stage.startswith("storing"):
            tell(done / total)
            if 3 * done >= total:
                time.sleep(600)

    stored_in(home, work, Telling(progress=progress))
