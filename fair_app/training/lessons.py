"""Which examples each step of a run learns from; depends on nothing but the run's inputs."""

import math
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from fair_app.errors import BadInput
from fair_app.student.generation import prompt_renderer
from fair_app.training.examples import Pair, TrainingQuestion, draw_pairs
from fair_app.training.in_step import in_step
from fair_app.training.memory import Room
from fair_app.training.packing import StepBatch, fullest, make_step
from fair_app.training.pool import ExamplePool
from fair_app.training.processes import ALONE, Processes
from fair_app.training.settings import TrainingSettings
from fair_app.training.validation import every, split


class Lessons:
    """The steps of a run, each packed when its turn comes, and the held-out questions.

    With `alone` every sequence has a pass of its own; a student that `has_encoder` is asked and
    packed in its own way. Raises BadInput when there is nothing to learn from, or a question is
    longer than the limit of tokens.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        questions: Sequence[TrainingQuestion],
        settings: TrainingSettings,
        processes: Processes = ALONE,
        *,
        alone: bool = False,
        has_encoder: bool = False,
    ) -> None:
        renderer = prompt_renderer(has_encoder=has_encoder)
        self.pool = ExamplePool(tokenizer, renderer, questions, settings.max_tokens)
        fitting = [one for one in self.pool.questions if one.rationales or one.feedback]
        if not fitting:
            raise BadInput(
                "There is nothing to learn from: accept rationales, or allow more tokens a text."
            )
        self.questions, self.held_out = split(fitting, settings.validation_share, settings.seed)
        if settings.validation_share and not self.held_out:
            raise BadInput(
                "One question cannot be learned from and held out at once: accept more rationales, "
                "or set validation_share to 0."
            )
        self._settings = settings
        self._processes = processes
        self._layout = {"padded": True} if has_encoder else {"alone": alone}
        self.steps_per_epoch = math.ceil(len(self.questions) / settings.batch_size)
        self.total_steps = settings.epochs * self.steps_per_epoch
        if settings.max_steps is not None:
            self.total_steps = min(self.total_steps, settings.max_steps)
        self.validate_every = every(self.total_steps, settings)
        self._drawn: tuple[int, list[Pair]] = (-1, [])

    def batch(self, step: int, room: Room) -> StepBatch:
        """This process's packed examples of a step, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if self._drawn[0] != epoch:
            self._drawn = epoch, self.pairs(epoch)
        size = self._settings.batch_size
        return self._packed(self._drawn[1][place * size : (place + 1) * size], room)

    def pairs(self, epoch: int) -> list[Pair]:
        """What an epoch (counted from 0) draws to learn from, in its order."""
        return self._draw(self.questions, epoch)

    def validation(self, room: Room) -> StepBatch:
        """This process's share of the held-out questions: of each the same texts every time."""
        return self._packed(self._draw(self.held_out, 0), room)

    def fullest(self, room: Room) -> StepBatch:
        """One pass with as many tokens as a pass of this run can have."""
        everything = [*self.questions, *self.held_out]
        return fullest(self.pool.longest(everything), room.tokens_per_pass, **self._layout)

    def _draw(self, questions: Sequence[TrainingQuestion], epoch: int) -> list[Pair]:
        own = self._settings
        return draw_pairs(questions, epoch, own.seed, own.sampling, own.balance)

    def _packed(self, pairs: Sequence[Pair], room: Room) -> StepBatch:
        own = make_step(
            self.pool.examples(pairs),
            self._settings.alpha,
            room.tokens_per_pass,
            **self._layout,
            process=self._processes.rank,
            processes=self._processes.size,
        )
        return in_step(own, self._processes)
