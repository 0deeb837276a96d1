"""A student that answers in batches, on the processor or a GPU. Imports torch."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from fair_app.errors import BadInput, WorkFailed
from fair_app.student.base import Completion, Decoding, PromptStyle, never_cancelled
from fair_app.student.batch import Batch, FixedBatch, RegroupingBatch, Row
from fair_app.student.encoder_decoder import (
    EncoderDecoderBatch,
    is_encoder_decoder,
    render_for_encoder,
)
from fair_app.student.kv_cache import can_regroup, use_decoding_attention
from fair_app.student.loading import LoadedModel
from fair_app.student.out_of_memory import (
    free_bytes,
    free_what_is_left_over,
    is_out_of_memory,
)
from fair_app.student.packed import pack_weights
from fair_app.student.sampling import random_numbers
from fair_app.tasks.readers import thoughts

LARGEST_BATCH = {"cpu": 64, "cuda": 256}
"""Beyond this many rows little is gained."""
EXPECTED_ROW = 1024
"""Tokens of prompt and answer for which memory is set aside when the batch size is chosen."""

NO_ROOM = (
    "Memory does not suffice for one answer at a time: use 4-bit weights, a smaller student or "
    "fewer new tokens."
)
RenderPrompt = Callable[[PreTrainedTokenizerBase, str], str]
HALF_A_CHARACTER = "\ufffd"
"""What the bytes of a character decode to before the last of them has come."""


def render_prompt(tokenizer: PreTrainedTokenizerBase, user_text: str) -> str:
    """The text that a student is given for one user message; exam, test and training share it.

    The model's own chat template, with whatever system prompt the template adds by itself, up to
    where the assistant begins; without a template, the plain text and a new line. Beginning tokens
    are in it: tokenise with `add_special_tokens=False`.
    """
    if tokenizer.chat_template:
        message = [{"role": "user", "content": user_text}]
        return str(
            tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        )
    return render_plain(tokenizer, user_text)


def render_plain(tokenizer: PreTrainedTokenizerBase, user_text: str) -> str:
    """The plain text and a new line, after the token that a text begins with, if there is one."""
    return f"{tokenizer.bos_token or ''}{user_text}\n"


def prompt_renderer(*, has_encoder: bool, style: PromptStyle = "chat") -> RenderPrompt:
    """How a student is given a user message; one with an encoder has one style."""
    if has_encoder:
        return render_for_encoder
    return render_prompt if style == "chat" else render_plain


class TransformersStudent:
    """A loaded model that answers questions; see `fair_app.student.base.Student`.

    `batch_size` is the most rows at once; without one, what memory allows, up to a size beyond
    which little is gained. It halves, for good, when memory runs out after all, and the
    description with it.
    """

    def __init__(
        self, loaded: LoadedModel, batch_size: int | None = None, prompts: PromptStyle = "chat"
    ) -> None:
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        has_encoder = is_encoder_decoder(self.model)
        self._render = prompt_renderer(has_encoder=has_encoder, style=prompts)
        self.batch_size = batch_size or _rows_that_fit(self.model)
        pack_weights(self.model, self.batch_size)
        self._batch: Callable[..., Batch] = FixedBatch
        if has_encoder:
            self._batch = EncoderDecoderBatch
        elif can_regroup(self.model):
            self._batch = RegroupingBatch
            use_decoding_attention(self.model)
        self._stop_tokens = _stop_tokens(self.model, self.tokenizer)
        # Where the template opens the thoughts, the text alone would not tell them from an answer.
        rendered = self._render(self.tokenizer, "?").rstrip()
        self._opened = thoughts.BEGIN if rendered.endswith(thoughts.BEGIN) else ""
        self.description: dict[str, object] = {
            **loaded.description,
            "batch_size": self.batch_size,
            "attention": self.model.config._attn_implementation,
            "chat_template": self._render is render_prompt and bool(self.tokenizer.chat_template),
        }

    def answer(
        self,
        prompts: Sequence[str],
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
        seeds: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Completion]]:
        """Yield `(index into prompts, completion)` as answers finish, longest prompts first.

        The random numbers of a sampled answer depend on its seed and the prompt (and on how many
        equal prompts with that seed come before it), not on its place or batch: asking only what
        is left after an interruption draws the same. The logits still differ in their last bits
        with the batch.

        Raises BadInput when a prompt and its answer exceed the model's context, WorkFailed when not
        even one row fits into memory, and what `cancelled` raises.
        """
        waiting = _by_length(self._rows(prompts, decoding, seeds))
        while waiting:
            batch: Batch = self._batch(self.model, self._stop_tokens, decoding)
            try:
                while waiting or batch.rows:
                    cancelled()
                    for row in batch.advance(waiting, self.batch_size, cancelled):
                        yield row.index, self._completion(row)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
                for row in batch.rows:
                    row.begin_again()
                waiting = _by_length([*waiting, *batch.rows])
            # Outside the handler, where its traceback no longer holds the tensors of the step.
            del batch
            free_what_is_left_over()

    def stream(
        self,
        prompt: str,
        decoding: Decoding,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> Iterator[Completion]:
        """Yield one answer as it grows, token by token; the last is the whole of it.

        A model with recurrent layers writes it in one piece. Raises as `answer` does.
        """
        waiting = self._rows([prompt], decoding, None)
        (row,) = waiting
        batch: Batch = self._batch(self.model, self._stop_tokens, decoding)
        try:
            while waiting or batch.rows:
                cancelled()
                batch.advance(waiting, 1, cancelled)
                yield self._completion(row)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise WorkFailed(NO_ROOM) from error

    def _rows(
        self, prompts: Sequence[str], decoding: Decoding, seeds: Sequence[int] | None
    ) -> list[Row]:
        context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        seen: Counter[tuple[str, int]] = Counter()
        rows = []
        for index, prompt in enumerate(prompts):
            seed = seeds[index] if seeds is not None else decoding.seed
            text = self._render(self.tokenizer, prompt)
            tokens = self.tokenizer.encode(text, add_special_tokens=False)
            if context and len(tokens) + decoding.max_new_tokens > context:
                raise BadInput(
                    f"A prompt of {len(tokens)} tokens and {decoding.max_new_tokens} new ones do "
                    f"not fit into this student's context of {context}: allow fewer new tokens."
                )
            numbers = random_numbers(replace(decoding, seed=seed), prompt, seen[prompt, seed])
            rows.append(Row(index, tokens, numbers))
            seen[prompt, seed] += 1
        return rows

    def _completion(self, row: Row) -> Completion:
        text = self.tokenizer.decode(row.tokens, skip_special_tokens=True).strip()
        if not row.finished:
            text = text.rstrip(HALF_A_CHARACTER)
        truncated = row.finished and not row.stopped
        return Completion(self._opened + text, len(row.tokens), truncated)

    def _halve(self, error: BaseException) -> None:
        if self.batch_size == 1:
            raise WorkFailed(NO_ROOM) from error
        self.batch_size //= 2
        self.description["batch_size"] = self.batch_size


def _by_length(rows: list[Row]) -> list[Row]:
    """The longest prompts at the end, from where rows are taken: what needs most comes first."""
    return sorted(rows, key=lambda row: len(row.prompt))


def _stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """What ends an answer: the model's end tokens (one or several) and the tokenizer's."""
    ends = model.generation_config.eos_token_id if model.generation_config else None
    listed = ends if isinstance(ends, list) else [ends]
    return frozenset(token for token in [*listed, tokenizer.eos_token_id] if token is not None)


def _rows_that_fit(model: PreTrainedModel) -> int:
    """How many rows of the expected length have keys and values in half of the free memory."""
    config, where = model.config.get_text_config(), model.device
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_bytes = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
    free = free_bytes(where)
    return max(1, min(LARGEST_BATCH[where.type], free // 2 // (token_bytes * EXPECTED_ROW)))
