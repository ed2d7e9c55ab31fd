"""The full forms: `python -m tests.indexer.crash FORM [N] [SEED]`, each with the number that is asked for by default.

Prints how many were done, how long it took and every violation; exit status 1 if there was one. The folder is in
memory where the system has one (/dev/shm), because nothing here needs a disk that is really slow.
"""

# ruff: noqa: T201  (a program)

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.indexer.crash import cuts, faults, kills, load, sequences
from tests.indexer.crash.settings import quick_settings

Outcomes = Iterator[list[str]]
MEMORY = Path("/dev/shm")


def kill(seed: int, folder: Path) -> Outcomes:
    """SIGKILLs of one process after another."""
    return kills.kill_often(seed, folder / "data", sys.maxsize)


def cut(seed: int, folder: Path) -> Outcomes:
    """Power cuts, 60 of each random history."""
    return itertools.chain.from_iterable(cuts.cut_history(n, folder) for n in itertools.count(seed))


def fail(seed: int, folder: Path) -> Outcomes:
    """Failing calls, 60 of each random history."""
    return itertools.chain.from_iterable(faults.fail_each(n, folder, 60) for n in itertools.count(seed))


def sequence(seed: int, folder: Path) -> Outcomes:
    """Histories of a folder of notes."""
    return (sequences.run_history(n, folder) for n in itertools.count(seed))


def removal(seed: int, folder: Path) -> Outcomes:
    """Seconds of searches while the vector index is removed."""
    return (load.search_under_removal(n, folder / str(n), 1.0)[1] for n in itertools.count(seed))


FORMS: dict[str, tuple[Callable[[int, Path], Outcomes], int]] = {
    "kills": (kill, 10_000),
    "cuts": (cut, 100_000),
    "faults": (fail, 10_000),
    "sequences": (sequence, 1_000),
    "removal": (removal, 60),
}


def main() -> int:
    """Runs one form."""
    parser = argparse.ArgumentParser(prog="python -m tests.indexer.crash", description=__doc__)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("n", nargs="?", type=int, help="how many (default: that of docs/reliability.md)")
    parser.add_argument("seed", nargs="?", type=int, default=0)
    args = parser.parse_args()
    run, default = FORMS[args.form]
    n, done, bad, started = args.n or default, 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder, quick_settings():
        for done, problems in enumerate(itertools.islice(run(args.seed, Path(folder)), n), 1):
            bad += bool(problems)
            for problem in problems:
                print(f"{args.form} {done}: {problem}", flush=True)
            if done % 1000 == 0:
                print(f"{done} {args.form}, {bad} bad, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{done} {args.form} from seed {args.seed}: {bad} bad, {time.monotonic() - started:.0f} s")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
