"""One of several processes of a run on the tiny model: `launched.py STATE SETTINGS [STOP]`.

The first process prints its losses as JSON. It is cancelled after STOP steps, where that is given.
"""

import json
import sys
from pathlib import Path

import torch

from fair_app.errors import Cancelled
from fair_app.training.methods import trainee
from fair_app.training.processes import joined
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, train
from fair_app.training.validation import Validation
from tests.training.tiny import questions, tiny_model, tiny_tokenizer


def main() -> None:
    torch.set_num_threads(1)
    state, settings = Path(sys.argv[1]), TrainingSettings(**json.loads(sys.argv[2]))
    stop = int(sys.argv[3]) if len(sys.argv) > 3 else None
    seen: list[StepMetrics] = []
    held: list[Validation] = []

    def cancelled() -> None:
        if stop is not None and len(seen) >= stop:
            raise Cancelled

    with joined() as processes:
        try:
            result = train(
                trainee(tiny_model(), settings),
                tiny_tokenizer(),
                questions(5),
                settings,
                state,
                reports=Reports(seen.append, held.append),
                cancelled=cancelled,
                resume=True,
                processes=processes,
            )
            weights = float(sum(weight.double().abs().sum() for weight in result.weights.values()))
        except Cancelled:
            weights = None
        told = {
            "processes": processes.size,
            "losses": [[one.loss, one.loss_feedback, one.loss_rationale] for one in seen],
            "held": [one.total for one in held],
            "weights": weights,
        }
        if processes.is_first:
            print(json.dumps(told))


if __name__ == "__main__":
    main()
