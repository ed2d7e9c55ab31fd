"""Power cuts: one history is recorded call by call, then the power goes at random calls of it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from indexer.errors import IndexerError
from tests.indexer.crash.disk import Disk
from tests.indexer.crash.layer import Call, watching
from tests.indexer.crash.model import State, violations
from tests.indexer.crash.workload import Runner, Step, make_steps, states

STEPS = 25
CUTS = 60  # of one history


@dataclass(slots=True)
class Record:
    """The calls of a history, and after how many of them each step was confirmed."""

    calls: list[Call] = field(default_factory=list)
    confirmed: list[int] = field(default_factory=list)

    def __call__(self, call: Call) -> None:
        self.calls.append(call)


def cut_history(seed: int, folder: Path, n_cuts: int = CUTS) -> Iterator[list[str]]:
    """The violations after each cut of one random history; `folder` is used and emptied."""
    folder.mkdir(exist_ok=True)
    shutil.rmtree(folder / "live", ignore_errors=True)  # of a history that was not finished
    rng = random.Random(seed)
    steps = make_steps(rng, STEPS)
    passed = states(steps, State())
    record = Record()
    try:
        _run(record, steps, folder / "live")
    except (IndexerError, apsw.Error, RuntimeError, KeyError) as error:
        yield [f"without any cut, {type(error).__name__}: {error}"]
        return
    yield from _cut(record, passed, folder, sorted(_moment(record, rng) for _ in range(n_cuts)), rng)


def _run(record: Record, steps: Sequence[Step], folder: Path) -> None:
    with watching(record):
        runner = Runner(folder)
        for step in steps:
            runner.do(step)
            record.confirmed.append(len(record.calls))
        runner.index.close()


def _moment(record: Record, rng: random.Random) -> int:
    """A number of calls: a random one of a random step, so that steps of few calls are cut as often as long ones."""
    bounds = [1, *record.confirmed, len(record.calls)]
    step = rng.randrange(len(bounds) - 1)
    return rng.randint(bounds[step], max(bounds[step + 1], bounds[step]))


def _cut(
    record: Record, passed: list[State], folder: Path, moments: list[int], rng: random.Random
) -> Iterator[list[str]]:
    disk, done = Disk(), 0
    for moment in moments:
        for call in record.calls[done:moment]:
            disk.apply(call)
        done = moment
        n_confirmed = sum(at <= moment for at in record.confirmed)
        _write_image(folder / "cut", folder / "live", disk.cut(rng))
        yield violations(folder / "cut", passed[n_confirmed : n_confirmed + 2], rng)
    shutil.rmtree(folder / "live")
    shutil.rmtree(folder / "cut")


def _write_image(folder: Path, live: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        if Path(name).parent == live:
            (folder / Path(name).name).write_bytes(content)
