"""Parsers kept at work: threads that hand documents to a sandbox without a pause, as an indexing job does."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from indexer.errors import LoadError
from indexer.sandbox import Sandbox
from tests.indexer.bombs import BOMBS, HEAVY

File = tuple[str, bytes]


def hostile_files() -> list[list[File]]:
    """Every bomb and every strange file, shuffled, a list for each of the parsers that work at a time besides one."""
    files = [make() for _, make in sorted({**BOMBS, **HEAVY}.items())]
    random.Random(0).shuffle(files)
    n = max(1, (os.cpu_count() or 1) - 1)
    return [files[first::n] for first in range(n)]


class BusyParsers:
    """While it is entered, a thread for each of `files` loads them again and again; what is not done then is given up."""

    def __init__(self, sandbox: Sandbox, files: Sequence[Sequence[File]]) -> None:
        self.n_read = self.n_refused = 0
        self.n_workers = len(files)
        self._sandbox = sandbox
        self._sources = [itertools.cycle(each) for each in files]
        self._given_up = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._given_up.clear()
        self._threads = [threading.Thread(target=self._work, args=(source,)) for source in self._sources]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given_up.set()
        for thread in self._threads:
            thread.join()

    def _work(self, source: Iterator[File]) -> None:
        while not self._given_up.is_set():
            read = True
            try:
                self._sandbox.load(*next(source), self._given_up)
            except LoadError:
                read = False
            if self._given_up.is_set():
                return
            with self._lock:
                self.n_read += read
                self.n_refused += not read
