"""Whole runs against a trainer of a few plain lines: no packing, no chunks, torch's own AdamW."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from fair_app.training.examples import (
    Pair,
    TrainingQuestion,
    draw_pairs,
    feedback_prompt,
    rationale_prompt,
)
from fair_app.training.methods import trainee
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, train
from tests.training.tiny import END, questions, tiny_model, tiny_tokenizer

SETTINGS = TrainingSettings(
    epochs=2,
    batch_size=2,
    learning_rate=0.02,
    schedule="constant",
    lora_rank=4,
    lora_alpha=8,
    quantization="none",
    max_tokens=200,
    tokens_per_pass=120,
)

Tokens = tuple[list[int], int]
"""The tokens of a prompt with its response, and how many of them are the prompt's."""


def mistakes() -> list[TrainingQuestion]:
    """Five, of which one has no feedback and one no rationale."""
    first, second, *others = questions(5)
    return [replace(first, feedback=()), replace(second, rationales=()), *others]


def plain_tokens(prompt: str, response: str, most: int) -> Tokens:
    """As bytes: the chat template of the tiny tokenizer, cut where it begins."""
    vocabulary = tiny_tokenizer().get_vocab()

    def encoded(text: str) -> list[int]:
        return [vocabulary["Ġ" if letter == " " else letter] for letter in text]

    answer = [*encoded(response.strip()), vocabulary[END]]
    asked = encoded(f"[{prompt}]>".replace("\n", "Ċ"))[-(most - len(answer)) :]
    return asked + answer, len(asked)


def parts_of(pair: Pair, by_id: dict[int, TrainingQuestion], most: int) -> dict[str, Tokens]:
    question = by_id[pair.question_id]
    parts = {}
    if pair.rationale:
        parts["rationale"] = plain_tokens(rationale_prompt(question), pair.rationale.text, most)
    if pair.feedback:
        parts["feedback"] = plain_tokens(feedback_prompt(question), pair.feedback.text, most)
    return parts


def plain_run(asked: list[TrainingQuestion], settings: TrainingSettings) -> list[float]:
    """The loss of every step, by the formula of the paper and nothing else."""
    model = tiny_model()
    torch.manual_seed(settings.seed)
    adapter = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        use_dora=settings.method == "dora",
        use_rslora=settings.method == "rslora",
    )
    student = model if settings.method == "full" else get_peft_model(model, adapter)
    student.train()
    weights = [weight for weight in student.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    by_id = {question.question_id: question for question in asked}
    losses = []
    for epoch in range(settings.epochs):
        drawn = draw_pairs(asked, epoch, settings.seed)
        for start in range(0, len(drawn), settings.batch_size):
            entropies: dict[str, list[torch.Tensor]] = {"feedback": [], "rationale": []}
            for pair in drawn[start : start + settings.batch_size]:
                for part, (tokens, asked_for) in parts_of(pair, by_id, settings.max_tokens).items():
                    logits = student(input_ids=torch.tensor([tokens])).logits[0]
                    for place in range(asked_for, len(tokens)):
                        logged = torch.log_softmax(logits[place - 1], 0)
                        entropies[part].append(-logged[tokens[place]])
            means = {part: torch.stack(one).mean() for part, one in entropies.items() if one}
            loss = settings.alpha * means.get("feedback", 0) + (1 - settings.alpha) * means.get(
                "rationale", 0
            )
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, settings.max_gradient_norm)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return losses


def our_run(state: Path, asked: list[TrainingQuestion], settings: TrainingSettings) -> list[float]:
    seen: list[StepMetrics] = []
    student = trainee(tiny_model(), settings)
    train(student, tiny_tokenizer(), asked, settings, state, reports=Reports(seen.append))
    return [metrics.loss for metrics in seen]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"tokens_per_pass": 1},  # as many accumulated batches as there are pairs
        {"tokens_per_pass": 10_000},
        {"max_tokens": 70},  # feedback prompts are cut
        {"batch_size": 5},
        {"method": "rslora"},
        {"method": "dora"},
        {"method": "full", "learning_rate": 0.002},
    ],
)
def test_a_run_has_the_losses_of_the_plain_formula(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    settings = replace(SETTINGS, **changed)  # type: ignore[arg-type]
    expected = plain_run(mistakes(), settings)
    assert our_run(tmp_path / "state", mistakes(), settings) == pytest.approx(expected, rel=1e-5)
    assert len(set(expected)) == len(expected)


def test_the_mean_of_the_means_of_accumulated_batches_would_be_another_loss() -> None:
    """That the comparison can fail: the lengths of these texts differ enough."""
    asked = mistakes()
    by_id = {question.question_id: question for question in asked}
    lengths = [
        len(tokens) - asked_for
        for pair in draw_pairs(asked, 0, SETTINGS.seed)
        for tokens, asked_for in parts_of(pair, by_id, SETTINGS.max_tokens).values()
    ]
    assert max(lengths) > 3 * min(lengths)
