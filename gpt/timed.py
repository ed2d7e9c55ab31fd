"""A recipe's stages within a number of seconds, on a laptop as on a rented GPU.

The stages share the time as gpt/budget.py says; what one leaves over, or one that was done before, goes to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gpt.budget import Pacer, open_ended, share, stage_configs
from gpt.config import Recipe
from gpt.errors import ConfigError
from gpt.stages import STEPPED, release_stage
from gpt.train import OnStep, Progress

EVALUATION_SHARE = 0.1  # of all the time: calibration, the card, the scores
LEAST_SECONDS = 1.0  # what a stage gets that comes too late; it ends after a few steps
WORTH_COMPILING_S = 1200.0  # on a CPU, where it costs some minutes


class TimedRun:
    """The stages of one recipe before one deadline. The clock starts at creation; every stage is resumable.

    Raises ConfigError when there is less than a second.
    """

    def __init__(
        self, recipe: Recipe, corpus: Path, out: Path, seconds: float, clock: Callable[[], float] = time.monotonic
    ):
        if seconds < 1:
            raise ConfigError(f"a budget of {seconds:.1f} s is too short to train in; give at least a minute")
        self.recipe, self.corpus, self.out, self.clock = recipe, corpus, out, clock
        self.seconds = seconds
        self.deadline = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds of training left, the evaluation's share kept back."""
        return max(LEAST_SECONDS, self.deadline - EVALUATION_SHARE * self.seconds - self.clock())

    def train(self, stage: str, on_step: OnStep, device: str = "cpu") -> dict[str, Any]:
        """As the stage's own function, in its share of the time that is left. Raises GPTError."""
        pacer_seconds = self.left * share(self.recipe, stage)
        config = stage_configs(self.recipe)[stage]
        pacer = Pacer(config, pacer_seconds, self.clock)

        def paced(progress: Progress) -> int | None:
            on_step(progress)
            return pacer(progress)

        recipe = replace(self.recipe, **{stage: open_ended(config)})  # type: ignore[arg-type]  # its own class
        with compiled_if_worth(device, self.seconds):
            return STEPPED[stage](recipe, self.corpus, self.out, paced, device)

    def release(self, device: str = "cpu") -> Path:
        """As `release_stage`."""
        return release_stage(self.recipe, self.corpus, self.out, device)


@contextmanager
def compiled_if_worth(device: str, seconds: float) -> Iterator[None]:
    """Inside, blocks run as they are, eagerly, when a run of that many seconds does not win back their compilation."""
    if device != "cpu" or seconds >= WORTH_COMPILING_S:
        yield
    else:
        with torch.compiler.set_stance("force_eager"):
            yield
