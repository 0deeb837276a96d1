"""One of several processes of a run with soft labels: `soft_launched.py HOME online|stored`.

The first process prints its losses as JSON; all of them compute in float32, with one thread each.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fair_app.settings import Settings
from fair_app.student.registry import parse_ref
from fair_app.training import soft_store
from fair_app.training.mentoring import FOLDER, Telling, soft_labels
from fair_app.training.methods import trainee
from fair_app.training.processes import joined
from fair_app.training.settings import TrainingSettings
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


def main() -> None:
    """Train, and let the first process print what came of it."""
    torch.set_num_threads(1)
    soft_store.SHARD = 60
    told = run(Path(sys.argv[1]), sys.argv[2])
    if told["rank"] == 0:
        print(json.dumps(told))


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


if __name__ == "__main__":
    main()
