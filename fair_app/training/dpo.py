"""Direct preference optimisation with TRL's trainer, an optional dependency. Imports torch and trl.

TRL's trainer computes the loss and takes the steps. What it would do beside that is done here as in
the other training: the prompt's tokens are those of the exam, the order of the preferences is a
function of the seed, a pass that does not fit into memory is divided (see `dpo_trainer`), and the
state to resume from is one safetensors file (see `dpo_state`).
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback
from trl import DPOConfig

from fair_app.errors import BadInput, Cancelled
from fair_app.student.base import never_cancelled
from fair_app.student.check import GB, this_machine
from fair_app.student.encoder_decoder import is_encoder_decoder
from fair_app.student.generation import render_prompt
from fair_app.student.out_of_memory import adapter_must_fit
from fair_app.training.dpo_state import (
    PreferenceProgress,
    PreferenceRoom,
    PreferenceStep,
    read_state,
    write_state,
)
from fair_app.training.dpo_trainer import Diverged, PassTrainer, Watching
from fair_app.training.limits import memory_free
from fair_app.training.memory import Room, pass_need
from fair_app.training.methods import with_adapter
from fair_app.training.optimizer import MOMENTS
from fair_app.training.packing import encode
from fair_app.training.preferences import (
    NO_ENCODER,
    Preference,
    PreferenceSettings,
    in_order,
    preferences_hash,
)
from fair_app.training.settings import TrainingSettings
from fair_app.training.state import PACE

Row = dict[str, list[int]]
Report = Callable[[int, int, float, PreferenceStep], None]


@dataclass(frozen=True)
class PreferenceResult:
    """What a run came to. `left_out` counts the preferences that were too long.

    `weights` is the adapter in float32, `seconds` the time of the steps. `stopped` says why the
    run ended before its last step, with what was saved last.
    """

    steps: list[PreferenceStep]
    preferences: int
    left_out: int
    seconds: float
    weights: dict[str, torch.Tensor]
    stopped: str | None = None

    @property
    def at_end(self) -> PreferenceStep:
        """The means over the last tenth of the steps."""
        last = self.steps[-max(1, len(self.steps) // 10) :]
        return PreferenceStep(
            fmean(one.loss for one in last),
            fmean(one.margin for one in last),
            fmean(one.accuracy for one in last),
        )


def preferring_student(model: PreTrainedModel, start: Path | None, seed: int) -> PeftModel:
    """A student whose adapter alone is trained, in float32: that of `start`, or a new one.

    Raises BadInput when the adapter does not fit, or the student has an encoder.
    """
    if is_encoder_decoder(model):
        raise BadInput(NO_ENCODER)
    if start is None:
        settings = TrainingSettings(seed=seed, quantization="none")
        student = with_adapter(model, settings)
    else:
        with adapter_must_fit(start):
            student = PeftModel.from_pretrained(model, start, is_trainable=True)
    for parameter in _trained(student).values():
        parameter.data = parameter.data.float()
    return student


def optimise(
    student: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    found: Sequence[Preference],
    settings: PreferenceSettings,
    state: Path,
    *,
    report: Report = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], None] = never_cancelled,
    memory_gb: float | None = None,
) -> PreferenceResult:
    """Train an adapter (see `preferring_student`) to prefer; its frozen copy is the reference.

    `state` is a file that is replaced as often as is cheap, and when the run is cancelled; a run
    goes on from it. `report` gets the step (from 1), all steps, the learning rate and what the step
    gave, `say` sentences for the log. `memory_gb` (10^9 bytes) is what the run may take, None for
    all that the machine has.

    When memory runs out, a pass is tried again in smaller ones: the loss stays the same. Raises
    BadInput when nothing fits into the limit of tokens or the state is another run's, WorkFailed
    when the loss is no longer a number and nothing good is saved, when one preference does not fit
    into memory, or the disk is full.
    """
    rows = _rows(tokenizer, found, settings)
    order = in_order(rows, settings)
    total = math.ceil(len(order) / settings.batch_size)
    limit_gb = memory_gb or this_machine().memory_bytes / GB
    run = _Run(student, _fingerprint(student, found, settings), settings, total, state)
    done = run.begin(
        PreferenceRoom(settings.pass_size, not _fits(student, rows, settings, memory_gb))
    )
    rest = order[done * settings.batch_size :]
    stopped = None
    if rest:
        try:
            run.go(tokenizer, rest, report, say, cancelled, limit_gb)
        except Diverged as fault:
            if not run.go_back(fault.good):
                raise
            stopped = str(fault)
    progress = run.progress
    weights = {name: one.detach().clone() for name, one in _trained(student).items()}
    return PreferenceResult(
        progress.steps, len(rows), len(found) - len(rows), progress.seconds, weights, stopped
    )


class _Run:
    """The weights and moments of one run, and how far it is."""

    def __init__(
        self,
        student: PeftModel,
        fingerprint: str,
        settings: PreferenceSettings,
        total: int,
        state: Path,
    ) -> None:
        self.progress = PreferenceProgress(fingerprint)
        self._room = PreferenceRoom(settings.pass_size, checkpointing=False)
        self._student, self._settings = student, settings
        self._total, self._state = total, state
        self._before = state.with_name(f"{state.name}.before")
        self._trained = _trained(student)
        self._optimizer = torch.optim.AdamW(
            self._trained.values(), lr=settings.learning_rate, weight_decay=0.0
        )
        self._started: dict[str, torch.Tensor] = {}
        self._saved_at, self._took = time.monotonic(), 0.0
        self._saved_step = 0

    def begin(self, room: PreferenceRoom) -> int:
        """Read the saved state, where there is one; how many steps are done.

        `room` is that of a run's first pass, and one that goes on has what it had.
        """
        tensors: dict[str, torch.Tensor] = {}
        if self._state.exists():
            self.progress, tensors = read_state(self._state, self.progress.fingerprint)
        self._room = self.progress.room or room
        self._saved_step = len(self.progress.steps)
        for name, parameter in self._trained.items():
            self._started[name] = tensors.get(f"weight/{name}", parameter.detach().clone())
            if tensors:
                self._optimizer.state[parameter] = {
                    moment: tensors[f"{moment}/{name}"].to(
                        "cpu" if moment == "step" else parameter.device
                    )
                    for moment in MOMENTS
                }
        return self._saved_step

    def go(
        self,
        tokenizer: PreTrainedTokenizerBase,
        rows: Sequence[Row],
        report: Report,
        say: Callable[[str], None],
        cancelled: Callable[[], None],
        limit_gb: float,
    ) -> None:
        """Take the steps that are left."""
        done = len(self.progress.steps)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda taken: (self._total - done - taken) / self._total
        )

        def took(number: int, step: PreferenceStep, seconds: float, rate: float) -> None:
            self._note(step, seconds, trainer.room)
            report(number, self._total, rate, step)

        trainer = PassTrainer(
            room=self._room,
            limit_gb=limit_gb,
            say=say,
            model=self._student,
            args=self._config(),
            train_dataset=Dataset.from_list(list(rows)),
            processing_class=tokenizer,
            optimizers=(self._optimizer, schedule),
            callbacks=[Watching(done, took, cancelled)],
        )
        trainer.remove_callback(PrinterCallback)  # `report` says it
        # the reference is a copy of the adapter as it was given; the trainer may have rounded this
        for name, parameter in self._trained.items():
            parameter.data = self._started[name].to(parameter.device)
        try:
            trainer.train()
        except Cancelled:
            self._save()
            raise
        self._save()

    def go_back(self, good: int) -> bool:
        """Take the newest saved weights of at most this many steps; whether there are any."""
        for file in (self._state, self._before):
            if not file.exists():
                continue
            progress, tensors = read_state(file, self.progress.fingerprint)
            if 0 < len(progress.steps) <= good:
                self.progress = progress
                for name, parameter in self._trained.items():
                    parameter.data = tensors[f"weight/{name}"].to(parameter.device)
                return True
        return False

    def _config(self) -> DPOConfig:
        settings = self._settings
        return DPOConfig(
            output_dir=str(self._state.parent / "trl"),
            beta=settings.beta,
            per_device_train_batch_size=settings.pass_size,
            gradient_accumulation_steps=settings.batch_size // settings.pass_size,
            num_train_epochs=1,  # the rows hold all epochs, in their order
            train_sampling_strategy="sequential",
            max_length=None,
            max_grad_norm=1.0,
            seed=settings.seed,
            bf16=False,  # the base computes in bfloat16, the adapter in float32
            gradient_checkpointing=self._room.checkpointing,
            use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_steps=1,
            logging_nan_inf_filter=False,
            report_to="none",
            disable_tqdm=True,
        )

    def _note(self, step: PreferenceStep, seconds: float, room: PreferenceRoom) -> None:
        """Note a step that was taken, and save where that is cheap."""
        before = self.progress
        self.progress = replace(
            before, seconds=before.seconds + seconds, steps=[*before.steps, step], room=room
        )
        if time.monotonic() - self._saved_at >= PACE * self._took:
            self._save()

    def _save(self) -> None:
        """Replace the state, unless this step is the one that was saved last."""
        if len(self.progress.steps) == self._saved_step:
            return
        began = time.monotonic()
        tensors = {f"weight/{name}": one.detach() for name, one in self._trained.items()}
        for name, parameter in self._trained.items():
            for moment in MOMENTS:
                tensors[f"{moment}/{name}"] = self._optimizer.state[parameter][moment]
        write_state(self._state, self._before, self.progress, tensors)
        self._saved_step, self._saved_at = len(self.progress.steps), time.monotonic()
        self._took = self._saved_at - began


def _trained(student: PeftModel) -> dict[str, torch.nn.Parameter]:
    return {name: one for name, one in student.named_parameters() if one.requires_grad}


def _rows(
    tokenizer: PreTrainedTokenizerBase, found: Sequence[Preference], settings: PreferenceSettings
) -> list[Row]:
    """The preferences that fit, as TRL's collator takes them."""
    rows = []
    shortest: int | None = None
    for one in found:
        chosen, rejected = (
            encode(tokenizer, render_prompt, "rationale", one.prompt, text, 10**9)
            for text in (one.chosen, one.rejected)
        )
        assert chosen is not None and rejected is not None
        length = max(len(chosen.tokens), len(rejected.tokens))
        shortest = length if shortest is None else min(shortest, length)
        if length > settings.max_tokens:
            continue
        ids = rejected.tokens[rejected.prompt_length :].tolist()
        rows.append(
            {
                "prompt_ids": chosen.tokens[: chosen.prompt_length].tolist(),
                "chosen_ids": chosen.tokens[chosen.prompt_length :].tolist(),
                "rejected_ids": ids if one.ended else ids[:-1],
            }
        )
    if not rows:
        raise BadInput(
            f"No preference fits into max_tokens {settings.max_tokens}: the shortest takes "
            f"{shortest}, with its prompt. Give more."
        )
    return rows


def _fits(
    student: PeftModel,
    rows: Sequence[Row],
    settings: PreferenceSettings,
    memory_gb: float | None,
) -> bool:
    """Whether the activations of the longest pass fit into the memory that is left, roughly."""
    longest = max(
        len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
        for row in rows
    )
    config = student.get_base_model().config.get_text_config()
    room = Room(2 * settings.pass_size * longest, checkpointing=False)
    need = pass_need(config.hidden_size, config.num_hidden_layers, config.vocab_size, room)
    return need <= memory_free(memory_gb)


def _fingerprint(
    student: PeftModel, found: Sequence[Preference], settings: PreferenceSettings
) -> str:
    shapes = [(name, list(one.shape)) for name, one in _trained(student).items()]
    content = [asdict(settings), preferences_hash(found), shapes]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
