"""Training by the clock: a stage measures its own speed and chooses its steps so that the cooldown ends in time.

The learning rate is constant until the cooldown begins, so until then the number of steps is free: a run that is
re-planned there trains as if the number had been known from the start (Hägele et al. 2024).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from gpt.config import Recipe, TrainConfig
from gpt.errors import ConfigError

OPEN_ENDED = 10**7  # steps of a stage that has not been planned yet
EVALUATION_SHARE = 0.08  # of a recipe's time: calibration, the card, the held-out scores
MARGIN = 0.97  # of a stage's time is planned; the rest is for the last checkpoint
SETTLE_STEPS = 20  # compilation and the first allocations; not measured
MEASURE_STEPS = 20
PHASE = 0.1  # of the stage's time at most for settling, and as much for measuring
REPLAN = 0.05  # of the planned steps lie between two plans


class Step(Protocol):
    """What is needed of a step that is done (`gpt.train.Progress`)."""

    @property
    def step(self) -> int: ...

    @property
    def steps(self) -> int: ...

    @property
    def tokens(self) -> int: ...


def planned_steps(config: TrainConfig, tokens_per_second: float, seconds: float) -> TrainConfig:
    """The config with as many steps as fit into `seconds` at that speed, at least one.

    Raises ConfigError when the speed is not positive.
    """
    if not tokens_per_second > 0:
        raise ConfigError(f"tokens_per_second={tokens_per_second} must be above 0; measure some steps first")
    return replace(config, steps=max(1, int(seconds * tokens_per_second / config.batch_tokens)))


@dataclass(frozen=True)
class Shares:
    """Seconds of each stage of a recipe."""

    pretrain: float
    reading: float
    evaluation: float

    @classmethod
    def of(cls, recipe: Recipe, seconds: float) -> Shares:
        """The stages share in proportion to the FLOPs that the recipe plans for them. Raises ConfigError below 1 s."""
        if seconds < 1:
            raise ConfigError(f"a budget of {seconds:.1f} s is too short to train in; give at least a minute")
        flops = [
            c.steps * c.batch_tokens * recipe.model.flops_per_token(context)
            for c, context in (
                (recipe.pretrain, recipe.pretrain.row_tokens),
                (recipe.reading, recipe.model.context_len // 2),  # prompts fill about half of the window
            )
        ]
        training = seconds * (1 - EVALUATION_SHARE)
        parts = [training * f / sum(flops) for f in flops]
        return cls(parts[0], parts[1], seconds - training)


def open_ended(config: TrainConfig) -> TrainConfig:
    """The config of a stage whose steps a Pacer will choose: its learning rate stays constant until then."""
    return replace(config, steps=OPEN_ENDED)


class Pacer:
    """Called after each step (as `train`'s on_step); returns the number of steps to end at, or None for no change.

    The clock starts at creation. After the settling the speed is measured, evaluations and checkpoints included, and
    the steps are planned, and planned again by the speed of the later half until the cooldown has begun. `train` must
    have been given an `open_ended` config. A resumed run keeps its plan once it cools down.
    """

    def __init__(self, config: TrainConfig, seconds: float, clock: Callable[[], float] = time.monotonic):
        self.config, self.clock, self.seconds = config, clock, seconds
        self.started = clock()
        self.tokens_per_second = float("nan")
        self._first: int | None = None  # the first step of this process
        self._marks: list[tuple[float, Step]] = []  # the end of the settling, then every plan
        self._next = 0

    def __call__(self, progress: Step) -> int | None:
        now = self.clock()
        used = (now - self.started) / self.seconds
        self._first = progress.step - 1 if self._first is None else self._first
        if not self._marks:
            if progress.step >= self._first + SETTLE_STEPS or used >= PHASE:
                self._marks.append((now, progress))
                self._next = progress.step + MEASURE_STEPS
            return None
        early = progress.step < self._next and (progress.steps != OPEN_ENDED or used < 2 * PHASE)
        if early or now <= self._marks[-1][0] or self._cools(progress):
            return None
        half = (self._marks[0][1].step + progress.step) / 2
        since, at = max((m for m in self._marks if m[1].step <= half), key=lambda m: m[1].step)
        self.tokens_per_second = (progress.tokens - at.tokens) / (now - since)
        steps_per_second = (progress.step - at.step) / (now - since)
        left = self.started + self.seconds * MARGIN - now
        more = planned_steps(self.config, steps_per_second * self.config.batch_tokens, left).steps
        self._marks.append((now, progress))
        self._next = progress.step + max(1, int(REPLAN * (progress.step + more)))
        return progress.step + more

    def _cools(self, progress: Step) -> bool:
        return progress.step >= (1 - self.config.cooldown) * progress.steps
