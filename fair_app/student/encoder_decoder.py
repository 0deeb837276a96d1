"""Students that read a prompt with an encoder and answer with a decoder: T5 and its kin. Imports
torch.

The encoder sees the whole prompt at once, in both directions; the decoder begins with a token of
its own and attends to what was read. So nothing of a prompt is shared with another, and a row that
has finished cannot make room for one that waits: its place is given up instead.
"""

from collections.abc import Callable

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput

from fair_app.errors import BadInput
from fair_app.student.base import Decoding
from fair_app.student.batch import REGROUP_AT, Row
from fair_app.student.sampling import choose


def is_encoder_decoder(model: PreTrainedModel) -> bool:
    """Whether a model has an encoder that reads the prompt."""
    return bool(model.config.is_encoder_decoder)


def render_for_encoder(tokenizer: PreTrainedTokenizerBase, user_text: str) -> str:
    """The plain text and the end token, with which these tokenizers end what is to be read.

    There is no chat template and no token that a text begins with. The end token is in the text:
    tokenise with `add_special_tokens=False`.
    """
    return f"{user_text}{tokenizer.eos_token or ''}"


def start_token(model: PreTrainedModel) -> int:
    """The token that the decoder begins with. Raises BadInput when the model does not name it."""
    for config in (model.config, model.generation_config):
        token = getattr(config, "decoder_start_token_id", None)
        if token is not None:
            return int(token)
    raise BadInput(
        "The configuration of this model has no decoder_start_token_id: add what its authors give "
        "(0 for T5), or choose another student."
    )


def read_mask(prompts: list[torch.Tensor]) -> torch.Tensor:
    """Which places are no padding where rows of these lengths are padded on the right."""
    return pad_sequence([torch.ones_like(one, dtype=torch.bool) for one in prompts], True)


class EncoderDecoderBatch:
    """Rows whose prompts are read together, padded on the right, and answered token by token.

    The batch stays together until its last row has finished; finished rows leave it now and then.
    """

    def __init__(
        self, model: PreTrainedModel, stop_tokens: frozenset[int], decoding: Decoding
    ) -> None:
        self.rows: list[Row] = []
        self._model, self._stop_tokens, self._decoding = model, stop_tokens, decoding
        self._start = start_token(model)
        self._slots: list[Row] = []  # the rows of the tensors below, those that have finished too
        self._read: torch.Tensor | None = None  # what the encoder made of the prompts
        self._mask: torch.Tensor | None = None
        self._cache: Cache | None = None

    # Not around a generator: inference mode must not reach into the caller's code.
    @torch.inference_mode()
    def advance(self, waiting: list[Row], most: int, cancelled: Callable[[], None]) -> list[Row]:
        """Write one token a row, after reading new prompts where all rows have finished."""
        if not self.rows:
            self.rows = [waiting.pop() for _ in range(min(most, len(waiting)))]
            self._begin()
            cancelled()
        elif len(self.rows) <= REGROUP_AT * len(self._slots):
            self._narrow()
        self._step()
        done = [row for row in self.rows if row.finished]
        self.rows = [row for row in self.rows if not row.finished]
        return done

    def _begin(self) -> None:
        prompts = [torch.tensor(row.prompt) for row in self.rows]
        where = self._model.device
        self._slots, self._cache = list(self.rows), None
        self._mask = read_mask(prompts).to(where)
        self._read = self._model.get_encoder()(
            input_ids=pad_sequence(prompts, True).to(where), attention_mask=self._mask
        ).last_hidden_state

    def _narrow(self) -> None:
        """Take finished rows out."""
        assert self._read is not None and self._mask is not None and self._cache is not None
        staying = [slot for slot, row in enumerate(self._slots) if not row.finished]
        self._slots = [self._slots[slot] for slot in staying]
        kept = torch.tensor(staying, device=self._model.device)
        self._read, self._mask = self._read[kept], self._mask[kept]
        self._cache.batch_select_indices(kept)

    def _step(self) -> None:
        newest = [[row.tokens[-1] if row.tokens else self._start] for row in self._slots]
        output = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self._read),
            attention_mask=self._mask,
            decoder_input_ids=torch.tensor(newest, device=self._model.device),
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = output.past_key_values
        numbers = [row.number for row in self._slots]
        chosen = choose(output.logits[:, -1], self._decoding, numbers).tolist()
        for row, token in zip(self._slots, chosen, strict=True):
            if not row.finished:
                row.write(token, self._stop_tokens, self._decoding.max_new_tokens)
