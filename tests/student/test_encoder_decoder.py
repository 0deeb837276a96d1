"""Students with an encoder answer as transformers' own `generate`, in any batch, with any seed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, BartConfig, BartForConditionalGeneration

from fair_app.errors import BadInput, Cancelled, WorkFailed
from fair_app.student.base import Completion, Decoding
from fair_app.student.generation import TransformersStudent, prompt_renderer
from fair_app.student.loading import LoadedModel, has_encoder, load
from fair_app.student.registry import StudentRef, parse_ref
from tests.student.tiny_t5 import END, START, loaded_t5, t5_folder, t5_tokenizer, tiny_t5

MANY = [f"{'Count on. ' * (number % 5)}What is {number} plus {number}?" for number in range(9)]
GREEDY = Decoding(max_new_tokens=8)
SAMPLED = Decoding("sampled", temperature=2.0, top_p=0.95, max_new_tokens=8)


def answers(
    loaded: LoadedModel, prompts: list[str], decoding: Decoding, batch_size: int
) -> list[Completion]:
    """All answers in the prompts' order; fails when one is missing or comes twice."""
    found = list(TransformersStudent(loaded, batch_size).answer(prompts, decoding))
    assert sorted(index for index, _ in found) == list(range(len(prompts)))
    return [completion for _, completion in sorted(found, key=lambda pair: pair[0])]


def one_at_a_time(loaded: LoadedModel, prompt: str, decoding: Decoding) -> list[int]:
    """What transformers' own `generate` writes to what T5's own tokenizer makes of a prompt."""
    written = loaded.model.generate(
        **loaded.tokenizer(prompt, return_tensors="pt"),
        max_new_tokens=decoding.max_new_tokens,
        do_sample=False,
        decoder_start_token_id=START,
    )[0, 1:].tolist()
    return written[:-1] if written[-1] in loaded.model.generation_config.eos_token_id else written


def ref_of(folder: Path) -> StudentRef:
    return parse_ref(str(folder), folder / "none", folder / "none")


@pytest.mark.parametrize(("family", "batch_size"), [("t5", 1), ("t5", 4), ("t5", 64), ("mt5", 4)])
def test_a_batch_writes_what_generate_writes_one_at_a_time(family: str, batch_size: int) -> None:
    loaded = loaded_t5(family)
    found = answers(loaded, MANY, GREEDY, batch_size)
    lengths = set()
    for prompt, completion in zip(MANY, found, strict=True):
        tokens = one_at_a_time(loaded, prompt, GREEDY)
        assert completion.tokens == len(tokens)
        assert completion.text == loaded.tokenizer.decode(tokens, skip_special_tokens=True)
        assert completion.truncated == (len(tokens) == GREEDY.max_new_tokens)
        lengths.add(len(tokens))
    assert len(lengths) > 2, "rows finish at different times"


def test_the_prompt_ends_with_the_end_token_and_begins_with_none() -> None:
    tokenizer = t5_tokenizer()
    for style in ("chat", "plain"):
        text = prompt_renderer(has_encoder=True, style=style)(tokenizer, "What is 2 plus 2?")
        found = tokenizer.encode(text, add_special_tokens=False)
        assert found == tokenizer.encode("What is 2 plus 2?")
        assert found[-1] == END
        assert found.count(END) == 1


def test_samples_follow_their_seeds_whatever_the_batch() -> None:
    loaded = loaded_t5()
    few = MANY[:3]
    alone = answers(loaded, few, SAMPLED, batch_size=1)
    for batch_size in (2, 64):
        assert answers(loaded, few, SAMPLED, batch_size) == alone
    assert answers(loaded, few, replace(SAMPLED, seed=1), 64) != alone
    three = answers(loaded, ["How many?"] * 3, SAMPLED, batch_size=4)
    assert len({completion.text for completion in three}) == 3
    student = TransformersStudent(loaded, 4)
    seeds = [5, 6, 5]
    first = dict(student.answer(["How many?", "How many?", "Why?"], SAMPLED, seeds=seeds))
    assert first[0] == dict(student.answer(["How many?"], SAMPLED, seeds=[5]))[0]
    assert first[1] == dict(student.answer(["How many?"], SAMPLED, seeds=[6]))[0]
    assert first[0] != first[1]


def test_padding_is_masked() -> None:
    """That the comparison can fail: what is behind a prompt would move its answer."""
    loaded = loaded_t5()
    tokens = loaded.tokenizer(MANY[1], return_tensors="pt")["input_ids"]
    beside = torch.cat([tokens, torch.zeros(1, 20, dtype=torch.long)], 1)
    start = torch.tensor([[START]])
    right, seen = (
        loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids), decoder_input_ids=start)
        for ids in (tokens, beside)
    )
    assert (right.logits - seen.logits).abs().max() > 0.01


def test_an_answer_grows_token_by_token() -> None:
    loaded = loaded_t5()
    (whole,) = answers(loaded, MANY[1:2], GREEDY, 1)
    grown = list(TransformersStudent(loaded).stream(MANY[1], GREEDY))
    assert grown[-1] == whole
    assert [one.tokens for one in grown[:3]] == [1, 2, 3]
    assert not any(one.truncated for one in grown[:-1])


def test_after_a_cancel_between_steps_the_rest_can_be_asked_for() -> None:
    loaded = loaded_t5()
    whole = answers(loaded, MANY, SAMPLED, batch_size=4)
    found, checks = {}, 0

    def cancelled() -> None:
        nonlocal checks
        checks += 1
        if checks > 14:
            raise Cancelled

    with pytest.raises(Cancelled):
        for index, completion in TransformersStudent(loaded, 4).answer(MANY, SAMPLED, cancelled):
            found[index] = completion
    assert 0 < len(found) < len(MANY)
    rest = [index for index in range(len(MANY)) if index not in found]
    again = answers(loaded, [MANY[index] for index in rest], SAMPLED, 4)
    assert {**found, **dict(zip(rest, again, strict=True))} == dict(enumerate(whole))


def test_running_out_of_memory_halves_the_batch_and_loses_nothing() -> None:
    loaded = loaded_t5()
    whole = answers(loaded, MANY, SAMPLED, batch_size=16)

    def short(_: object, args: object, named: dict[str, torch.Tensor]) -> None:
        if len(named["decoder_input_ids"]) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")

    loaded.model.register_forward_pre_hook(short, with_kwargs=True)
    student = TransformersStudent(loaded, 16)
    found = dict(student.answer(MANY, SAMPLED))
    assert [found[index] for index in range(len(MANY))] == whole
    assert student.description["batch_size"] == 4
    assert student.description["chat_template"] is False


def test_no_memory_for_a_single_answer_is_said() -> None:
    loaded = loaded_t5()

    def none(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory (simulated)")

    loaded.model.get_encoder().register_forward_pre_hook(none)
    with pytest.raises(WorkFailed, match="Memory does not suffice"):
        list(TransformersStudent(loaded, 2).answer(MANY, GREEDY))


def test_a_model_that_does_not_say_how_its_decoder_begins_is_refused() -> None:
    loaded = loaded_t5(decoder_start_token_id=None)
    loaded.model.generation_config.decoder_start_token_id = None
    with pytest.raises(BadInput, match="has no decoder_start_token_id"):
        list(TransformersStudent(loaded).answer(["Hi"], GREEDY))


def test_a_folder_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    folder = t5_folder(tmp_path / "t5")
    ref = ref_of(folder)
    loaded = load(ref)
    assert has_encoder(ref)
    assert (loaded.description["model_type"], loaded.description["dtype"]) == ("t5", "bfloat16")
    expected = tiny_t5().to(torch.bfloat16)
    assert all(
        torch.equal(one, other)
        for one, other in zip(expected.parameters(), loaded.model.parameters(), strict=True)
    )
    assert loaded.tokenizer.encode("What is 2?") == t5_tokenizer().encode("What is 2?")


@pytest.mark.parametrize("own_head", [False, True])
def test_the_head_survives_being_loaded_and_saved_again(tmp_path: Path, own_head: bool) -> None:
    """Flan-T5 has a head of its own and does not scale what it takes; T5 does both."""
    first = t5_folder(tmp_path / "first", own_head=own_head)
    expected = tiny_t5(own_head=own_head).to(torch.bfloat16)
    asked = {"input_ids": torch.tensor([[5, 9, END]]), "decoder_input_ids": torch.tensor([[START]])}
    logits = expected(**asked).logits
    loaded = load(ref_of(first))
    torch.testing.assert_close(loaded.model(**asked).logits, logits, rtol=0.02, atol=0.02)
    loaded.model.save_pretrained(tmp_path / "second")
    loaded.tokenizer.save_pretrained(tmp_path / "second")
    again = load(ref_of(tmp_path / "second"))
    torch.testing.assert_close(again.model(**asked).logits, logits, rtol=0.02, atol=0.02)


def test_in_4_bits_the_matrices_that_transformers_keeps_stay_plain(tmp_path: Path) -> None:
    loaded = load(ref_of(t5_folder(tmp_path / "t5", d_model=64, d_ff=64)), "4bit")
    kinds = {
        name.rpartition(".")[2]: type(module).__name__
        for name, module in loaded.model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    assert kinds["q"] == kinds["wi"] == "Linear4bit"
    assert kinds["wo"] == kinds["lm_head"] == "Linear"
    found = answers(loaded, MANY[:4], Decoding(max_new_tokens=4), 4)
    assert all(one.tokens for one in found)


def test_other_encoder_decoders_are_refused(tmp_path: Path) -> None:
    shape = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 8, "vocab_size": 99}
    heads = {"encoder_attention_heads": 1, "decoder_attention_heads": 1}
    ffn = {"encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    model = BartForConditionalGeneration(BartConfig(**shape, **heads, **ffn))
    model.save_pretrained(tmp_path)
    for look in (load, has_encoder):
        with pytest.raises(BadInput, match=r"is a bart model, which cannot be a student: .* T5"):
            look(ref_of(tmp_path))


def test_half_a_t5_is_refused(tmp_path: Path) -> None:
    folder = t5_folder(tmp_path / "t5")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["T5EncoderModel"]}))
    with pytest.raises(BadInput, match="is a t5 model, which cannot be a student"):
        load(ref_of(folder))


def test_plain_transformers_reads_what_was_saved(tmp_path: Path) -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(t5_folder(tmp_path / "t5"))
    assert model.config.decoder_start_token_id == START
