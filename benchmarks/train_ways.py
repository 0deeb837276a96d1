"""The ways that the training benchmark measures. All learn the same texts in the same steps.

A step's pairs are those that this trainer draws. The first step is taken and not counted: it
compiles, allocates and fills caches. The adapter is the same (rank, targets, start), and the
learning rate constant.
"""

import math
import random
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from peft import LoraConfig, get_peft_model

from benchmarks.train_pairs import questions
from benchmarks.train_students import arithmetic, most_flops, student, wait
from fair_app.student.loading import LoadedModel
from fair_app.student.registry import Quantization
from fair_app.training.examples import feedback_prompt, rationale_prompt
from fair_app.training.fused import fuse, kernels
from fair_app.training.lessons import Lessons
from fair_app.training.methods import trainee
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, train

PAIRS_A_STEP = 16
WIDTH = 512
SEQUENCES_A_PASS = 8
"""The batch size of the reference, and the default of TRL."""
GIB_A_PAIR = 2.2
"""What a pair of the offline student costs in a pass of the reference's way, roughly."""
GPU_GIB_A_PAIR = 9.0
"""The same of Llama-2-7B with 4-bit weights: by the estimate of `training.memory`, not measured."""


@dataclass(frozen=True)
class Asked:
    """What a way is to do: with which student, and from how many pairs."""

    student: str
    quantization: Quantization
    pairs: int


@dataclass(frozen=True)
class Measured:
    """One run: the seconds of each step but the first, the losses of all, and what they took.

    `tokens` are those of a counted step's texts with their prompts, on average; `most` is how many
    a second the machine could compute at its largest products' speed. `peak_gib` is of the process,
    or of its GPU. `said` is what a way has to say of itself.
    """

    seconds: list[float]
    losses: list[float]
    tokens: float
    most: float
    peak_gib: float
    said: list[str]


class Run:
    """A student that is loaded, and the steps that it is to learn from."""

    def __init__(self, asked: Asked) -> None:
        texts = questions(asked.pairs)
        self.questions = texts
        self.settings = TrainingSettings(
            quantization=asked.quantization,
            max_tokens=WIDTH,
            schedule="constant",
            batch_size=min(PAIRS_A_STEP, len(texts)),
            epochs=2,
            max_steps=1 + math.ceil(len(texts) / PAIRS_A_STEP),
        )
        self.loaded: LoadedModel = student(asked.student, asked.quantization)
        self.device = self.loaded.model.device
        self.lessons = Lessons(self.loaded.tokenizer, texts, self.settings)
        self.drawn = [self._drawn(step) for step in range(self.lessons.total_steps)]
        self.steps = [self.lessons.pool.examples(pairs) for pairs in self.drawn]
        self.said: list[str] = []
        cost = arithmetic(self.loaded.model)
        counted = [one for step in self.steps[1:] for pair in step for one in pair]
        self.tokens = sum(len(one.tokens) for one in counted) / len(self.steps[1:])
        labels = sum(one.response_length for one in counted) / len(self.steps[1:])
        flop = cost.token * self.tokens + cost.label * labels
        self.most = most_flops(self.device) * self.tokens / flop
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def _drawn(self, step: int) -> list[Any]:
        epoch, place = divmod(step, self.lessons.steps_per_epoch)
        size = self.settings.batch_size
        return self.lessons.pairs(epoch)[place * size : (place + 1) * size]

    def measured(self, seconds: list[float], losses: list[float]) -> Measured:
        """What came of it; `seconds` are of all steps."""
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 2**30
        else:  # Linux counts in KiB
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        return Measured(seconds[1:], losses, self.tokens, self.most, peak, self.said)


def here(asked: Asked) -> Measured:
    """This trainer, as a job runs it."""
    run = Run(asked)
    model = run.loaded.model
    run.said += kernels(model, fuse(model)).values()
    seen: list[StepMetrics] = []
    with tempfile.TemporaryDirectory() as folder:
        train(
            trainee(model, run.settings),
            run.loaded.tokenizer,
            run.questions,
            run.settings,
            Path(folder) / "state",
            reports=Reports(seen.append, say=run.said.append),
            save_every=len(run.steps) + 1,
        )
    return run.measured([one.seconds for one in seen], [one.loss for one in seen])


def reference(asked: Asked) -> Measured:
    """The reference's step with padding masked: 8 pairs a pass, two passes, PEFT as it comes.

    Every sequence is padded to 512 tokens, and all logits are computed. Where memory does not
    suffice for 8 pairs at once, fewer are taken in more passes.
    """
    run = Run(asked)
    torch.manual_seed(run.settings.seed)
    learner = get_peft_model(run.loaded.model, _adapter(run.settings))
    learner.train()
    trained = [one for one in learner.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=run.settings.learning_rate, weight_decay=0.0)
    size = _pairs_a_pass(run)
    run.said.append(f"{size} pairs a pass")
    seconds, losses = [], []
    for step in run.steps:
        began = time.perf_counter()
        losses.append(_reference_step(learner, step, size, run))
        torch.nn.utils.clip_grad_norm_(trained, run.settings.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        wait(run.device)
        seconds.append(time.perf_counter() - began)
    return run.measured(seconds, losses)


def _reference_step(learner: Any, pairs: list[Any], size: int, run: Run) -> float:
    parts = {"feedback": run.settings.alpha, "rationale": 1 - run.settings.alpha}
    members = {part: [one for pair in pairs for one in pair if one.part == part] for part in parts}
    # a pass's mean weighs as its tokens do, so that the step has the loss of this trainer
    weights = {part: parts[part] / max(1, _labels(members[part])) for part in parts}
    total = 0.0
    for start in range(0, len(pairs), size):
        passes = {part: members[part][start : start + size] for part in parts}
        loss = sum(
            learner(**_padded(group, run)).loss * _labels(group) * weights[part]
            for part, group in passes.items()
            if group
        )
        assert isinstance(loss, torch.Tensor)
        loss.backward()
        total += loss.item()
    return total


def _padded(examples: list[Any], run: Run) -> dict[str, torch.Tensor]:
    shape = len(examples), WIDTH
    tokens = torch.full(shape, run.loaded.model.config.eos_token_id or 0)
    mask, labels = torch.zeros(shape, dtype=torch.long), torch.full(shape, -100)
    for row, example in enumerate(examples):
        length = len(example.tokens)
        tokens[row, :length] = example.tokens
        mask[row, :length] = 1
        labels[row, example.prompt_length : length] = example.tokens[example.prompt_length :]
    batch = {"input_ids": tokens, "attention_mask": mask, "labels": labels}
    return {name: tensor.to(run.device) for name, tensor in batch.items()}


def _pairs_a_pass(run: Run) -> int:
    if run.device.type == "cuda":
        free, each = torch.cuda.mem_get_info()[0] / 2**30, GPU_GIB_A_PAIR
    else:
        free, each = psutil.virtual_memory().available / 2**30 - 2, GIB_A_PAIR
    size = 8
    while size > 1 and size * each > free:
        size //= 2
    return min(size, len(run.steps[0]))


def _labels(examples: list[Any]) -> int:
    return sum(example.response_length for example in examples)


def trl(asked: Asked) -> Measured:
    """TRL's SFTTrainer on the two data sets, as its documentation has it: its own defaults.

    Feedback and rationales are prompts with completions, joined and mixed; 32 of them are a step.
    Its loss is the mean over the tokens of both, so that only its work is the same.
    """
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    run = Run(asked)
    asked_of = {one.question_id: one for one in run.questions}
    rows = []
    for number, pairs in enumerate(run.drawn):
        texts = [
            (prompt(asked_of[pair.question_id]), text.text)
            for pair in pairs
            for prompt, text in (
                (rationale_prompt, pair.rationale),
                (feedback_prompt, pair.feedback),
            )
            if text is not None
        ]
        random.Random(number).shuffle(texts)
        rows += [
            {
                "prompt": [{"role": "user", "content": prompt}],
                "completion": [{"role": "assistant", "content": text}],
            }
            for prompt, text in texts
        ]
    a_step = 2 * run.settings.batch_size
    size = min(SEQUENCES_A_PASS, a_step)
    seconds: list[float] = []
    losses: list[float] = []

    class Clock(TrainerCallback):
        """Times each step, and keeps its loss."""

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            wait(run.device)
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            wait(run.device)
            seconds.append(time.perf_counter() - self.began)

        def on_log(self, *_: Any, logs: dict[str, Any], **__: Any) -> None:
            if "loss" in logs:
                losses.append(float(logs["loss"]))

    with tempfile.TemporaryDirectory() as folder:
        options = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=a_step // size,
            max_steps=len(run.steps),
            learning_rate=run.settings.learning_rate,
            lr_scheduler_type="constant",
            max_length=WIDTH,
            bf16=True,
            use_cpu=run.device.type == "cpu",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=run.settings.seed,
            train_sampling_strategy="sequential",  # the steps of the other ways; mixed above
        )
        trainer = SFTTrainer(
            model=run.loaded.model,
            args=options,
            train_dataset=Dataset.from_list(rows),
            processing_class=run.loaded.tokenizer,
            peft_config=_adapter(run.settings),
            callbacks=[Clock()],
        )
        trainer.train()
    twice = ", activations computed twice" if options.gradient_checkpointing else ""
    run.said.append(f"{size} sequences a pass{twice}")
    return run.measured(seconds, losses)


def _adapter(settings: TrainingSettings) -> LoraConfig:
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=settings.lora_target,
        task_type="CAUSAL_LM",
    )
