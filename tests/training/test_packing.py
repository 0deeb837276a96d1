from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fair_app.errors import BadInput
from fair_app.student.generation import render_prompt
from fair_app.training.examples import Text, draw_pairs
from fair_app.training.packing import Segment, encode, fill, group, make_step, pack
from tests.training.tiny import END, example, in_brackets, pool, questions, tiny_tokenizer


def text(tokens: torch.Tensor) -> str:
    return str(tiny_tokenizer().decode(tokens))


def test_a_response_follows_its_rendered_prompt_and_ends_with_the_end_token() -> None:
    found = example("rationale", "What is 1 + 1?", " It is 2. ")

    assert text(found.tokens) == f"[What is 1 + 1?]>It is 2.{END}"
    assert text(found.tokens[found.prompt_length :]) == f"It is 2.{END}"
    assert found.response_length == len("It is 2.") + 1
    assert not found.shortened


def test_the_prompt_is_the_one_of_the_exam() -> None:
    assert render_prompt(tiny_tokenizer(), "What?") == in_brackets(None, "What?")


def test_a_long_example_loses_the_start_of_its_prompt_and_nothing_of_its_response() -> None:
    found = example("rationale", "0123456789", "abc", max_tokens=8)

    assert len(found.tokens) == 8
    assert text(found.tokens) == f"89]>abc{END}"
    assert found.shortened


def test_a_response_that_exceeds_the_limit_is_no_example() -> None:
    tokenizer = tiny_tokenizer()
    assert example("rationale", "question", "abcdef", max_tokens=8).prompt_length == 1
    assert encode(tokenizer, in_brackets, "rationale", "question", "abcdefg", 8) is None


def test_a_tokenizer_without_an_end_token_is_bad_input() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(BadInput, match="end token"):
        encode(tokenizer, in_brackets, "rationale", "question", "answer", 64)


def test_texts_that_do_not_fit_are_left_out_of_the_draw_and_counted() -> None:
    first, second = questions(2)
    long = Text("eve", "very " * 20)
    found = pool([replace(first, rationales=(*first.rationales, long)), second], max_tokens=64)

    assert found.left_out == 1
    assert found.questions[0].rationales == first.rationales
    assert found.shortened > 0  # feedback prompts hold question and answer: over 64 bytes
    for epoch in range(20):
        for pair in found.examples(draw_pairs(found.questions, epoch, 731)):
            assert all(len(one.tokens) <= 64 for one in pair)


def test_a_pair_without_one_part_brings_the_other() -> None:
    first, second = questions(2)
    found = pool([replace(first, feedback=()), replace(second, rationales=())])
    drawn = found.examples(draw_pairs(found.questions, 0, 731))
    assert sorted(one.part for pair in drawn for one in pair) == ["feedback", "rationale"]
    assert {len(pair) for pair in drawn} == {1}


def test_a_pack_lays_sequences_in_a_row_without_padding() -> None:
    first, second = example("feedback", "a", "bc"), example("rationale", "defg", "h")
    packed = pack([group([first]), group([second])], {"feedback": 0.25, "rationale": 0.5})

    assert text(packed.tokens[0]) == f"[a]>bc{END}[defg]>h{END}"
    assert packed.segments == (Segment(7), Segment(9))
    assert packed.positions.tolist() == [[*range(7), *range(9)]]
    assert text(packed.labels) == f"bc{END}h{END}"
    assert packed.weights.tolist() == [0.25] * 3 + [0.5] * 2
    assert packed.is_feedback.tolist() == [True] * 3 + [False] * 2
    assert packed.sources.tolist() == [3, 4, 5, 13, 14]
    # each label is the token after its source, within the same sequence
    assert torch.equal(packed.tokens[0][packed.sources + 1], packed.labels)


def test_what_two_prompts_share_stands_in_the_row_once() -> None:
    first, second = example("rationale", "abc", "x"), example("feedback", "abcde", "yz")
    packed = pack([group([first, second])], {"feedback": 0.25, "rationale": 0.5})

    assert text(packed.tokens[0]) == f"[abc]>x{END}de]>yz{END}"
    assert packed.segments == (Segment(4), Segment(4, 4, 0), Segment(7, 4, 0))
    assert packed.positions.tolist() == [[*range(4), *range(4, 8), *range(4, 11)]]
    assert text(packed.labels) == f"x{END}yz{END}"
    assert torch.equal(packed.tokens[0][packed.sources + 1], packed.labels)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [("abc", "abd", 3), ("abc", "abc", 5), ("abc", "xyz", 1), ("", "abc", 1)],
)
def test_no_more_is_shared_than_prompts_without_their_last_token(
    first: str, second: str, shared: int
) -> None:
    """Whatever the responses are: the last prompt token predicts the first of its own response."""
    examples = [example("rationale", first, "same"), example("feedback", second, "same")]
    assert group(examples).shared == shared


def test_nothing_is_shared_where_a_prompt_is_cut() -> None:
    whole = example("rationale", "question " * 4, "x", max_tokens=512)
    cut = example("feedback", "question " * 4, "x", max_tokens=20)
    assert group([whole, cut]).shared == 0


@given(st.floats(0, 1), st.integers(1, 400), st.booleans())
def test_weights_of_a_step_add_up_to_alpha_and_the_rest(
    alpha: float, tokens: int, alone: bool
) -> None:
    found = pool(questions(4))
    pairs = found.examples(draw_pairs(found.questions, 0, 731))
    step = make_step(pairs, alpha, tokens, alone=alone)

    weights = torch.cat([one.weights for one in step.packs])
    feedback = torch.cat([one.is_feedback for one in step.packs])
    assert weights[feedback].sum().item() == pytest.approx(alpha, abs=1e-5)
    assert weights[~feedback].sum().item() == pytest.approx(1 - alpha, abs=1e-5)
    assert step.feedback_tokens == int(feedback.sum())
    assert step.rationale_tokens == int((~feedback).sum())
    assert step.tokens == sum(len(one.tokens) for pair in pairs for one in pair)
    if alone:
        assert all(one.segments == (Segment(one.tokens.numel()),) for one in step.packs)


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(1, 60))
def test_passes_hold_all_groups_within_the_limit(lengths: list[int], limit: int) -> None:
    groups = [group([example("rationale", "q", "x" * length)]) for length in lengths]
    passes = fill(groups, limit)

    assert [one for members in passes for one in members] == groups
    for members in passes:
        assert len(members) == 1 or sum(one.length for one in members) <= limit


def test_what_weighs_nothing_gets_passes_of_its_own() -> None:
    found = pool(questions(3))
    pairs = found.examples(draw_pairs(found.questions, 0, 731))
    for alpha, weighs_nothing in ((0.0, True), (1.0, False)):
        for one in make_step(pairs, alpha, 10_000).packs:
            assert bool(one.weights.any()) != bool((one.is_feedback == weighs_nothing).any())
