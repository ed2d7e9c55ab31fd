"""A recipe within a deadline: the stages share what is left, and the last one ends in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gpt import timed
from gpt.budget import OPEN_ENDED
from gpt.config import Recipe, recipe
from gpt.errors import ConfigError
from gpt.timed import TimedRun
from gpt.train import OnStep, Progress

DEVICE = "meta"  # no CPU, so that nothing is asked of the compiler


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def stage(name: str, clock: Clock, step_seconds: float) -> Any:
    """A stage whose steps take `step_seconds` and do nothing else."""

    def run(chosen: Recipe, corpus: Path, out: Path, on_step: OnStep, device: str) -> dict[str, Any]:
        steps, step = getattr(chosen, name).steps, 0
        assert steps == OPEN_ENDED
        while step < steps:
            step += 1
            clock.now += step_seconds
            steps = on_step(Progress(step, steps, 0.0, 1.0, step * 1024, 0.0)) or steps
        return {"steps": step}

    return run


def test_the_stages_fill_the_time_but_the_evaluation_s_share(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("pretrain", 0.3), ("reading", 0.1), ("reinforce", 0.2)):
        monkeypatch.setitem(timed.STEPPED, name, stage(name, clock, seconds))
    run = TimedRun(recipe("tiny"), Path(), Path(), 600, clock)
    seen: list[int] = []
    results = {
        name: run.train(name, lambda progress: seen.append(progress.step), DEVICE)
        for name in ("pretrain", "reading", "reinforce")
    }
    assert 600 * 0.85 < clock.now <= 600 * (1 - timed.EVALUATION_SHARE)
    assert len(seen) == sum(result["steps"] for result in results.values())


def test_a_stage_that_was_done_leaves_its_time_to_the_next(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(timed.STEPPED, "reinforce", stage("reinforce", clock, 0.1))
    TimedRun(recipe("tiny"), Path(), Path(), 600, clock).train("reinforce", lambda progress: None, DEVICE)
    assert clock.now > 500


def test_a_stage_that_comes_too_late_takes_a_few_steps(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(timed.STEPPED, "reading", stage("reading", clock, 0.5))
    run = TimedRun(recipe("tiny"), Path(), Path(), 60, clock)
    clock.now = 100.0
    assert run.train("reading", lambda progress: None, DEVICE)["steps"] < 5


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="too short"):
        TimedRun(recipe("tiny"), Path(), Path(), 0.5)
