"""Choosing the next tokens of a batch, each row by its own random numbers. Imports torch."""

import hashlib
from collections.abc import Sequence

import torch

from fair_app.student.base import Decoding

CANDIDATES = 128
"""Tokens among which a nucleus is looked for before the whole vocabulary is sorted."""


def random_numbers(decoding: Decoding, prompt: str, occurrence: int) -> list[float]:
    """The numbers in [0, 1) for one answer: one a token, and one more; none when greedy.

    They follow from the seed, the prompt and how many equal prompts came before it.
    """
    if decoding.temperature == 0:
        return []
    digest = hashlib.sha256(f"{decoding.seed}\0{occurrence}\0{prompt}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    numbers: list[float] = torch.rand(decoding.max_new_tokens + 1, generator=generator).tolist()
    return numbers


def choose(logits: torch.Tensor, decoding: Decoding, numbers: Sequence[float]) -> torch.Tensor:
    """The next token of each row: logits rows x vocabulary -> token ids of shape (rows,).

    `numbers` has one random number a row, used when the temperature is above 0: the nucleus
    (Holtzman et al., arXiv 1904.09751: the fewest tokens that together reach `top_p`) is laid out
    from the likeliest token on, and the number says where in it the token is.
    """
    logits = logits.float()  # exact for bfloat16, whose own argmax is four times as slow on a CPU
    if decoding.temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits / decoding.temperature, dim=-1)
    at = torch.tensor(numbers, device=logits.device)[:, None]
    if decoding.top_p >= 1:
        return _place(probabilities, at)[:, 0]
    likeliest, tokens = probabilities.topk(min(CANDIDATES, probabilities.shape[-1]))
    if bool((likeliest.sum(-1) < decoding.top_p).any()):
        likeliest, tokens = probabilities.sort(descending=True)
    before = likeliest.cumsum(-1) - likeliest
    nucleus = likeliest.masked_fill(before >= decoding.top_p, 0.0)
    nucleus[:, 0] = likeliest[:, 0]
    return tokens.gather(-1, _place(nucleus, at))[:, 0]


def _place(weights: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Where along the summed weights of each row the share `at` of their total lies."""
    summed = weights.double().cumsum(-1)
    place = torch.searchsorted(summed, at.double() * summed[:, -1:], right=True)
    return place.clamp_(max=weights.shape[-1] - 1)
