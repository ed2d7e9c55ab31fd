"""Jobs: uploads, accepted at once and done one after the other by a single worker, and the changes of a watched folder,
which their own thread does as they come; told apart by id.

The index has one writer, so one worker is all there is to gain. Jobs live as long as the process: what a finished job
did is in the index, and a job that had not finished has left nothing behind.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

from api.errors import JobNotFound, NotReady, TooManyJobs
from indexer.errors import IndexerError
from indexer.types import Document, Progress

State = Literal["queued", "running", "done", "failed"]
Report = Callable[[Progress], None]
Work = Callable[[Report], Document]
T = TypeVar("T")

MAX_WAITING = 64  # uploads that wait hold their bytes in memory
MAX_FINISHED = 256  # a page that was open all day still finds the outcome of its uploads

STOPPED = "the service was stopped before the file was indexed; upload it again"

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """Thrown into the work in hand, at its next report, when the service stops."""


@dataclass(frozen=True, slots=True)
class Job:
    """One upload or change as it stands now. `document` is there when an upload is done, `reason` for what has failed."""

    id: str
    name: str
    collection: str
    created_at: str  # ISO 8601, UTC
    state: State = "queued"
    progress: Progress | None = None
    document: Document | None = None
    reason: str | None = None

    @property
    def finished(self) -> bool:
        return self.state in ("done", "failed")


class Jobs:
    """Runs jobs in the order they came and remembers how they ended; safe to use from any thread."""

    def __init__(self, *, max_waiting: int = MAX_WAITING, max_finished: int = MAX_FINISHED) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upload")
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._max_waiting = max_waiting
        self._max_finished = max_finished

    def submit(self, name: str, collection: str, work: Work) -> Job:
        """Queues `work` and returns its job. Raises TooManyJobs, and NotReady once the service is stopping."""
        if self._stopping.is_set():
            raise NotReady("the service is stopping; upload the file again when it is back")
        job = Job(uuid.uuid4().hex, name, collection, _now())
        with self._lock:
            n_waiting = sum(not other.finished for other in self._jobs.values())
            if n_waiting >= self._max_waiting:
                raise TooManyJobs(f"{n_waiting} uploads wait already; try again when some of them are done")
            self._jobs[job.id] = job
        self._worker.submit(self._run, job.id, work).add_done_callback(lambda future: self._finish(job.id, future))
        return job

    def attend(self, name: str, collection: str, work: Callable[[Report], T]) -> T:
        """Does `work` in this thread and gives what it gives; it is a job once it reports files to read.

        Raises what it raises, and Stopped when the service stops.
        """
        job_id: str | None = None

        def report(progress: Progress) -> None:
            nonlocal job_id
            if self._stopping.is_set():
                raise Stopped
            if job_id is None and progress.stage == "read" and progress.total > 0:
                job = Job(uuid.uuid4().hex, name, collection, _now(), state="running")
                job_id = job.id
                with self._lock:
                    self._jobs[job.id] = job
            if job_id is not None:
                self._change(job_id, progress=progress)

        ended: dict[str, object] = {"state": "failed", "reason": "something went wrong; the service's log tells what"}
        try:
            given = work(report)
            ended = {"state": "done"}
        except (IndexerError, Stopped) as error:
            ended["reason"] = str(error) or STOPPED
            raise
        finally:
            if job_id is not None:
                self._change(job_id, **ended)
                self._forget()
        return given

    def all(self) -> tuple[Job, ...]:
        """Every job that is remembered, the newest first."""
        with self._lock:
            return tuple(reversed(self._jobs.values()))

    def get(self, job_id: str) -> Job:
        """The job as it stands now. Raises JobNotFound."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise JobNotFound(f"no job {job_id!r}; finished jobs are forgotten after {self._max_finished} others")
        return job

    def stop(self) -> None:
        """Fails the jobs that wait, and the running one at its next report: nothing of it has been stored by then."""
        self._stopping.set()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Stops, and waits for the running job to end."""
        self.stop()
        self._worker.shutdown(wait=True)

    def _run(self, job_id: str, work: Work) -> Document:
        self._change(job_id, state="running")

        def report(progress: Progress) -> None:
            if self._stopping.is_set():
                raise Stopped
            self._change(job_id, progress=progress)

        return work(report)

    def _finish(self, job_id: str, future: Future[Document]) -> None:
        """Records how the work ended. Runs in the worker, or in `close` for what never began."""
        if future.cancelled() or isinstance(future.exception(), Stopped):
            self._change(job_id, state="failed", reason=STOPPED)
        elif (error := future.exception()) is None:
            self._change(job_id, state="done", document=future.result())
        elif isinstance(error, IndexerError):
            self._change(job_id, state="failed", reason=str(error))
        else:
            logger.error("job %s failed", job_id, exc_info=error)
            reason = f"something went wrong in the service; its log tells what, under job {job_id}"
            self._change(job_id, state="failed", reason=reason)
        self._forget()

    def _change(self, job_id: str, **changes: object) -> None:
        with self._lock:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)  # type: ignore[arg-type]  # names are Job's own

    def _forget(self) -> None:
        """Drops the oldest finished jobs beyond those that are kept."""
        with self._lock:
            finished = [job.id for job in self._jobs.values() if job.finished]
            for job_id in finished[: max(0, len(finished) - self._max_finished)]:
                del self._jobs[job_id]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
