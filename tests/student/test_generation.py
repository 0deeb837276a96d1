"""Answers in batches are the answers one at a time, each once, whatever happens in between."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, Qwen3NextConfig, Qwen3NextForCausalLM

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.base import Completion, Decoding
from fair_app.student.generation import TransformersStudent, render_prompt
from fair_app.student.loading import LoadedModel
from tests.student.conftest import MANY_ENDS, TINY_SHAPE

PROMPTS = [
    "Tom has 3 apples and buys 4 more. How many apples does he have?",
    "What is 12 minus 5?",
    "A box holds 6 eggs. Ann fills 7 boxes, then drops one box with all its eggs. How many eggs "
    "are still whole, and how many boxes did she fill to begin with?",
    "Say hello.",
]
MANY = [f"{'Count on. ' * (number % 7)}What is {number} plus {number}?" for number in range(23)]
SAMPLED = Decoding("sampled", temperature=0.9, top_p=0.95, max_new_tokens=20)


def answers(
    loaded: LoadedModel, prompts: list[str], decoding: Decoding, batch_size: int
) -> list[Completion]:
    """All answers in the prompts' order; fails when one is missing or comes twice."""
    found = list(TransformersStudent(loaded, batch_size).answer(prompts, decoding))
    assert sorted(index for index, _ in found) == list(range(len(prompts)))
    return [completion for _, completion in sorted(found, key=lambda pair: pair[0])]


def one_at_a_time(loaded: LoadedModel, prompt: str, decoding: Decoding) -> list[int]:
    """What transformers' own `generate` writes, without the end token."""
    text = render_prompt(loaded.tokenizer, prompt)
    tokens = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt")
    written = loaded.model.generate(
        **tokens, max_new_tokens=decoding.max_new_tokens, do_sample=False, pad_token_id=0
    )[0, tokens["input_ids"].shape[1] :].tolist()
    ends = loaded.model.generation_config.eos_token_id
    stops = set(ends if isinstance(ends, list) else [ends])
    return written[:-1] if written[-1] in stops else written


@pytest.mark.model
def test_a_batch_writes_what_generate_writes_one_at_a_time(student: LoadedModel) -> None:
    decoding = Decoding(max_new_tokens=24)
    together = answers(student, PROMPTS, decoding, batch_size=4)
    for prompt, completion in zip(PROMPTS, together, strict=True):
        tokens = one_at_a_time(student, prompt, decoding)
        assert completion.tokens == len(tokens)
        assert completion.text == student.tokenizer.decode(tokens).strip()


@pytest.mark.model
def test_an_answer_that_ends_by_itself_is_not_truncated(student: LoadedModel) -> None:
    (hello,) = answers(student, ["Say hello."], Decoding(max_new_tokens=60), batch_size=1)
    assert not hello.truncated
    assert "<|im_end|>" not in hello.text
    (cut,) = answers(student, ["Say hello."], Decoding(max_new_tokens=3), batch_size=1)
    assert cut.truncated
    assert cut.tokens == 3
    assert hello.text.startswith(cut.text)


@pytest.mark.model
def test_the_prompt_is_the_chat_template_with_its_own_system_prompt(student: LoadedModel) -> None:
    text = render_prompt(student.tokenizer, "How many?")
    assert text.count("<|im_start|>") == 3
    assert text.count("named SmolLM") == 1
    assert text.endswith("<|im_start|>user\nHow many?<|im_end|>\n<|im_start|>assistant\n")


def test_without_a_template_the_prompt_is_plain(tiny_student: LoadedModel) -> None:
    tiny_student.tokenizer.chat_template = None
    assert render_prompt(tiny_student.tokenizer, "How many?") == "<|im_start|>How many?\n"


@pytest.mark.parametrize(("opening", "begun"), [("<think>\n", "<think>"), ("", "")])
def test_thoughts_that_the_template_opens_are_told_from_the_answer(
    tiny_student: LoadedModel, opening: str, begun: str
) -> None:
    tokenizer = tiny_student.tokenizer
    tokenizer.chat_template = f"{{{{ messages[0].content }}}}\n{opening}"
    (found,) = answers(tiny_student, ["2 + 2?"], Decoding(max_new_tokens=12), batch_size=1)
    written = one_at_a_time(tiny_student, "2 + 2?", Decoding(max_new_tokens=12))
    assert (found.text, found.tokens) == (begun + tokenizer.decode(written).strip(), len(written))


@pytest.mark.parametrize("decoding", [Decoding(max_new_tokens=90), SAMPLED])
def test_rows_that_come_and_go_change_no_answer(
    tiny_student: LoadedModel, decoding: Decoding
) -> None:
    alone = answers(tiny_student, MANY, decoding, batch_size=1)
    assert len({completion.tokens for completion in alone}) > 5
    for batch_size in (3, 8, 64):
        assert answers(tiny_student, MANY, decoding, batch_size) == alone


def test_answers_longer_than_the_room_of_a_regrouping(tiny_student: LoadedModel) -> None:
    tiny_student.model.generation_config.eos_token_id = None
    decoding = Decoding(max_new_tokens=150)
    together = answers(tiny_student, MANY[:4], decoding, batch_size=4)
    # The tokenizer's own end token still ends an answer.
    tiny_student.model.generation_config.eos_token_id = tiny_student.tokenizer.eos_token_id
    for prompt, completion in zip(MANY, together, strict=False):
        assert completion.tokens == len(one_at_a_time(tiny_student, prompt, decoding))
        assert completion.truncated == (completion.tokens == 150)


@pytest.mark.parametrize("limit", [1, 2])
def test_the_least_of_new_tokens(tiny_student: LoadedModel, limit: int) -> None:
    found = answers(tiny_student, MANY, Decoding(max_new_tokens=limit), batch_size=4)
    assert all(completion.tokens <= limit for completion in found)
    assert all(completion.truncated == (completion.tokens == limit) for completion in found)


def test_a_seed_gives_the_same_again_and_another_seed_something_else(
    tiny_student: LoadedModel,
) -> None:
    first = answers(tiny_student, MANY, SAMPLED, batch_size=8)
    assert answers(tiny_student, MANY, SAMPLED, batch_size=8) == first
    assert answers(tiny_student, MANY, replace(SAMPLED, seed=1), batch_size=8) != first


def test_equal_prompts_are_drawn_apart(tiny_student: LoadedModel) -> None:
    three = answers(tiny_student, ["How many?"] * 3, SAMPLED, batch_size=4)
    assert len({completion.text for completion in three}) == 3


def cancel_after(checks: int) -> Callable[[], None]:
    left = [checks]

    def cancelled() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Cancelled

    return cancelled


def test_after_a_cancel_the_rest_can_be_asked_for(tiny_student: LoadedModel) -> None:
    whole = answers(tiny_student, MANY, SAMPLED, batch_size=4)
    found: dict[int, Completion] = {}
    with pytest.raises(Cancelled):
        for index, completion in TransformersStudent(tiny_student, 4).answer(
            MANY, SAMPLED, cancel_after(15)
        ):
            found[index] = completion
    assert 0 < len(found) < len(MANY)
    rest = [index for index in range(len(MANY)) if index not in found]
    for index, completion in zip(
        rest, answers(tiny_student, [MANY[i] for i in rest], SAMPLED, 4), strict=True
    ):
        found[index] = completion
    assert [found[index] for index in range(len(MANY))] == whole


def test_the_callers_code_is_not_in_inference_mode(tiny_student: LoadedModel) -> None:
    for _ in TransformersStudent(tiny_student, 4).answer(MANY[:4], Decoding(max_new_tokens=4)):
        assert not torch.is_inference_mode_enabled()


class LittleMemory:
    """Makes a model fail, as a GPU does, above some rows at once, and now and then below."""

    def __init__(self, model: torch.nn.Module, most_rows: int, every: int = 10**9) -> None:
        self.largest, self.calls = 0, 0
        self._most_rows, self._every = most_rows, every
        self._handle = model.register_forward_pre_hook(self._check, with_kwargs=True)

    def _check(self, _: torch.nn.Module, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        rows = len(kwargs["input_ids"])
        self.calls += 1
        if rows > self._most_rows or (rows > 1 and self.calls % self._every == 0):
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        self.largest = max(self.largest, rows)


@pytest.mark.parametrize("decoding", [Decoding(max_new_tokens=20), SAMPLED])
def test_running_out_of_memory_halves_the_batch_and_loses_nothing(
    tiny_student: LoadedModel, decoding: Decoding
) -> None:
    whole = answers(tiny_student, MANY, decoding, batch_size=16)
    memory = LittleMemory(tiny_student.model, most_rows=5)
    student = TransformersStudent(tiny_student, 16)
    found = list(student.answer(MANY, decoding))
    assert sorted(index for index, _ in found) == list(range(len(MANY)))
    assert [completion for _, completion in sorted(found, key=lambda pair: pair[0])] == whole
    assert memory.largest == student.batch_size == student.description["batch_size"] == 4


def test_running_out_of_memory_in_the_middle_loses_nothing(tiny_student: LoadedModel) -> None:
    whole = answers(tiny_student, MANY, SAMPLED, batch_size=8)
    LittleMemory(tiny_student.model, most_rows=100, every=13)
    assert answers(tiny_student, MANY, SAMPLED, batch_size=8) == whole


def test_no_memory_for_a_single_answer_is_said(tiny_student: LoadedModel) -> None:
    LittleMemory(tiny_student.model, most_rows=0)
    with pytest.raises(WorkFailed, match="Memory does not suffice"):
        list(TransformersStudent(tiny_student, 4).answer(MANY, Decoding(max_new_tokens=4)))


def test_other_errors_are_not_taken_for_a_lack_of_memory(tiny_student: LoadedModel) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    tiny_student.model.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        list(TransformersStudent(tiny_student, 4).answer(MANY, Decoding(max_new_tokens=4)))


def test_what_exceeds_the_context_is_refused(tiny_student: LoadedModel) -> None:
    with pytest.raises(BadInput, match=r"context of 512: allow fewer new tokens"):
        list(TransformersStudent(tiny_student).answer(["Hi"], Decoding(max_new_tokens=500)))


def test_no_prompts_no_answers(tiny_student: LoadedModel) -> None:
    assert list(TransformersStudent(tiny_student).answer([], Decoding())) == []


def test_a_sliding_window_is_kept(tiny_student: LoadedModel) -> None:
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(**TINY_SHAPE, num_hidden_layers=2, sliding_window=12))
    loaded = replace(tiny_student, model=model.eval())
    decoding = Decoding(max_new_tokens=40)
    for prompt, completion in zip(
        PROMPTS, answers(loaded, PROMPTS, decoding, batch_size=4), strict=True
    ):
        tokens = one_at_a_time(loaded, prompt, decoding)
        assert completion.text == loaded.tokenizer.decode(tokens, skip_special_tokens=True).strip()


@pytest.mark.parametrize("decoding", [Decoding(max_new_tokens=12), SAMPLED])
def test_a_model_with_recurrent_layers_is_asked_in_fixed_batches(
    tiny_student: LoadedModel, decoding: Decoding
) -> None:
    torch.manual_seed(0)
    config = Qwen3NextConfig(
        **TINY_SHAPE,
        num_hidden_layers=4,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        shared_expert_intermediate_size=32,
        linear_num_value_heads=4,
        linear_num_key_heads=2,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
    )
    model = Qwen3NextForCausalLM(config).eval()
    model.generation_config.eos_token_id = MANY_ENDS
    loaded = replace(tiny_student, model=model)
    alone = answers(loaded, MANY[:6], decoding, batch_size=1)
    assert answers(loaded, MANY[:6], decoding, batch_size=4) == alone
    with pytest.raises(Cancelled):
        list(TransformersStudent(loaded, 4).answer(MANY[:6], decoding, cancel_after(2)))
