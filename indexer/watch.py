"""Following files and folders: the index equals them again moments after each change.

What happened comes from the file system's own notices (inotify, FSEvents, through watchfiles). They are hints: they are
gathered, waited for until the writing stops, and what they name is looked at. Whatever could make them miss something
(a flood of changes, a folder that was away, the passing of time) leads to a look at everything.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from indexer.errors import DataFolderUnusable, IndexerError, PathNotFound
from indexer.loaders import SUFFIXES
from indexer.types import Progress, SyncReport

STEP_MS = 100  # without a notice for so long, what was gathered is passed on
GATHER_MS = 500  # it is passed on after so long anyway
QUIET_S = 0.1  # a file that was written to within this time may not be complete
MAX_WAIT_S = 10.0  # one that is written to all the time is read anyway
FLOOD = 1000  # the kernel drops notices beyond some 16,000 that wait; watchfiles does not pass on that it did
LOOK_AGAIN_S = 300.0  # a look at everything, though nothing was noticed
RETRY_S = 2.0  # after a failure that may pass


class Syncing(Protocol):
    """What a follower asks of an index (`indexer.index.Index`)."""

    def sync(
        self, paths: Sequence[Path], *, collection: str, progress: Callable[[Progress], None] | None
    ) -> SyncReport: ...

    def refresh(
        self,
        paths: Sequence[Path],
        changed: Sequence[str],
        *,
        collection: str,
        progress: Callable[[Progress], None] | None,
    ) -> SyncReport: ...


@dataclass(frozen=True, slots=True)
class Happened:
    """Absolute paths where something changed, none when only time has passed; `lost`: there may have been more."""

    paths: frozenset[str] = frozenset()
    lost: bool = False


@dataclass(slots=True)
class Follower:
    """Keeps a collection equal to `paths`: everything at first, then what is said to have changed.

    `told` gets the report of the first look and of each that found a change, `troubled` a failure that may pass, once:
    the look is tried again, and meanwhile nothing is removed. Other errors are raised.
    """

    index: Syncing
    paths: Sequence[Path]
    collection: str
    told: Callable[[SyncReport], None]
    troubled: Callable[[IndexerError], None]
    progress: Callable[[Progress], None] | None = None
    clock: Callable[[], float] = time.monotonic
    _pending: dict[str, float] = field(default_factory=dict)  # path: when it was first heard of
    _look_at: float = 0.0  # when to look at everything
    _first: bool = True
    _trouble: str = ""

    def follow(self, happenings: Iterable[Happened]) -> None:
        """Until there are no more; the first one, which may be empty, brings the first look at everything."""
        self._look_at = self.clock()
        for happened in happenings:
            self._note(happened)
            try:
                self._act()
            except (PathNotFound, DataFolderUnusable) as error:
                if str(error) != self._trouble:
                    self.troubled(error)
                self._trouble = str(error)
                self._look_at = self.clock() + RETRY_S

    def _note(self, happened: Happened) -> None:
        now = self.clock()
        for path in happened.paths:
            if is_of_interest(path):
                self._pending.setdefault(path, now)
        if happened.lost or len(self._pending) > FLOOD:
            self._look_at = min(self._look_at, now)

    def _act(self) -> None:
        now = self.clock()
        if now >= self._look_at:
            self._pending.clear()  # what happens from here on is told anew
            self._tell(self.index.sync(self.paths, collection=self.collection, progress=self.progress))
            self._look_at = self.clock() + LOOK_AGAIN_S
            return
        ready = [
            path for path, since in self._pending.items() if now - since > MAX_WAIT_S or not is_being_written(path)
        ]
        if ready:
            for path in ready:
                del self._pending[path]
            self._tell(self.index.refresh(self.paths, ready, collection=self.collection, progress=self.progress))

    def _tell(self, report: SyncReport) -> None:
        changes = report.added + report.updated + report.renamed + report.removed + len(report.failed)
        if changes or self._first:
            self.told(report)
        self._first, self._trouble = False, ""


def is_of_interest(path: str) -> bool:
    """Whether a change there can matter: a document, or what is, or may have been, a folder; nothing hidden."""
    name = os.path.basename(path)
    if name.startswith("."):
        return False
    if os.path.splitext(name)[1].lower() in SUFFIXES:
        return True
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return True


def is_being_written(path: str) -> bool:
    """Whether a file has been written to this very moment; what is gone or no file is not."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    age_s = time.time() - max(status.st_mtime, status.st_ctime)
    return stat.S_ISREG(status.st_mode) and 0 <= age_s < QUIET_S


def happenings(paths: Sequence[Path], stop: threading.Event) -> Iterator[Happened]:
    """What happens at `paths`, at least every half second, until `stop` is set.

    A path that is away is waited for. Where the system has no more room for watches the files are looked at instead.
    """
    from watchfiles import watch

    roots = [os.path.abspath(path) for path in paths]
    polling: bool | None = None
    unseen = False  # whether something may have changed between two watches
    while not stop.is_set():
        places = _places(roots)
        try:
            for changes in watch(
                *roots,
                watch_filter=None,
                debounce=GATHER_MS,
                step=STEP_MS,
                rust_timeout=GATHER_MS,
                yield_on_timeout=True,
                stop_event=stop,
                force_polling=polling,
                ignore_permission_denied=True,
            ):
                yield Happened(frozenset(path for _, path in changes), lost=unseen)
                unseen = False
                if _places(roots) != places:  # another file or folder of that name: the old one is watched
                    break
        except FileNotFoundError:
            stop.wait(GATHER_MS / 1000)
        except OSError:
            if polling:
                raise
            polling = True
        if not stop.is_set():
            unseen = True
            yield Happened(lost=True)


def _places(roots: Sequence[str]) -> list[tuple[int, int] | None]:
    """The identity of each file or folder; None for what is not there."""
    found: list[tuple[int, int] | None] = []
    for root in roots:
        try:
            status = os.stat(root)
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return found
