"""Documents made ahead of their use: some are parsed while the one before them is embedded and stored."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from indexer.errors import LoadError
from indexer.plan import Step
from indexer.records import Draft

AHEAD_BYTES = 64 << 20  # of files that wait with their texts in memory; one file may be more
MAX_WORKERS = 8

MakeDraft = Callable[[Step, threading.Event], Draft]


def drafts(steps: Sequence[Step], make: MakeDraft) -> Generator[tuple[Step, Draft | LoadError]]:
    """Each step with what `make` gives for it, or the LoadError it raises, in order; made in as many threads as there
    are processors. `make` is handed an event that is set when nobody waits for it any more: close the iterator.
    """
    given_up = threading.Event()
    n_workers = max(1, min(MAX_WORKERS, os.cpu_count() or 1))
    pool = ThreadPoolExecutor(n_workers, thread_name_prefix="parser")
    waiting: deque[tuple[Step, Future[Draft]]] = deque()
    n_bytes = 0
    try:
        for step in steps:
            while waiting and (len(waiting) > 2 * n_workers or n_bytes + step.found.size_bytes > AHEAD_BYTES):
                n_bytes -= waiting[0][0].found.size_bytes
                yield _outcome(*waiting.popleft())
            waiting.append((step, pool.submit(make, step, given_up)))
            n_bytes += step.found.size_bytes
        while waiting:
            yield _outcome(*waiting.popleft())
    finally:
        given_up.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _outcome(step: Step, making: Future[Draft]) -> tuple[Step, Draft | LoadError]:
    try:
        return step, making.result()
    except LoadError as error:
        return step, error
