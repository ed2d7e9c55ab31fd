"""SIGKILL at random moments of a process that adds, edits, deletes and keeps snapshots; then the folder is checked.

The folder goes on from kill to kill, so that damage that shows late is found as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.indexer.crash.model import State, contents, open_index, violations
from tests.indexer.crash.workload import Step, make_steps, states

ROOT = Path(__file__).resolve().parents[3]
STEPS = 20
LONGEST_WAIT_S = 0.01  # after the step before which the kill is meant; a step takes about as long


@contextmanager
def parent_of_children() -> Iterator[subprocess.Popen[str]]:
    """The process that forks the ones to be killed."""
    command = [sys.executable, "-m", "tests.indexer.crash.child"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()


def kill_often(seed: int, folder: Path, n_kills: int) -> Iterator[list[str]]:
    """The violations after each of `n_kills` kills."""
    rng = random.Random(seed)
    state = State()
    with parent_of_children() as parent:
        for _ in range(n_kills):
            steps = make_steps(rng, STEPS, state)
            n_confirmed = _run_and_kill(parent, folder, steps, rng)
            candidates = states(steps, state)[n_confirmed : n_confirmed + 2]
            yield violations(folder, candidates, rng)
            state = _found(folder, candidates)


def _run_and_kill(parent: subprocess.Popen[str], folder: Path, steps: list[Step], rng: random.Random) -> int:
    """Lets a child begin the steps and kills it at a random moment; how many steps it confirmed."""
    if parent.stdin is None or parent.stdout is None:
        raise RuntimeError("the parent has no pipes")
    parent.stdin.write(json.dumps({"folder": str(folder), "steps": steps}) + "\n")
    parent.stdin.flush()
    pid = int(parent.stdout.readline())
    n_waited, n_confirmed, is_killed = rng.randrange(-1, len(steps)), -1, False
    while True:
        if not is_killed and n_confirmed >= n_waited:
            time.sleep(rng.random() * LONGEST_WAIT_S)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            is_killed = True
        line = parent.stdout.readline().strip()
        if line in ("dead", ""):
            return max(n_confirmed, 0)
        n_confirmed += 1


def _found(folder: Path, candidates: list[State]) -> State:
    """The one of the states that the folder is in; the next run starts from it."""
    with open_index(folder) as index:
        found = contents(index)
        generation = index.generation
    saved = candidates[0].saved
    return State(found, generation, saved)
