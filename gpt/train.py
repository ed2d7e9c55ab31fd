"""One training loop for every stage, resumable to the bit.

A step is a function of (weights, optimizer, average, step number) alone: batches and the learning rate are pure
functions of the step. So a run that is killed anywhere and started again from its last checkpoint writes the same
`loss.jsonl` as one that was never interrupted.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from gpt.budget import OPEN_ENDED
from gpt.checkpoint import load_latest, save_step
from gpt.compiled import compile_blocks
from gpt.config import TrainConfig
from gpt.errors import CheckpointError
from gpt.memory import keep_freed_memory
from gpt.model import GPT
from gpt.optim import MuonAdamW

OnStep = Callable[["Progress"], int | None]

_FREE = ("steps", "checkpoint_every")  # of a TrainConfig: may differ between the parts of a run

_log = logging.getLogger(__name__)


class Task(Protocol):
    """What a stage trains on. Where `made_of` is a text differing with the examples, a run that goes on over others says so."""

    @property
    def name(self) -> str: ...

    def loss(self, model: GPT, step: int) -> tuple[Tensor, int]:
        """The mean loss of that step's batch, and how many tokens the batch held. A pure function of its arguments."""

    def evaluate(self, model: GPT) -> dict[str, float]:
        """Scores on held-out data, called at checkpoints with the averaged weights; {} for none."""


@dataclass(frozen=True)
class Progress:
    """One step, as written to loss.jsonl and given to `on_step`."""

    step: int
    steps: int
    loss: float
    lr_scale: float
    tokens: int
    seconds: float


def train(
    model: GPT,
    task: Task,
    config: TrainConfig,
    run: Path,
    on_step: OnStep = lambda progress: None,
    evaluate_every: int = 0,
) -> dict[str, Any]:
    """Trains until `config.steps`, from the run folder's last checkpoint if it has one, and leaves the averaged
    weights in `model`: their moving average (EMA), of several cycles the mean of it at their ends, and of that
    `config.way` of the way from the weights it began with, or from the task's `origin` if it has one. Returns
    {"steps", "tokens", "seconds", "loss", **scores of the last evaluation}.
    A number that `on_step` returns replaces `config.steps` (gpt/budget.py).

    Raises CheckpointError when the run folder belongs to another task or was trained with another model or config.
    """
    keep_freed_memory()
    model.dropout = config.dropout
    run.mkdir(parents=True, exist_ok=True)
    loop = _Loop(model, task, config, run)
    loop.resume()
    _log.info("blocks %s", compile_blocks(model, config))
    log = run / "loss.jsonl"
    _truncate_log(log, loop.step)
    with log.open("a", encoding="utf-8") as lines:
        while loop.step < loop.config.steps:
            progress = loop.advance()
            lines.write(json.dumps(asdict(progress)) + "\n")
            loop.plan(on_step(progress))
            loop.end_cycle()
            if loop.step % config.checkpoint_every == 0 or loop.step == loop.config.steps:
                lines.flush()
                loop.save()
            if evaluate_every and loop.step % evaluate_every == 0 and loop.step < loop.config.steps:
                loop.evaluate(run / "scores.jsonl")
    scores = loop.evaluate(run / "scores.jsonl")
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(loop.average[name])
    return {"steps": loop.step, "tokens": loop.tokens, "seconds": loop.seconds, "loss": loop.loss, **scores}


class _Loop:
    """The state of a run: what a checkpoint holds."""

    def __init__(self, model: GPT, task: Task, config: TrainConfig, run: Path):
        self.model, self.task, self.config, self.run = model, task, config, run
        self.optimizer = MuonAdamW(model, config)
        origin = getattr(task, "origin", None) or dict(model.named_parameters())
        self.began = {name: p.detach().clone() for name, p in origin.items()} if config.way < 1 else {}
        self.average = {name: p.detach().clone() for name, p in model.named_parameters()}
        self.cycle, self.ends = 0, dict[str, Tensor]()  # cycles done, and the mean of `average` at their ends
        self.step, self.tokens, self.seconds, self.loss = 0, 0, 0.0, float("nan")
        self.planned: int | None = None

    def plan(self, steps: int | None) -> None:
        """From now on the run ends at that many steps, at least the ones it has done; None changes nothing."""
        if steps is not None:
            self.planned = max(steps, self.step)
            self.config = self.optimizer.config = replace(self.config, steps=self.planned)

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to belong to this run; `steps` may be raised later."""
        training = {k: v for k, v in asdict(self.config).items() if k not in _FREE}
        return {"task": self.task.name, "model": asdict(self.model.config), "training": training}

    @property
    def made_of(self) -> str:
        return str(getattr(self.task, "made_of", ""))

    def advance(self) -> Progress:
        started = time.perf_counter()
        self.model.train()
        loss, tokens = self.task.loss(self.model, self.step)
        loss.backward()
        scale = self.optimizer.step(self.step)
        self.loss = loss.item()
        self.step += 1
        decay = min(self.config.ema_decay, self.step / (self.step + 20))
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                self.average[name].lerp_(p, 1 - decay)
        self.tokens += tokens
        self.seconds += time.perf_counter() - started
        return Progress(self.step, self.config.steps, self.loss, scale, self.tokens, round(self.seconds, 2))

    def end_cycle(self) -> None:
        """After the last step of a cycle: keeps the average there, or, of the last one, the mean of all of them, as far
        from the first weights as the config says."""
        finished = self.step == self.config.steps
        if not finished and self.config.cycle_of(self.step)[0] <= self.cycle:
            return
        mean = {name: self.ends[name].lerp(now, 1 / (self.cycle + 1)) if self.ends else now.clone()
                for name, now in self.average.items()}  # fmt: skip
        if finished:
            way = self.config.way
            self.average = {name: self.began[name].lerp(end, way) for name, end in mean.items()} if way < 1 else mean
        else:
            self.ends, self.cycle = mean, self.cycle + 1

    def save(self) -> None:
        weights = {name: p.detach() for name, p in self.model.named_parameters()}
        state = {"identity": self.identity, "tokens": self.tokens, "seconds": self.seconds, "loss": self.loss}
        state |= {"planned_steps": self.planned} if self.planned else {}
        state |= {"cycle": self.cycle} if self.cycle else {}
        state |= {"made_of": self.made_of} if self.made_of else {}
        groups = {
            "weights": weights,
            "average": self.average,
            "optimizer": self.optimizer.state,
            "random": {"torch": torch.get_rng_state()},
        } | ({"ends": self.ends} if self.ends else {})
        save_step(self.run, self.step, groups, state)

    def resume(self) -> None:
        found = load_latest(self.run)
        if found is None:
            return
        groups, state = found
        theirs, ours = state["identity"], self.identity
        theirs["training"] = _unchanged(self.config) | theirs["training"]  # what was added to TrainConfig since
        if theirs != ours:
            differing = [k for k in ours if theirs.get(k) != ours[k]]
            raise CheckpointError(
                f"{self.run} holds a run with another {', '.join(differing)}; choose another --out folder"
            )
        if state.get("made_of", self.made_of) != self.made_of:
            _log.warning("%s goes on over other examples than it began with, since its data has changed", self.run)
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                p.copy_(groups["weights"][name])
        for mine, stored in ((self.average, groups["average"]), (self.optimizer.state, groups["optimizer"])):
            for name, tensor in mine.items():
                tensor.copy_(stored[name])
        self.cycle, self.ends = state.get("cycle", 0), groups.get("ends", {})
        torch.set_rng_state(groups["random"]["torch"])
        self.step, self.tokens, self.seconds, self.loss = (state[k] for k in ("step", "tokens", "seconds", "loss"))
        if self.config.steps == OPEN_ENDED:  # a number of steps that was asked for wins over an earlier plan
            self.plan(state.get("planned_steps"))

    def evaluate(self, scores: Path) -> dict[str, float]:
        """Scores the averaged weights and appends a line; the weights being trained are put back.

        Blocks run uncompiled here: the batches have many shapes, each met once.
        """
        weights = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                p.copy_(self.average[name])
            with torch.compiler.set_stance("force_eager"):
                found = self.task.evaluate(self.model.eval())
            for name, p in self.model.named_parameters():
                p.copy_(weights[name])
        known = {name: value for name, value in found.items() if not math.isnan(value)}
        line = {"step": self.step, "seconds": round(self.seconds), **known}
        if known and not _has_step(scores, self.step):
            with scores.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
        return found


def _unchanged(config: TrainConfig) -> dict[str, Any]:
    """What a config of that kind says of a run's identity where nothing was chosen."""
    defaults = {f.name: f.default for f in fields(config) if f.default is not MISSING}
    return {name: value for name, value in defaults.items() if name not in _FREE}


def _has_step(scores: Path, step: int) -> bool:
    """Whether a line of that step is there already: a finished run may be started again."""
    return scores.exists() and any(json.loads(line)["step"] == step for line in scores.read_text().splitlines())


def _truncate_log(log: Path, step: int) -> None:
    """Drops the lines of steps that ran after the checkpoint: they will run again."""
    if log.exists():
        kept = log.read_text(encoding="utf-8").splitlines(keepends=True)[:step]
        log.write_text("".join(kept), encoding="utf-8")
