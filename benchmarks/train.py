"""How much faster and smaller a training step is than the reference's, on the same pairs.

    python benchmarks/train.py [--quantization none|4bit] [--pairs 32] [--rounds 2]

Both ways take optimizer steps of 16 pairs with the same LoRA adapter on the offline student. The
reference's way pads every sequence to 512 tokens, runs feedback and rationales through the model
apart and computes all logits; padding is masked here, so that both ways have the same loss. The
ways take turns, each run in a process of its own; loading is not timed. The pairs are those of the
published SVAMP run where its files are found (FAIR_SHARED_DATA or ../shared/data), else generated
problems with the offline committee's texts.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from fair_app.errors import BadInput  # noqa: E402
from fair_app.student.offline import OFFLINE_STUDENT, ensure_offline_student  # noqa: E402
from fair_app.student.registry import parse_ref  # noqa: E402
from fair_app.training.examples import Text, TrainingQuestion, draw_pairs  # noqa: E402
from fair_app.training.settings import QUANTIZATIONS, TrainingSettings  # noqa: E402

MODELS = REPOSITORY / "db" / "models"
PAIRS_A_STEP = 16
WIDTH = 512
GIB_A_PAIR = 2.2
"""What a pair costs in a pass of the reference's way, roughly."""

Step = Callable[[list[Any]], float]
"""Learns from the pairs of examples of an optimizer step; returns their loss."""


@dataclass(frozen=True)
class Measured:
    """One run: each step's seconds and loss, its mean tokens, the process's largest memory."""

    seconds: list[float]
    losses: list[float]
    tokens: float
    peak_gib: float


def main() -> None:
    """Run both ways in turn; print a line for each run, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="none")
    parser.add_argument("--pairs", type=int, default=32, help="pairs to learn from (default 32)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each way (default 2)")
    arguments = parser.parse_args()
    source = "the published SVAMP run" if published_folder() else "generated problems"
    print(
        f"{arguments.pairs} pairs of {source}, {PAIRS_A_STEP} an optimizer step, "
        f"quantization {arguments.quantization}"
    )
    ensure_offline_student(MODELS)
    runs: dict[Any, list[Measured]] = {reference_way: [], packed_way: []}
    for _ in range(arguments.rounds):
        for way, measured in runs.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                run = process.submit(way, arguments.pairs, arguments.quantization).result()
            measured.append(run)
            print(
                f"{way.__name__:14}{'  '.join(f'{seconds:.1f}' for seconds in run.seconds)} s a "
                f"step, {run.tokens / median(run.seconds):.0f} tokens/s, first loss "
                f"{run.losses[0]:.4f}, peak {run.peak_gib:.1f} GiB",
                flush=True,
            )
    before, after = (
        median(seconds for run in measured for seconds in run.seconds) for measured in runs.values()
    )
    peaks = [max(run.peak_gib for run in measured) for measured in runs.values()]
    print(f"ratio         {before / after:.2f} times the steps a second")
    print(f"memory        {peaks[1] / peaks[0]:.0%} of the reference's")


def packed_way(pairs: int, quantization: str) -> Measured:
    """This trainer."""
    return measure(packed_step, pairs, quantization)


def reference_way(pairs: int, quantization: str) -> Measured:
    """The reference's."""
    return measure(reference_step, pairs, quantization)


def measure(
    make_step: Callable[[Any, TrainingSettings], Step], pairs: int, quantization: Any
) -> Measured:
    """Learn once from all pairs."""
    from fair_app.student.generation import render_prompt
    from fair_app.student.loading import load
    from fair_app.training.packing import ExamplePool

    settings = TrainingSettings(quantization=quantization, max_tokens=WIDTH)
    loaded = load(parse_ref(OFFLINE_STUDENT, MODELS, MODELS), quantization)
    questions = published(pairs) if published_folder() else generated(pairs)
    pool = ExamplePool(loaded.tokenizer, render_prompt, questions, WIDTH)
    drawn = draw_pairs(pool.questions, epoch=0, seed=settings.seed)
    step = make_step(loaded.model, settings)
    seconds, losses, tokens = [], [], 0
    for start in range(0, len(drawn), PAIRS_A_STEP):
        batch = pool.examples(drawn[start : start + PAIRS_A_STEP])
        tokens += sum(len(example.tokens) for pair in batch for example in pair)
        began = time.perf_counter()
        losses.append(step(batch))
        seconds.append(time.perf_counter() - began)
    # Linux counts in KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Measured(seconds, losses, tokens / len(seconds), peak)


def packed_step(model: Any, settings: TrainingSettings) -> Step:
    """This trainer's step."""
    from fair_app.training.loss import step_loss
    from fair_app.training.methods import with_adapter
    from fair_app.training.optimizer import MasterAdamW
    from fair_app.training.packing import make_step

    student = with_adapter(model, settings)
    student.train()
    optimizer = MasterAdamW(student)

    def step(pairs: list[Any]) -> float:
        batch = make_step(pairs, settings.alpha, settings.tokens_per_pass)
        loss = step_loss(student.get_base_model(), batch)
        optimizer.step(settings.learning_rate, settings.max_gradient_norm)
        return loss.total

    return step


def reference_step(model: Any, settings: TrainingSettings) -> Step:
    """The reference's step with padding masked: 8 pairs a pass, two passes, PEFT as it comes.

    Where memory does not suffice for 8 pairs at once, fewer are taken in more passes.
    """
    import psutil
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed)
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=settings.lora_target,
        task_type="CAUSAL_LM",
    )
    student = get_peft_model(model, config)
    student.train()
    trained = [parameter for parameter in student.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=0.0)
    size = 8
    while size > 1 and size * GIB_A_PAIR > psutil.virtual_memory().available / 2**30 - 2:
        size //= 2
    print(f"reference_way {size} pairs a pass", flush=True)

    def padded(examples: list[Any]) -> dict[str, torch.Tensor]:
        shape = len(examples), WIDTH
        tokens = torch.full(shape, model.config.eos_token_id)
        mask, labels = torch.zeros(shape, dtype=torch.long), torch.full(shape, -100)
        for row, example in enumerate(examples):
            length = len(example.tokens)
            tokens[row, :length] = example.tokens
            mask[row, :length] = 1
            labels[row, example.prompt_length : length] = example.tokens[example.prompt_length :]
        return {"input_ids": tokens, "attention_mask": mask, "labels": labels}

    def step(pairs: list[Any]) -> float:
        parts = {"feedback": settings.alpha, "rationale": 1 - settings.alpha}
        members = {
            part: [one for pair in pairs for one in pair if one.part == part] for part in parts
        }
        # a pass's mean weighs as its tokens do, so that the step has the loss of the other way
        weights = {part: parts[part] / labels_of(members[part]) for part in parts}
        total = 0.0
        for start in range(0, len(pairs), size):
            passes = {part: members[part][start : start + size] for part in parts}
            loss = sum(
                student(**padded(group)).loss * labels_of(group) * weights[part]
                for part, group in passes.items()
            )
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(trained, settings.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        return total

    return step


def labels_of(examples: list[Any]) -> int:
    """How many tokens are learned."""
    return sum(example.response_length for example in examples)


def published_folder() -> Path | None:
    """The folder of the published SVAMP run, where there is one."""
    shared = os.environ.get("FAIR_SHARED_DATA") or REPOSITORY.parent / "shared" / "data"
    folder = Path(shared) / "fair-svamp"
    return folder if folder.is_dir() else None


def published(count: int) -> list[TrainingQuestion]:
    """The first mistakes of the published run that have an accepted rationale."""
    folder = published_folder()
    assert folder is not None
    rationales, feedback = (
        json.loads((folder / f"Llama-2-7b-chat-hf_svamp_{part}_round0.json").read_text("utf-8"))
        for part in ("rationale", "feedback")
    )
    accepted = [
        (row, notes)
        for row, notes in zip(rationales, feedback, strict=True)
        if row["correct_rationale"]
    ]
    return [
        TrainingQuestion(
            question_id=row["id"],
            prompt=row["question"],
            student_answer=row["student_wrong_pred"],
            rationales=tuple(Text("accepted", text) for text in row["correct_rationale"]),
            feedback=tuple(
                Text(key, text) for key, text in notes.items() if key.endswith("_feedback")
            ),
        )
        for row, notes in accepted[:count]
    ]


def generated(count: int) -> list[TrainingQuestion]:
    """Generated problems, each answered wrong by one, with the offline committee's texts."""
    from fair_app.committee.base import Request, Role
    from fair_app.committee.committee_file import default_committee
    from fair_app.committee.registry import build
    from fair_app.tasks.registry import task as task_named

    task = task_named("arithmetic")
    teachers = [build(spec) for spec in default_committee()]

    def texts(role: Role, question: Any, answer: str) -> tuple[Text, ...]:
        request = Request(role, "", task.name, question, student_answer=answer)
        return tuple(
            Text(teacher.spec.name, asyncio.run(teacher.ask(request)).text) for teacher in teachers
        )

    made = []
    for number, question in enumerate(task.load("train", limit=count)):
        answer = f"The answer is {int(question.gold_answer) + 1}."
        made.append(
            TrainingQuestion(
                question_id=number,
                prompt=task.prompt(question),
                student_answer=answer,
                rationales=texts(Role.RATIONALE, question, answer),
                feedback=texts(Role.FEEDBACK, question, answer),
            )
        )
    return made


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
