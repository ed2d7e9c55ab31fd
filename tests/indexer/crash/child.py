"""The process that is killed: for each line of JSON on stdin it forks a child that does steps and confirms each.

Run as `python -m tests.indexer.crash.child`. It imports everything once and opens nothing, so that forking is safe and
a child starts in milliseconds. On stdout: the child's pid, a line for each confirmed step, and `dead`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import indexer.vectors  # noqa: F401  (imported before the fork)
from tests.indexer.crash.settings import quick_settings
from tests.indexer.crash.workload import Runner


def work(folder: Path, steps: list[list[str]]) -> None:
    """Does the steps; each is told once it is confirmed."""
    os.write(1, f"{os.getpid()}\n".encode())
    runner = Runner(folder)
    os.write(1, b"open\n")
    for step in steps:
        runner.do(tuple(step))
        os.write(1, b"done\n")
    runner.close()


def main() -> None:
    """Serves until stdin ends."""
    with quick_settings():
        for line in sys.stdin:
            told = json.loads(line)
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    work(Path(told["folder"]), told["steps"])
                    status = 0
                finally:
                    os._exit(status)
            os.waitpid(pid, 0)
            os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
