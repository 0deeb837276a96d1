"""A mentor's head without the rest of it, for the families that shape their logits."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM, PreTrainedModel

from fair_app.errors import BadInput
from fair_app.training.mentor_head import check_head, is_plain, keep_head, kept_head, kept_shape
from fair_app.training.mentor_model import load_mentor
from tests.training.test_loss import FAMILIES, family_model
from tests.training.test_vocabulary import folder_of
from tests.training.tiny import tiny_model

CPU = torch.device("cpu")
TOKENS = torch.tensor([[5, 80, 200, 3, 3, 41]])


@torch.no_grad()
def assert_kept(model: PreTrainedModel, file: Path, vocabulary: int = 257) -> None:
    """The kept head says of the model's hidden states what the model says."""
    keep_head(model, vocabulary, file)
    head = kept_head(file, 2.0, CPU)
    hidden = model.get_decoder()(input_ids=TOKENS).last_hidden_state[0]
    expected = model(input_ids=TOKENS).logits[0, :, :vocabulary]
    torch.testing.assert_close(head.logits(hidden), expected, rtol=1e-5, atol=1e-5)
    found = head.likelihoods(hidden)
    torch.testing.assert_close(found, (expected.float() / 2).log_softmax(-1), rtol=1e-4, atol=1e-5)
    assert kept_shape(file) == [vocabulary, 32]


@pytest.mark.parametrize("family", FAMILIES)
def test_scaled_capped_and_biased_heads_are_kept_as_they_are(family: str, tmp_path: Path) -> None:
    model = family_model(family)
    check_head(model, family)
    assert is_plain(model)
    assert_kept(model, tmp_path / "head.safetensors")


def test_a_tied_or_a_wider_head_is_kept_as_far_as_there_are_tokens(tmp_path: Path) -> None:
    assert_kept(tiny_model(tied=True), tmp_path / "tied.safetensors")
    wide = tiny_model()
    wide.resize_token_embeddings(264)
    assert_kept(wide, tmp_path / "wide.safetensors")
    biased = tiny_model()
    biased.lm_head.bias = torch.nn.Parameter(torch.randn(257))
    assert_kept(biased, tmp_path / "biased.safetensors")


def test_a_trained_head_is_kept_where_its_adapter_is_merged(tmp_path: Path) -> None:
    model = tiny_model()
    adapted = get_peft_model(
        model, LoraConfig(r=2, target_modules=["lm_head"], init_lora_weights=False)
    )
    assert not is_plain(adapted.get_base_model())
    merged = adapted.merge_and_unload()
    assert is_plain(merged)
    assert not torch.equal(merged.lm_head.weight, tiny_model().lm_head.weight)
    assert_kept(merged, tmp_path / "head.safetensors")


def test_a_mentor_is_looked_at_when_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = folder_of(tmp_path / "mentor")
    assert load_mentor(ref).dtype == torch.bfloat16
    whole = LlamaForCausalLM.forward

    def louder(*args: Any, **kwargs: Any) -> Any:
        found = whole(*args, **kwargs)
        found.logits = 1.1 * found.logits
        return found

    monkeypatch.setattr(LlamaForCausalLM, "forward", louder)
    with pytest.raises(BadInput, match=r"makes its likelihoods is not known .*\(lambda 0\)"):
        load_mentor(ref)
