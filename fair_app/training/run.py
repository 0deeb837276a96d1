"""The body of a training job: train on the frozen examples, then record the checkpoint."""

from typing import Any

from db import checkpoints, committee
from fair_app.jobs.context import JobContext
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.frozen import thaw, work_folder
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import StepMetrics, train
