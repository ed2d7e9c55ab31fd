"""Training by the clock: a stage measures its own speed and chooses its steps so that the cooldown ends in time.

The learning rate is constant until the cooldown begins, so until then the number of steps is free: a run that is
re-planned there trains as if the number had been known from the start (Hägele et al. 2024).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from gpt.config import GPTConfig, Recipe, TrainConfig
from gpt.errors import ConfigError

STEPPED = ("pretrain", "detect", "reading", "refine", "refine2", "detect2", "reading2", "refit", "grow", "reinforce")
"""The stages that take steps, in their order."""
ON_TEXT = ("pretrain", "detect", "detect2")  # stages that read rows of text, the others prompts
# Least time for a second cycle and for growing; that two short cycles read no better than a long one is a guess.
ANEW_S = 4 * 3600.0
OPEN_ENDED = 10**7  # steps of a stage that has not been planned yet
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


def stage_configs(recipe: Recipe) -> dict[str, TrainConfig]:
    """The stages of the recipe that take steps, in their order."""
    stages = {name: getattr(recipe, name) for name in STEPPED}
    return {name: config for name, config in stages.items() if config is not None}


def model_at(recipe: Recipe, stage: str) -> GPTConfig:
    """The shape of the model that a stage trains: from `grow` on it has more layers."""
    grown = recipe.grow is not None and STEPPED.index(stage) >= STEPPED.index("grow")
    return recipe.model.with_layers(recipe.grown_layers) if grown else recipe.model


def share(recipe: Recipe, stage: str) -> float:
    """The fraction of the time left that a stage gets, beside those after it: that of the FLOPs the recipe plans.

    Raises ConfigError when the recipe has no such stage.
    """
    configs = stage_configs(recipe)
    if stage not in configs:
        raise ConfigError(f"recipe {recipe.name!r} has no stage {stage!r} that takes steps: {', '.join(configs)}")
    prompt = recipe.model.context_len // 2  # prompts fill about half of the window
    flops = [
        config.steps
        * config.batch_tokens
        * model_at(recipe, name).flops_per_token(config.row_tokens if name in ON_TEXT else prompt)
        for name, config in configs.items()
    ]
    at = list(configs).index(stage)
    return flops[at] / sum(flops[at:])


def within(recipe: Recipe, seconds: float) -> Recipe:
    """The recipe without its second cycle (detect2, reading2), which begins reading anew, and without more layers in the end,
    where the time is short of ANEW_S."""
    return recipe if seconds >= ANEW_S else replace(recipe, detect2=None, reading2=None, grow=None)


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
