"""The service's watched folder: followed by a thread of its own, each change a job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from api.jobs import Jobs, Stopped
from indexer.errors import IndexerError
from indexer.index import Index
from indexer.types import Progress, SyncReport
from indexer.watch import Follower, happenings

STOP_S = 30.0  # for the change in hand to reach its next report

logger = logging.getLogger(__name__)


class Watcher:
    """Keeps the collection named like `folder` equal to it, from `start` to `stop`; what goes wrong is logged."""

    def __init__(self, index: Index, folder: Path, jobs: Jobs) -> None:
        self._folder = folder.absolute()
        self._index = _AsJobs(index, jobs, str(folder))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    @property
    def collection(self) -> str:
        """The collection that the folder's documents are in."""
        return self._folder.name or "root"

    def start(self) -> None:
        """Begins to follow; returns at once."""
        logger.info("watching %s as collection %r", self._folder, self.collection)
        self._thread.start()

    def stop(self) -> None:
        """Ends the following; the change in hand ends with the jobs."""
        self._stopping.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        follower = Follower(self._index, [self._folder], self.collection, self._told, self._troubled)
        try:
            follower.follow(happenings([self._folder], self._stopping))
        except Stopped:
            return
        except (IndexerError, OSError) as error:
            logger.error("watching %s has ended: %s; restart the service", self._folder, error)

    def _told(self, report: SyncReport) -> None:
        logger.info(
            "watched folder: %d added, %d updated, %d renamed, %d removed, %d failed",
            *(report.added, report.updated, report.renamed, report.removed, len(report.failed)),
        )
        for failure in report.failed:
            logger.warning("could not read %s: %s", failure.path, failure.reason)
        for document in report.in_part:
            logger.warning("read in part %s: %s", document.path, "; ".join(document.notices))

    def _troubled(self, error: IndexerError) -> None:
        logger.warning("watched folder: %s", error)


@dataclass(frozen=True, slots=True)
class _AsJobs:
    """An index whose looks are jobs named `name`, so that their progress can be followed."""

    index: Index
    jobs: Jobs
    name: str

    def sync(
        self, paths: Sequence[Path], *, collection: str, progress: Callable[[Progress], None] | None
    ) -> SyncReport:
        """As Index.sync; `progress` is told to the job instead."""
        return self.jobs.attend(
            self.name, collection, lambda report: self.index.sync(paths, collection=collection, progress=report)
        )

    def refresh(
        self,
        paths: Sequence[Path],
        changed: Sequence[str],
        *,
        collection: str,
        progress: Callable[[Progress], None] | None,
    ) -> SyncReport:
        """As Index.refresh; `progress` is told to the job instead."""
        return self.jobs.attend(
            self.name,
            collection,
            lambda report: self.index.refresh(paths, changed, collection=collection, progress=report),
        )
