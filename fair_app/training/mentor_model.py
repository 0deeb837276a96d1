"""A mentor that says how likely it finds every token of a response. Imports torch.

It is frozen: it reads what the student learns, in the same tokens, and nothing of it moves.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from transformers import PreTrainedModel

from fair_app.student.base import never_cancelled
from fair_app.student.loading import load
from fair_app.student.registry import StudentRef
from fair_app.training.attention import is_packable, segmented
from fair_app.training.loss import LABELS_PER_CHUNK, head, label_states
from fair_app.training.mentor_head import Computed, MentorHead, check_head
from fair_app.training.packing import Example, Group, Part, fill, group, pack

ALIKE: dict[Part, float] = {"feedback": 1.0, "rationale": 1.0}


class Mentor:
    """A loaded model that is only read. `vocabulary` is how many tokens it speaks of.

    As a `Source` of soft labels it computes them when they are asked for.
    """

    def __init__(self, model: PreTrainedModel, vocabulary: int, tau: float) -> None:
        self.model = model.eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        self.head = MentorHead(head(model), vocabulary, tau)

    def targets(self, examples: Sequence[Example]) -> Computed:
        """What it says of the examples' responses."""
        return Computed(self.head, self.states(examples))

    @torch.no_grad()
    def states(self, examples: Sequence[Example]) -> torch.Tensor:
        """The hidden states that predict the examples' response tokens, one after another."""
        model = self.model
        if not is_packable(model):
            passes = [[group([one])] for one in examples]
            return torch.cat([self._states(groups) for groups in passes])
        with segmented(model):
            return self._states(by_prompt(examples))

    def _states(self, groups: Sequence[Group]) -> torch.Tensor:
        return label_states(self.model, pack(groups, ALIKE).to(self.model.device))

    def passes(
        self,
        examples: Sequence[Example],
        tokens_per_pass: int,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> Iterator[torch.Tensor]:
        """The hidden states of the examples' response tokens, a forward pass at a time.

        A pass has at most so many tokens, or one question's; `cancelled` is called before each.
        """
        for groups in fill(by_prompt(examples), tokens_per_pass):
            cancelled()
            yield self.states([one for part in groups for one in part.examples])

    def chunks(
        self,
        examples: Sequence[Example],
        tokens_per_pass: int,
        cancelled: Callable[[], None] = never_cancelled,
    ) -> Iterator[torch.Tensor]:
        """The log-probabilities of the examples' response tokens, a few tokens at a time."""
        for states in self.passes(examples, tokens_per_pass, cancelled):
            for few in states.split(LABELS_PER_CHUNK):
                yield self.head.likelihoods(few)


def by_prompt(examples: Sequence[Example]) -> list[Group]:
    """Examples in their order, those that follow each other with one prompt as a group."""
    prompts = groupby(examples, key=lambda one: one.tokens[: one.prompt_length].tolist())
    return [group(list(same)) for _, same in prompts]


def load_mentor(ref: StudentRef) -> PreTrainedModel:
    """Load a mentor as the student that it is: on a GPU in 4 bits where it was trained so.

    On a processor, where 4 bits save no time, it has the plain weights of those values, as in its
    test. Raises BadInput and WorkFailed as `load` does, and BadInput for a head of a kind that is
    not known here.
    """
    model = load(ref, ref.trained_on if torch.cuda.is_available() else "none").model
    check_head(model, ref.ref)
    return model


def weights_hash(model: PreTrainedModel) -> str:
    """SHA-256 of all that a loaded model consists of, in its names' order."""
    content = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        content.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        plain = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        content.update(memoryview(plain.numpy()))
    return content.hexdigest()
