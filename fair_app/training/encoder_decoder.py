"""What an encoder-decoder student computes of a pack: prompts read, responses predicted.

The prompts of a pass are the rows that the encoder sees, the responses those of the decoder, each
padded on the right and masked. The decoder's input is its start token and the response but for its
last token, so that the state at each place predicts the token there. Imports torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from fair_app.student.encoder_decoder import read_mask, start_token
from fair_app.training.packing import Pack


@dataclass(frozen=True)
class Rows:
    """A pack's sequences as rows: `prompts` (B x P) and `inputs` of the decoder (B x R).

    `read` and `labelled` are their masks; the places of `labelled`, row by row, are in the order of
    the pack's labels.
    """

    prompts: torch.Tensor
    read: torch.Tensor
    inputs: torch.Tensor
    labelled: torch.Tensor


def rows_of(pack: Pack, start: int) -> Rows:
    """Lay the sequences of a pack, none of which may share its beginning, out as padded rows."""
    sequences = pack.tokens[0].split([len(one.tokens) for one in pack.examples])
    prompts, inputs = [], []
    for tokens, one in zip(sequences, pack.examples, strict=True):
        prompts.append(tokens[: one.prompt_length])
        inputs.append(torch.cat([tokens.new_tensor([start]), tokens[one.prompt_length : -1]]))
    return Rows(
        pad_sequence(prompts, True),
        read_mask(prompts),
        pad_sequence(inputs, True),
        read_mask(inputs),
    )


def label_states(model: PreTrainedModel, pack: Pack) -> torch.Tensor:
    """The hidden states that predict a pack's labels (L x hidden), as the head takes them.

    Raises BadInput when the model does not say what its decoder begins with.
    """
    rows = rows_of(pack, start_token(model))
    with _headless(model):
        states = model(
            input_ids=rows.prompts,
            attention_mask=rows.read,
            decoder_input_ids=rows.inputs,
            decoder_attention_mask=rows.labelled,
            use_cache=False,
        ).logits
    return states[rows.labelled]


@contextmanager
def _headless(model: PreTrainedModel) -> Iterator[None]:
    """Let a model give what its head takes in place of logits.

    What lies between decoder and head is the model's own: some of T5's kin scale there, some do
    not.
    """
    head = model.get_output_embeddings()
    model.set_output_embeddings(torch.nn.Identity())
    try:
        yield
    finally:
        model.set_output_embeddings(head)
