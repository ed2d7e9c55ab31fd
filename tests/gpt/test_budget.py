"""A stage that measures itself ends with its cooldown, and in time, on a clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gpt.budget import OPEN_ENDED, Pacer, open_ended, planned_steps, share, stage_configs
from gpt.config import TrainConfig, recipe
from gpt.errors import ConfigError
from gpt.model import GPT
from gpt.optim import lr_scale
from gpt.train import Progress, train

CONFIG = TrainConfig(steps=6000, batch_tokens=1000, cooldown=0.6)


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Done:
    """A step that is done."""

    step: int
    steps: int
    tokens: int


def simulate(seconds: float, step_seconds: list[float]) -> tuple[int, float, list[int]]:
    """(steps, seconds used, plans) of a paced stage whose step i takes step_seconds[i], the last one repeated."""
    clock = Clock()
    pacer = Pacer(CONFIG, seconds, clock)
    step, steps, plans = 0, OPEN_ENDED, []
    while step < steps:
        clock.now += step_seconds[min(step, len(step_seconds) - 1)]
        step += 1
        plan = pacer(Done(step, steps, step * CONFIG.batch_tokens))
        if plan is not None:
            plans.append(plan)
            steps = max(plan, step)
    return step, clock.now - 100.0, plans


def test_the_steps_that_fit_are_planned() -> None:
    assert planned_steps(CONFIG, 2000, 60) == replace(CONFIG, steps=120)
    assert planned_steps(CONFIG, 2000, 0.1).steps == 1
    assert planned_steps(CONFIG, 2000, -5).steps == 1


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="tokens_per_second"):
        planned_steps(CONFIG, speed, 60)


@pytest.mark.parametrize(
    "step_seconds",
    [
        [0.5],
        [60.0, 0.5],  # compilation
        [0.5] * 100 + [1.0],  # a neighbour arrives
        [1.0] * 100 + [0.5],  # a neighbour leaves
        [4.0],  # a slow machine
    ],
)
def test_a_stage_fills_its_time_and_does_not_pass_it(step_seconds: list[float]) -> None:
    steps, used, plans = simulate(600, step_seconds)
    assert 600 * 0.9 < used <= 600
    assert plans[-1] == steps


def test_nothing_is_planned_anew_once_the_rate_falls() -> None:
    steps, used, _ = simulate(600, [0.5] * 900 + [0.25])  # faster, but after 40% of the steps
    assert steps == pytest.approx(1160, abs=15)
    assert used < 520


def test_a_budget_below_one_step_trains_a_few_steps_and_ends() -> None:
    assert simulate(1, [5.0])[0] <= 3


def test_the_rate_is_constant_until_the_last_plan_and_ends_at_zero() -> None:
    rates: list[float] = []
    clock = Clock()
    config = open_ended(CONFIG)
    pacer = Pacer(CONFIG, 300, clock)
    step = 0
    while step < config.steps:
        rates.append(lr_scale(step, config))
        clock.now += 0.5
        step += 1
        if plan := pacer(Done(step, config.steps, step * CONFIG.batch_tokens)):
            config = replace(config, steps=plan)
    held = [i for i, rate in enumerate(rates) if rate == 1]
    assert held == list(range(held[0], held[-1] + 1))
    assert max(abs(a - b) for a, b in zip(rates[held[-1] :], rates[held[-1] + 1 :], strict=False)) < 0.01
    assert rates[-1] < 0.01


def test_the_speed_leaves_compilation_out() -> None:
    clock = Clock()
    pacer = Pacer(CONFIG, 1e6, clock)
    for step in range(1, 60):
        clock.now += 50.0 if step == 1 else 0.1
        pacer(Done(step, OPEN_ENDED, step * 1000))
    assert pacer.tokens_per_second == pytest.approx(10_000)


def test_stages_share_the_time_in_proportion_to_their_flops() -> None:
    base = recipe("base")
    assert 0.6 < 1 - (1 - share(base, "pretrain")) * (1 - share(base, "detect")) < 0.85, "on text, before reading"
    longer = replace(base, reading=replace(base.reading, steps=2 * base.reading.steps))
    assert share(longer, "pretrain") < share(base, "pretrain")
    tiny = recipe("tiny")
    last = list(stage_configs(tiny))[-1]
    assert share(tiny, last) == 1, "the last stage takes what is left"
    with pytest.raises(ConfigError, match="no stage 'release' that takes steps"):
        share(base, "release")


class Task:
    """Pulls the embedding to zero."""

    name = "toy"

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        return sum((p.square().mean() for p in model.parameters()), torch.zeros(())), 1000

    def evaluate(self, model: GPT) -> dict[str, float]:
        return {}


def test_training_ends_where_on_step_says_and_a_resumed_run_knows_it(
    model: GPT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt.train.compile_blocks", lambda *_: "not compiled")
    config = replace(CONFIG, checkpoint_every=4)

    def plan(progress: Progress) -> int | None:
        return 10 if progress.step == 3 else None

    def stop(progress: Progress) -> int | None:
        if progress.step == 9:
            raise KeyboardInterrupt
        return plan(progress)

    with pytest.raises(KeyboardInterrupt):
        train(model, Task(), open_ended(config), tmp_path, stop)
    seen: list[int] = []
    result = train(model, Task(), open_ended(config), tmp_path, lambda p: seen.append(p.steps))
    assert (result["steps"], seen) == (10, [10, 10])
    assert train(model, Task(), replace(config, steps=12), tmp_path)["steps"] == 12
