"""A mentor that says how likely it finds every token of a response. Imports torch.

It is frozen: it reads what the student learns, in the same tokens, and nothing of it moves.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from transformers import PreTrainedModel

from fair_app.student.loading import load
from fair_app.student.registry import StudentRef
from fair_app.training.attention import is_packable, segmented
from fair_app.training.loss import LABELS_PER_CHUNK, head, label_states
from fair_app.training.packing import Example, Group, Part, fill, group, pack
from fair_app.training.soft_labels import divergence, softened

ALIKE: dict[Part, float] = {"feedback": 1.0, "rationale": 1.0}


class Mentor:
    """A loaded model that is only read. `vocabulary` is how many tokens it speaks of.

    As a `Source` of soft labels it computes them when they are asked for.
    """

    def __init__(self, model: PreTrainedModel, vocabulary: int, tau: float) -> None:
        self._model = model.eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        self._head = head(model)
        self.vocabulary, self.tau = vocabulary, tau

    def targets(self, examples: Sequence[Example]) -> "Computed":
        """What it says of the examples' responses."""
        return Computed(self, self.states(examples))

    @torch.no_grad()
    def states(self, examples: Sequence[Example]) -> torch.Tensor:
        """The hidden states that predict the examples' response tokens, one after another."""
        model = self._model
        if not is_packable(model):
            passes = [[group([one])] for one in examples]
            return torch.cat([self._states(groups) for groups in passes])
        with segmented(model):
            return self._states(by_prompt(examples))

    def _states(self, groups: Sequence[Group]) -> torch.Tensor:
        return label_states(self._model, pack(groups, ALIKE).to(self._model.device))

    @torch.no_grad()
    def likelihoods(self, states: torch.Tensor) -> torch.Tensor:
        """The log-probabilities (n x vocabulary) at the temperature, of some hidden states."""
        return softened(self._head(states), self.vocabulary, self.tau)

    def chunks(self, examples: Sequence[Example], tokens_per_pass: int) -> Iterator[torch.Tensor]:
        """The log-probabilities of the examples' response tokens, a few tokens at a time.

        A forward pass has at most so many tokens, or one question's.
        """
        for groups in fill(by_prompt(examples), tokens_per_pass):
            states = self.states([one for part in groups for one in part.examples])
            for few in states.split(LABELS_PER_CHUNK):
                yield self.likelihoods(few)


@dataclass(frozen=True)
class Computed:
    """Soft labels that are computed from a mentor's hidden states when they are needed."""

    mentor: Mentor
    states: torch.Tensor

    def divergence(self, logits: torch.Tensor, rows: slice) -> torch.Tensor:
        """KL(mentor || student) of the tokens in `rows`, with the student's logits."""
        ours = softened(logits, self.mentor.vocabulary, self.mentor.tau)
        return divergence(self.mentor.likelihoods(self.states[rows]), ours)


def by_prompt(examples: Sequence[Example]) -> list[Group]:
    """Examples in their order, those that follow each other with one prompt as a group."""
    prompts = groupby(examples, key=lambda one: one.tokens[: one.prompt_length].tolist())
    return [group(list(same)) for _, same in prompts]


def load_mentor(ref: StudentRef) -> PreTrainedModel:
    """Load a mentor as the student that it is: on a GPU in 4 bits where it was trained so.

    On a processor, where 4 bits save no time, it has the plain weights of those values, as in its
    test. Raises BadInput and WorkFailed as `load` does.
    """
    return load(ref, ref.trained_on if torch.cuda.is_available() else "none").model


def weights_hash(model: PreTrainedModel) -> str:
    """SHA-256 of all that a loaded model consists of, in its names' order."""
    content = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        content.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        plain = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        content.update(memoryview(plain.numpy()))
    return content.hexdigest()
