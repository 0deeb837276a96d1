"""Whole runs of students with an encoder: against a plain trainer, and cut off and resumed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from fair_app.errors import Cancelled
from fair_app.student.loading import load
from fair_app.student.registry import parse_ref
from fair_app.training.checkpoint import save_checkpoint
from fair_app.training.examples import draw_pairs, feedback_prompt, rationale_prompt
from fair_app.training.methods import trainee
from fair_app.training.settings import TrainingSettings
from fair_app.training.trainer import Reports, StepMetrics, TrainingResult, train
from tests.student.tiny_t5 import END, START, t5_folder, t5_tokenizer, tiny_t5
from tests.training.tiny import questions

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


def our_run(
    state: Path,
    settings: TrainingSettings = SETTINGS,
    *,
    dropout: float = 0.0,
    seen: list[float] | None = None,
    cancelled: Callable[[], None] = lambda: None,
    resume: bool = False,
) -> TrainingResult:
    def on_step(metrics: StepMetrics) -> None:
        if seen is not None:
            seen.append(metrics.loss)

    return train(
        trainee(tiny_t5(dropout_rate=dropout), settings),
        t5_tokenizer(),
        questions(5),
        settings,
        state,
        reports=Reports(on_step),
        cancelled=cancelled,
        resume=resume,
    )


def plain_run(settings: TrainingSettings) -> list[float]:
    """The loss of every step, one sequence at a time, by the paper's formula and T5's rules."""
    model, tokenizer = tiny_t5(), t5_tokenizer()
    torch.manual_seed(settings.seed)
    adapter = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=["q", "k", "v", "o", "wi", "wo"],
        task_type="SEQ_2_SEQ_LM",
    )
    student = model if settings.method == "full" else get_peft_model(model, adapter)
    weights = [weight for weight in student.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    asked = {question.question_id: question for question in questions(5)}
    losses = []
    for epoch in range(settings.epochs):
        drawn = draw_pairs(list(asked.values()), epoch, settings.seed)
        for start in range(0, len(drawn), settings.batch_size):
            entropies: dict[str, list[torch.Tensor]] = {"feedback": [], "rationale": []}
            for pair in drawn[start : start + settings.batch_size]:
                question = asked[pair.question_id]
                assert pair.rationale is not None
                assert pair.feedback is not None
                for part, prompt, text in (
                    ("rationale", rationale_prompt(question), pair.rationale.text),
                    ("feedback", feedback_prompt(question), pair.feedback.text),
                ):
                    # the tokenizer itself ends both with its end token
                    labels = tokenizer.encode(text)
                    assert labels[-1] == END
                    room = settings.max_tokens - len(labels)
                    logits = student(
                        input_ids=torch.tensor([tokenizer.encode(prompt)[-room:]]),
                        decoder_input_ids=torch.tensor([[START, *labels[:-1]]]),
                    ).logits[0]
                    logged = torch.log_softmax(logits, -1)
                    entropies[part] += [-logged[at, one] for at, one in enumerate(labels)]
            means = {part: torch.stack(one).mean() for part, one in entropies.items()}
            loss = settings.alpha * means["feedback"] + (1 - settings.alpha) * means["rationale"]
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, settings.max_gradient_norm)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"tokens_per_pass": 1},  # a pass for every sequence
        {"max_tokens": 40},  # feedback prompts are cut
        {"method": "full", "learning_rate": 0.002},
    ],
)
def test_a_run_has_the_losses_of_the_plain_formula(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    settings = replace(SETTINGS, **changed)  # type: ignore[arg-type]
    seen: list[float] = []
    our_run(tmp_path / "state", settings, seen=seen)
    assert seen == pytest.approx(plain_run(settings), rel=1e-5)
    assert len(set(seen)) == len(seen) == 6


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_cancelled_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, method: str) -> None:
    """With T5's own dropout, which the default of its configuration has."""
    settings = replace(SETTINGS, method=method, learning_rate=0.002)  # type: ignore[arg-type]
    whole: list[float] = []
    expected = our_run(tmp_path / "whole", settings, dropout=0.1, seen=whole)
    seen: list[float] = []

    def cancelled() -> None:
        if len(seen) == 3:
            raise Cancelled

    state = tmp_path / "state"
    with pytest.raises(Cancelled):
        our_run(state, settings, dropout=0.1, seen=seen, cancelled=cancelled)
    result = our_run(state, settings, dropout=0.1, seen=seen, resume=True)
    assert seen == whole
    assert all(torch.equal(one, result.weights[name]) for name, one in expected.weights.items())
    without: list[float] = []
    our_run(tmp_path / "without", settings, seen=without)
    assert without != whole, "that there was dropout"


def test_what_fits_is_found_and_the_student_learns_by_heart(tmp_path: Path) -> None:
    settings = replace(
        SETTINGS, method="full", tokens_per_pass=None, epochs=40, batch_size=5, learning_rate=5e-3
    )
    seen: list[float] = []
    result = our_run(tmp_path / "state", settings, seen=seen)
    assert result.room.tokens_per_pass > 200
    assert result.loss < 0.5 * seen[0]


@pytest.mark.parametrize(
    ("method", "own_head"), [("lora", False), ("dora", True), ("full", False), ("full", True)]
)
def test_a_checkpoint_is_read_by_plain_transformers_and_peft(
    tmp_path: Path, method: str, own_head: bool
) -> None:
    settings = replace(SETTINGS, method=method, epochs=1, learning_rate=5e-3)  # type: ignore[arg-type]
    base = t5_folder(tmp_path / "base", own_head=own_head)
    student = trainee(tiny_t5(own_head=own_head), settings)
    state = tmp_path / "state"
    result = train(student, t5_tokenizer(), questions(3), settings, state)
    lineage = {
        "base": str(base),
        "quantization": "none",
        "settings": settings.to_dict(),
        "student": {"model_type": "t5"},
    }
    folder = tmp_path / "made"
    save_checkpoint(student, result.weights, t5_tokenizer(), folder, lineage)

    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = tokenizer("What is 2 + 4?", return_tensors="pt")
    begun = torch.tensor([[START, 7, 20]])
    if method == "full":
        plain = AutoModelForSeq2SeqLM.from_pretrained(folder)
    else:
        plain = AutoModelForSeq2SeqLM.from_pretrained(base, dtype=torch.float32)
        plain = PeftModel.from_pretrained(plain, folder)
    expected = student.eval()(**asked, decoder_input_ids=begun).logits.detach()
    found = plain(**asked, decoder_input_ids=begun).logits
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    before = AutoModelForSeq2SeqLM.from_pretrained(base, dtype=torch.float32)
    untrained = before(**asked, decoder_input_ids=begun).logits
    ours = load(parse_ref("checkpoint:made", tmp_path, tmp_path / "none")).model
    merged = ours(**asked, decoder_input_ids=begun).logits.float()
    # in bfloat16, whose rounding is little beside what training moved
    assert (merged - expected).abs().mean() < 0.1 * (untrained - expected).abs().mean()
    assert "pipeline_tag: text2text-generation" in (folder / "README.md").read_text()
