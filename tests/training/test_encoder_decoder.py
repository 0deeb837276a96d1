"""The dual loss of students with an encoder, against plain float64 computations of one sequence at
a time, and of padded rows that transformers shifts and masks itself."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from fair_app.student.generation import prompt_renderer
from fair_app.training.encoder_decoder import rows_of
from fair_app.training.fused import kernels
from fair_app.training.loss import StepLoss, step_loss
from fair_app.training.memory import least_need
from fair_app.training.packing import Example, encode, fill_padded, fullest, make_step
from fair_app.training.preview import preview
from fair_app.training.settings import TrainingSettings
from fair_app.training.shape import read_shape
from tests.student.tiny_t5 import END, START, t5_folder, t5_tokenizer, tiny_t5
from tests.training.tiny import questions

ALPHA = 0.3


def example(part: str, prompt: str, response: str, max_tokens: int = 512) -> Example:
    renderer = prompt_renderer(has_encoder=True)
    found = encode(t5_tokenizer(), renderer, part, prompt, response, max_tokens)  # type: ignore[arg-type]
    assert found is not None
    return found


EXAMPLES = [
    example("rationale", "What is 2 + 3?", "2 + 3 = 5. The answer is 5."),
    example("feedback", "What is 2 + 3? It is 6. Point out the mistake.", "One too many."),
    example("rationale", "What is 10 - 4?", "6"),
    example("feedback", "What is 10 - 4? It is 14. Point out the mistake.", "You added."),
    example("rationale", "And 7 * 8?", "7 * 8 = 56, for 7 * 4 = 28 and twice that is 56."),
]
PAIRS = [EXAMPLES[:2], EXAMPLES[2:4], EXAMPLES[4:]]


def parts_of(one: Example) -> tuple[torch.Tensor, torch.Tensor]:
    return one.tokens[: one.prompt_length], one.tokens[one.prompt_length :]


def plain_losses(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Each part's mean cross-entropy in the model's dtype: one sequence at a time, no mask."""
    entropies: dict[str, list[torch.Tensor]] = {"feedback": [], "rationale": []}
    for one in EXAMPLES:
        prompt, response = parts_of(one)
        begun = torch.cat([torch.tensor([START]), response[:-1]])
        logits = model(input_ids=prompt[None], decoder_input_ids=begun[None]).logits[0]
        logged = torch.log_softmax(logits, -1)
        entropies[one.part] += [-logged[place, token] for place, token in enumerate(response)]
    return {part: torch.stack(values).mean() for part, values in entropies.items()}


def padded_losses(model: PreTrainedModel, *, masked: bool) -> dict[str, torch.Tensor]:
    """The same of padded rows: transformers makes the decoder's input of the labels."""
    found = {}
    for part in ("feedback", "rationale"):
        members = [parts_of(one) for one in EXAMPLES if one.part == part]
        prompts = pad_sequence([prompt for prompt, _ in members], True)
        labels = pad_sequence([response for _, response in members], True, padding_value=-100)
        lengths = torch.tensor([[len(prompt)] for prompt, _ in members])
        mask = torch.arange(prompts.shape[1]) < lengths
        attended = mask if masked else torch.ones_like(mask)
        logits = model(input_ids=prompts, attention_mask=attended, labels=labels).logits
        found[part] = cross_entropy(logits.flatten(0, 1), labels.flatten())
    return found


def weighted(losses: dict[str, torch.Tensor], alpha: float) -> torch.Tensor:
    return alpha * losses["feedback"] + (1 - alpha) * losses["rationale"]


def gradients(model: PreTrainedModel) -> torch.Tensor:
    found = [one.grad.flatten() for one in model.parameters() if one.grad is not None]
    model.zero_grad()
    return torch.cat(found)


def our_loss(
    model: PreTrainedModel, alpha: float = ALPHA, tokens_per_pass: int = 10_000
) -> StepLoss:
    return step_loss(model, make_step(PAIRS, alpha, tokens_per_pass, padded=True))


@pytest.mark.parametrize(("family", "own_head"), [("t5", False), ("t5", True), ("mt5", False)])
def test_the_loss_is_that_of_float64_one_sequence_at_a_time(family: str, own_head: bool) -> None:
    """Whatever lies between decoder and head: T5 scales there, Flan-T5 and mT5 do not."""
    exact = plain_losses(tiny_t5(family, own_head=own_head).double())
    found = our_loss(tiny_t5(family, own_head=own_head))
    assert found.feedback == pytest.approx(exact["feedback"].item(), rel=1e-5)
    assert found.rationale == pytest.approx(exact["rationale"].item(), rel=1e-5)
    assert found.total == pytest.approx(weighted(exact, ALPHA).item(), rel=1e-5)


def test_padding_is_masked_and_never_counts() -> None:
    exact = weighted(padded_losses(tiny_t5().double(), masked=True), ALPHA).item()
    faulty = weighted(padded_losses(tiny_t5().double(), masked=False), ALPHA).item()
    assert our_loss(tiny_t5()).total == pytest.approx(exact, rel=1e-5)
    assert abs(faulty - exact) > 1e-3  # that the comparison can fail


@pytest.mark.parametrize("alpha", [0.0, ALPHA, 1.0])
@pytest.mark.parametrize("tokens_per_pass", [1, 60, 10_000])
def test_any_partition_into_passes_has_the_same_loss_and_gradient(
    alpha: float, tokens_per_pass: int
) -> None:
    model = tiny_t5(own_head=True)
    expected = weighted(plain_losses(model), alpha)
    expected.backward()
    by_plain = gradients(model)
    found = our_loss(model, alpha, tokens_per_pass)
    assert found.total == pytest.approx(expected.item(), rel=1e-5)
    assert found.feedback is not None
    assert found.rationale is not None
    torch.testing.assert_close(gradients(model), by_plain, rtol=1e-4, atol=1e-5)


def test_a_tied_head_gets_the_gradients_of_both_its_uses() -> None:
    model = tiny_t5()
    assert model.lm_head.weight is model.shared.weight
    weighted(plain_losses(model), ALPHA).backward()
    by_plain = gradients(model)
    our_loss(model)
    torch.testing.assert_close(gradients(model), by_plain, rtol=1e-4, atol=1e-5)


def test_activations_computed_twice_change_nothing() -> None:
    model = tiny_t5()
    our_loss(model)
    once = gradients(model)
    model.activation_checkpointing_enable()
    model.train()
    our_loss(model)
    torch.testing.assert_close(gradients(model), once, rtol=1e-4, atol=1e-5)


def test_the_shares_of_several_processes_add_up() -> None:
    model = tiny_t5()
    whole = our_loss(model).total
    shares = [
        make_step(PAIRS, ALPHA, 100, padded=True, process=rank, processes=2) for rank in (0, 1)
    ]
    assert all(share.packs for share in shares)
    assert sum(step_loss(model, one).total for one in shares) == pytest.approx(whole, rel=1e-5)


def test_rows_are_prompts_and_shifted_responses() -> None:
    step = make_step(PAIRS[:1], ALPHA, 10_000, padded=True)
    (pack,) = step.packs
    rows = rows_of(pack, START)
    ordered = sorted(PAIRS[0], key=lambda one: -len(one.tokens))
    for place, one in enumerate(ordered):
        prompt, response = parts_of(one)
        assert torch.equal(rows.prompts[place][rows.read[place]], prompt)
        assert prompt[-1] == END
        begun = rows.inputs[place][rows.labelled[place]]
        assert torch.equal(begun, torch.cat([torch.tensor([START]), response[:-1]]))
    assert torch.equal(pack.labels, torch.cat([parts_of(one)[1] for one in ordered]))
    assert pack.labels[-1] == END


def test_a_prompt_that_is_too_long_is_cut_from_its_start() -> None:
    whole = example("rationale", "Count on. " * 9 + "What is 2 + 3?", "It is 5.")
    cut = example("rationale", "Count on. " * 9 + "What is 2 + 3?", "It is 5.", 20)
    assert len(cut.tokens) == 20
    assert cut.cut == len(whole.tokens) - 20
    assert torch.equal(cut.tokens, whole.tokens[-20:])
    assert parts_of(cut)[0][-1] == END
    assert parts_of(cut)[1][-1] == END


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 20)), max_size=20), st.integers(1, 200)
)
def test_passes_hold_every_example_once_within_the_limit(
    lengths: list[tuple[int, int]], limit: int
) -> None:
    examples = [
        Example("rationale", torch.arange(prompt + response), prompt, 0)
        for prompt, response in lengths
    ]
    passes = [[one.examples[0] for one in groups] for groups in fill_padded(examples, limit)]
    assert sorted(id(one) for rows in passes for one in rows) == sorted(map(id, examples))
    for rows in passes:
        widest = max(one.prompt_length for one in rows) + max(one.response_length for one in rows)
        assert len(rows) == 1 or len(rows) * widest <= limit


def test_the_fullest_pass_is_within_what_a_pass_may_hold() -> None:
    step = fullest(PAIRS, 100, padded=True)
    assert 0 < step.tokens <= 100
    assert step_loss(tiny_t5(), step).total > 0


def test_the_preview_shows_what_the_encoder_reads() -> None:
    settings = TrainingSettings(quantization="none")
    totals, first, *_ = preview(t5_tokenizer(), questions(3), settings, has_encoder=True)
    assert totals["questions"] == 3
    assert first["rationale"]["prompt"].endswith("?</s>")
    assert first["rationale"]["response"].endswith("</s>")
    assert "<unk>" not in first["feedback"]["prompt"]


def test_the_kernels_of_a_run_are_named() -> None:
    assert kernels(tiny_t5(), None)["attention"].startswith("SDPA over padded rows")


def test_its_shape_and_memory_are_read_from_the_files(tmp_path: Path) -> None:
    shape = read_shape(t5_folder(tmp_path / "t5", num_decoder_layers=3))
    model = tiny_t5(num_decoder_layers=3)
    assert shape.parameters == model.num_parameters()
    assert (shape.hidden, shape.layers, shape.has_encoder) == (32, 3, True)
    assert set(shape.module_names) == {"q", "k", "v", "o", "wi", "wo"}
    kept = sum(one.numel() for name, one in model.named_parameters() if "wo.weight" in name)
    assert shape.quantized_parameters == sum(a * b for a, b in shape.linear.values()) - kept
    assert len(shape.targeted("all-linear")) == 2 * 6 + 3 * 10
    whole = TrainingSettings(method="full", quantization="none")
    assert least_need(shape, whole) > least_need(shape, TrainingSettings())
