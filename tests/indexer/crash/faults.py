"""Failing disks: the Nth call that changes a file fails, once or from then on, and a disk that is full."""

from __future__ import annotations

import contextlib
import errno
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import apsw

from indexer import reserve
from indexer.errors import IndexerError
from indexer.index import Index
from tests.indexer.crash.layer import Call, watching
from tests.indexer.crash.model import State, contents, open_index, violations
from tests.indexer.crash.workload import Runner, Step, make_steps, states

STEPS = 12
SHARED_MEMORY_BYTES = 32 << 10
_CODES = {"write": apsw.SQLITE_IOERR_WRITE, "sync": apsw.SQLITE_IOERR_FSYNC, "truncate": apsw.SQLITE_IOERR_TRUNCATE,
          "sync_folder": apsw.SQLITE_IOERR_DIR_FSYNC, "unlink": apsw.SQLITE_IOERR_DELETE}  # fmt: skip


def failure(call: Call, number: int) -> Exception:
    """The error that the caller expects of a call that fails with this errno."""
    if not call.sqlite:
        return OSError(number, "told to fail", call.path)
    if number == errno.ENOSPC:
        return apsw.exception_for(apsw.SQLITE_FULL)
    return apsw.exception_for(_CODES.get(call.kind, apsw.SQLITE_CANTOPEN))


@dataclass(slots=True)
class Failing:
    """Lets call number `at` fail (from 1), and those after it too if `lasting`; a full disk still syncs and removes."""

    at: int
    number: int
    lasting: bool
    seen: int = 0
    sync_failed: bool = False
    wrote_after: bool = False

    def __call__(self, call: Call) -> None:
        self.seen += 1
        is_due = self.seen == self.at or (self.lasting and self.seen > self.at)
        if is_due and not (self.number == errno.ENOSPC and call.kind not in ("create", "write")):
            if call.sqlite and call.kind in ("sync", "sync_folder"):
                self.sync_failed = True
            raise failure(call, self.number)
        if self.sync_failed and call.sqlite and call.kind == "write":
            self.wrote_after = True


def fail_each(seed: int, folder: Path, n_faults: int) -> Iterator[list[str]]:
    """The violations after one fault at each of `n_faults` calls, spread over a random history."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rng = random.Random(seed)
    base = make_steps(rng, STEPS)
    steps = make_steps(rng, STEPS, states(base, State())[-1])
    start = states(base, State())[-1]
    runner = Runner(folder / "base")
    for step in base:
        runner.do(step)
    runner.index.close()
    counter = Failing(0, errno.EIO, lasting=False)
    _copy(folder)
    run_failing(counter, steps, start, folder / "live")
    for n in range(n_faults):
        at = 1 + n * counter.seen // n_faults
        _copy(folder)
        watch = Failing(at, rng.choice((errno.EIO, errno.ENOSPC)), rng.random() < 0.5)
        candidates, problems = run_failing(watch, steps, start, folder / "live")
        yield problems or violations(folder / "live", candidates, rng)


def _copy(folder: Path) -> None:
    shutil.rmtree(folder / "live", ignore_errors=True)
    shutil.copytree(folder / "base", folder / "live")


def run_failing(watch: Failing, steps: Sequence[Step], start: State, folder: Path) -> tuple[list[State], list[str]]:
    """Does what can be done on the failing disk: the states it may have left, the confirmed one first, and what went
    wrong on the way. Only IndexerError may be raised, and nothing may be written after a failed sync.
    """
    state, doubtful, problems = start, start, []
    runner: Runner | None = None
    with watching(watch):
        try:
            runner = Runner(folder)
            for step in steps:
                after, stopped = states([step], state)[-1], watch.sync_failed
                try:
                    runner.do(step)
                    if after.generation > state.generation:
                        state = doubtful = after
                    elif step[0] == "reopen":  # what a failed sync has left is read anew, and writing may go on
                        state = doubtful = _settle(runner.index, state, doubtful)[0]
                        watch.sync_failed = False
                except IndexerError:
                    if step[0] == "reopen":
                        break
                    if not stopped:
                        state, doubtful = _settle(runner.index, state, after)
                except KeyError:  # a document that an earlier failure has kept out cannot be removed
                    continue
        except IndexerError:
            pass
        except (apsw.Error, OSError) as error:
            problems.append(f"{type(error).__name__} came through: {error}")
        finally:
            if runner is not None:
                with contextlib.suppress(IndexerError):
                    runner.close()
    if watch.wrote_after:
        problems.append("something was written after a failed sync")
    return [State(s.documents, s.generation) for s in (state, doubtful)], problems


def _settle(index: Index, before: State, after: State) -> tuple[State, State]:
    """After a step that failed: what is there now, which is one of the two, and what may be there after a restart."""
    now = before if contents(index) == before.documents else after
    return now, after


@dataclass(slots=True)
class Capacity:
    """A disk of `total` bytes: writes that need more fail."""

    folder: Path
    total: int

    def used(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    def free(self, _folder: Path) -> int:
        return max(0, self.total - self.used())

    def __call__(self, call: Call) -> None:
        if call.kind != "write":
            return
        path = Path(call.path)
        grows = call.offset + len(call.data) - (path.stat().st_size if path.exists() else 0)
        if grows > max(0, self.total - self.used()):
            raise failure(call, errno.ENOSPC)


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """The data folder on a disk without a free byte, but for the shared memory that SQLite makes when it opens."""
    disk = Capacity(folder, 0)
    disk.total = disk.used() + SHARED_MEMORY_BYTES
    with watching(disk), patch.object(reserve, "free_bytes", disk.free):
        yield


def filled(folder: Path, n: int) -> list[str]:
    """Puts `n` documents into the folder and closes it; their ids."""
    rng = random.Random(0)
    with open_index(folder) as index:
        return [index.add(f"{n}.txt", rng.randbytes(2000).hex().encode()).document_id for n in range(n)]
