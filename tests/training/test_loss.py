"""The dual loss against plain computations that share no code with it."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from fair_app.training.attention import is_packable, segmented
from fair_app.training.examples import Part, draw_pairs
from fair_app.training.loss import PackLoss, StepLoss, pack_loss, step_loss
from fair_app.training.packing import Example, group, make_step, pack
from tests.training.tiny import END, example, pool, questions, tiny_model, tiny_tokenizer

EXAMPLES = [
    example("rationale", "What is 2 + 3?", "2 + 3 = 5. The answer is 5."),
    example("feedback", "What is 2 + 3? It is 6.", "You added one too many."),
    example("rationale", "What is 10 - 4?", "6"),
    example("feedback", "What is 10 - 4? It is 14. Point out the mistake.", "You added."),
    example("rationale", "And 7 * 8?", "7 * 8 = 56, for 7 * 4 = 28 and twice that is 56."),
]
ALPHA = 0.3
WEIGHTS: dict[Part, float] = {"feedback": 1.0, "rationale": 1.0}


def pairs_of(examples: list[Example]) -> list[list[Example]]:
    """Examples two by two, the last alone where they are odd."""
    return [examples[start : start + 2] for start in range(0, len(examples), 2)]


def plain_losses(model: PreTrainedModel, examples: list[Example]) -> dict[str, torch.Tensor]:
    """Each part's mean cross-entropy: one sequence at a time, all logits, eager attention."""
    entropies: dict[str, list[torch.Tensor]] = {"feedback": [], "rationale": []}
    for one in examples:
        logits = model(input_ids=one.tokens[None]).logits[0]
        for place in range(one.prompt_length, len(one.tokens)):
            entropies[one.part].append(
                torch.logsumexp(logits[place - 1], 0) - logits[place - 1, one.tokens[place]]
            )
    return {part: torch.stack(values).mean() for part, values in entropies.items() if values}


def plain(model: PreTrainedModel, examples: list[Example], alpha: float) -> torch.Tensor:
    parts = plain_losses(model, examples)
    return alpha * parts.get("feedback", 0) + (1 - alpha) * parts.get("rationale", 0)


def gradients(model: PreTrainedModel) -> torch.Tensor:
    """All gradients of the decoder in one vector, and cleared. The head is not trained here."""
    found = torch.cat([parameter.grad.flatten() for parameter in model.model.parameters()])
    model.zero_grad()
    return found


def assert_same_as_plain(
    model: PreTrainedModel, examples: list[Example], alpha: float, tokens_per_pass: int = 10_000
) -> StepLoss:
    model.lm_head.requires_grad_(False)
    expected = plain(model, examples, alpha)
    expected.backward()
    expected_gradients = gradients(model)

    found = step_loss(model, make_step(pairs_of(examples), alpha, tokens_per_pass))

    assert found.total == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(gradients(model), expected_gradients, rtol=1e-4, atol=1e-5)
    return found


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model()


@pytest.mark.parametrize("alpha", [0.0, ALPHA, 0.5, 1.0])
def test_packed_loss_and_gradient_are_those_of_one_sequence_at_a_time(
    model: PreTrainedModel, alpha: float
) -> None:
    found = assert_same_as_plain(model, EXAMPLES, alpha)
    parts = plain_losses(model, EXAMPLES)
    assert found.feedback == pytest.approx(parts["feedback"].item(), rel=1e-5)
    assert found.rationale == pytest.approx(parts["rationale"].item(), rel=1e-5)


@pytest.mark.parametrize("tokens_per_pass", [1, 60, 100, 150])
def test_any_partition_into_passes_has_the_same_loss_and_gradient(
    model: PreTrainedModel, tokens_per_pass: int
) -> None:
    assert_same_as_plain(model, EXAMPLES, ALPHA, tokens_per_pass)


def test_what_a_pair_shares_of_its_prompts_is_computed_once_and_changes_nothing(
    model: PreTrainedModel,
) -> None:
    for shared in (EXAMPLES[:2], EXAMPLES[2:4]):
        batch = make_step([shared], ALPHA, 10_000)
        assert batch.packs[0].tokens.numel() < sum(len(one.tokens) for one in shared)
        assert_same_as_plain(model, shared, ALPHA)


@pytest.mark.parametrize("missing", ["feedback", "rationale"])
def test_a_step_with_one_part_has_that_parts_loss(model: PreTrainedModel, missing: str) -> None:
    present = [one for one in EXAMPLES if one.part != missing]
    found = assert_same_as_plain(model, present, ALPHA)
    assert getattr(found, missing) is None


def test_a_question_with_one_part_only_is_learned_from(model: PreTrainedModel) -> None:
    first, second, third = questions(3)
    found = pool([replace(first, feedback=()), replace(second, rationales=()), third])
    drawn = found.examples(draw_pairs(found.questions, 0, 731))
    assert_same_as_plain(model, [one for pair in drawn for one in pair], ALPHA)


def test_cut_prompts_are_learned_from_as_cut(model: PreTrainedModel) -> None:
    cut = [
        example(one.part, "A long question. " * 9, "answer " * number, max_tokens=64)
        for number, one in enumerate(EXAMPLES, 1)
    ]
    assert all(one.shortened for one in cut)
    assert_same_as_plain(model, cut, ALPHA)


def test_many_labels_are_taken_in_chunks(model: PreTrainedModel) -> None:
    long = [
        example("rationale", "Count.", " ".join(map(str, range(150)))),
        example("feedback", "Count.", " ".join(map(str, range(150, 0, -1)))),
    ]
    assert sum(one.response_length for one in long) > 2 * 256
    assert_same_as_plain(model, long, ALPHA)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("alpha", [0.0, ALPHA, 1.0])
@pytest.mark.parametrize("chunk", [256, 7])
def test_all_weights_have_the_gradient_of_one_sequence_at_a_time(
    tied: bool, alpha: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head's, too, which may be the embedding's."""
    monkeypatch.setattr("fair_app.training.loss.LABELS_PER_CHUNK", chunk)
    model = tiny_model(tied=tied)
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied
    plain(model, EXAMPLES, alpha).backward()
    expected = {name: one.grad.clone() for name, one in model.named_parameters()}
    model.zero_grad()
    step_loss(model, make_step(pairs_of(EXAMPLES), alpha, 150))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-5)


def test_without_learning_there_is_the_loss_and_no_gradient(model: PreTrainedModel) -> None:
    batch = make_step(pairs_of(EXAMPLES), ALPHA, 150)
    found = step_loss(model, batch, learn=False)
    assert found.total == pytest.approx(plain(model, EXAMPLES, ALPHA).item(), rel=1e-5)
    assert all(parameter.grad is None for parameter in model.parameters())


def padded_loss(
    model: PreTrainedModel, examples: list[Example], *, padding_counts: bool, padding_seen: bool
) -> torch.Tensor:
    """The reference's way: each part padded with the end token, its own pass, all logits."""
    end = tiny_tokenizer().eos_token_id
    parts = {}
    for part in ("feedback", "rationale"):
        members = [one for one in examples if one.part == part]
        width = max(len(one.tokens) for one in members) + 3
        tokens = torch.full((len(members), width), end)
        mask = torch.zeros_like(tokens)
        labels = torch.full_like(tokens, -100)
        for row, one in enumerate(members):
            length = len(one.tokens)
            tokens[row, :length] = one.tokens
            mask[row, :length] = 1
            labels[row, one.prompt_length : length] = one.tokens[one.prompt_length :]
            if padding_counts:
                labels[row, length:] = end
        if padding_seen:
            mask = torch.ones_like(mask)
        logits = model(input_ids=tokens, attention_mask=mask).logits
        parts[part] = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    return ALPHA * parts["feedback"] + (1 - ALPHA) * parts["rationale"]


def test_padding_never_counts(model: PreTrainedModel) -> None:
    ours = step_loss(model, make_step(pairs_of(EXAMPLES), ALPHA, 10_000)).total
    right = padded_loss(model, EXAMPLES, padding_counts=False, padding_seen=False).item()
    faulty = padded_loss(model, EXAMPLES, padding_counts=True, padding_seen=False).item()

    assert ours == pytest.approx(right, rel=1e-5)
    assert abs(faulty - right) > 0.05  # the end token in padding labels is not without effect


def test_no_token_sees_another_sequence_or_padding(model: PreTrainedModel) -> None:
    """Whatever stands around a sequence in its row, its cross-entropies are the same."""
    subject = EXAMPLES[1]
    alone = pack_loss_of(model, [subject]).entropies
    padding = example("rationale", END * 20, END * 20)
    for neighbours in ([EXAMPLES[0]], [padding], [padding, EXAMPLES[2]]):
        beside = pack_loss_of(model, [*neighbours, subject, padding]).entropies
        before = sum(one.response_length for one in neighbours)
        torch.testing.assert_close(
            beside[before : before + subject.response_length], alone, rtol=1e-5, atol=1e-5
        )


def test_positions_alone_would_not_keep_sequences_apart(model: PreTrainedModel) -> None:
    """That the isolation test can fail: with ordinary attention the neighbour is seen."""
    packed = pack([group([one]) for one in EXAMPLES[:2]], WEIGHTS)
    apart = pack_loss_of(model, EXAMPLES[:2]).entropies
    position = torch.arange(packed.tokens.shape[1])
    causal = (position[:, None] >= position[None, :])[None, None]
    logits = model(
        input_ids=packed.tokens, position_ids=packed.positions, attention_mask=causal
    ).logits[0, packed.sources]
    mixed = cross_entropy(logits, packed.labels, reduction="none")
    first = EXAMPLES[0].response_length
    torch.testing.assert_close(mixed[:first], apart[:first], rtol=1e-5, atol=1e-5)
    assert (mixed[first:] - apart[first:]).abs().max() > 0.01


def pack_loss_of(model: PreTrainedModel, examples: list[Example]) -> PackLoss:
    with segmented(model), torch.no_grad():
        return pack_loss(model, pack([group([one]) for one in examples], WEIGHTS))


def test_the_model_has_its_own_attention_again_afterwards(model: PreTrainedModel) -> None:
    before = model.config._attn_implementation
    step_loss(model, make_step(pairs_of(EXAMPLES), ALPHA, 10_000))
    assert model.config._attn_implementation == before


def test_checkpointing_changes_nothing() -> None:
    model = tiny_model()
    model.activation_checkpointing_enable()
    model.train()
    model.lm_head.requires_grad_(False)
    step_loss(model, make_step(pairs_of(EXAMPLES), ALPHA, 150))
    found = gradients(model)
    other = tiny_model()
    plain(other, EXAMPLES, ALPHA).backward()
    torch.testing.assert_close(found, gradients(other), rtol=1e-4, atol=1e-5)


FAMILIES = {
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "mistral": {"sliding_window": 11},
    "phi3": {},
    "gemma3_text": {"head_dim": 8, "sliding_window": 11, "final_logit_softcapping": 5.0},
    "granite": {"logits_scaling": 2.5},
    "cohere": {"logit_scale": 0.2},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "gemma2": {"head_dim": 8, "query_pre_attn_scalar": 8},
}
UNPACKABLE = {"gemma2"}


def family_model(family: str) -> PreTrainedModel:
    """A tiny model of a family, in float32."""
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        family,
        **{
            "vocab_size": 257,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "initializer_range": 0.3,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": 0,
            "attn_implementation": "eager",
            **FAMILIES[family],
        },
    )
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_families_with_windows_scaling_or_capping(family: str) -> None:
    model = family_model(family)
    assert is_packable(model) == (family not in UNPACKABLE)
    with torch.no_grad():
        expected = plain(model, EXAMPLES, ALPHA).item()
        batch = make_step(pairs_of(EXAMPLES), ALPHA, 10_000, alone=not is_packable(model))
        found = step_loss(model, batch)
    assert found.total == pytest.approx(expected, rel=1e-4)
