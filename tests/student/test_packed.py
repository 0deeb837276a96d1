"""Packed weights answer as the others do, and hold no second copy."""

import copy

import pytest
import torch
from torch import nn

from fair_app.student.base import Completion, Decoding
from fair_app.student.generation import TransformersStudent
from fair_app.student.loading import LoadedModel
from fair_app.student.packed import PackedLinear, pack_weights
from tests.student.conftest import MANY_ENDS, tiny_model, tiny_tokenizer

needs_bfloat16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="no bfloat16 on this processor"
)
PROMPTS = [f"{'Go on. ' * (number % 5)}{number} and {number}?" for number in range(12)]
SAMPLED = Decoding("sampled", temperature=0.9, top_p=0.95, max_new_tokens=20)


@pytest.fixture
def halved() -> LoadedModel:
    model = tiny_model().to(torch.bfloat16)
    model.generation_config.eos_token_id = MANY_ENDS
    return LoadedModel(model, tiny_tokenizer(), {})


@needs_bfloat16
@pytest.mark.parametrize("rows", [1, 7, 64])
@pytest.mark.parametrize("biased", [True, False])
@torch.inference_mode()
def test_a_packed_layer_gives_the_same_product(rows: int, biased: bool) -> None:
    torch.manual_seed(rows)
    layer = nn.Linear(96, 160, bias=biased).to(torch.bfloat16)
    hidden = torch.randn(rows, 3, 96).to(torch.bfloat16)
    packed = PackedLinear(layer, rows)(hidden)
    assert packed.shape == (rows, 3, 160)
    torch.testing.assert_close(packed, layer(hidden))


@needs_bfloat16
@pytest.mark.parametrize("decoding", [Decoding(max_new_tokens=40), SAMPLED])
def test_the_answers_are_the_same(
    halved: LoadedModel, decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers() -> list[tuple[int, Completion]]:
        loaded = LoadedModel(copy.deepcopy(halved.model), halved.tokenizer, {})
        return sorted(TransformersStudent(loaded, 8).answer(PROMPTS, decoding))

    packed = answers()
    monkeypatch.setattr("fair_app.student.generation.pack_weights", lambda *_: None)
    assert packed == answers()


@needs_bfloat16
def test_what_is_packed_is_held_once_and_what_is_shared_stays(halved: LoadedModel) -> None:
    model = halved.model
    before, dtype = model.get_input_embeddings().weight, model.dtype
    pack_weights(model, 8)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | PackedLinear)]
    assert {type(layer) for layer in layers} == {PackedLinear}
    assert {layer.weight.device.type for layer in layers} == {"meta"}
    assert model.get_input_embeddings().weight is before
    assert (model.device.type, model.dtype) == ("cpu", dtype)


def test_other_weights_stay_as_they_are(tiny_student: LoadedModel) -> None:
    class Adapted(nn.Linear):
        """What an adapter that is not merged puts in a layer's place."""

    model = tiny_student.model
    model.lm_head = Adapted(64, 258).to(torch.bfloat16)
    pack_weights(model, 8)
    assert not [layer for layer in model.modules() if isinstance(layer, PackedLinear)]
