"""A folder of small notes that is watched as `studygpt index --watch` does, and the time until a change is found."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from indexer.embed import Embedder
from indexer.errors import IndexerError
from indexer.index import Index
from indexer.types import SyncReport
from indexer.watch import Follower, happenings
from tests.bench.long_pdf import sentences

KINDS = ("written", "edited", "replaced", "deleted", "renamed", "moved")
WORDS_A_NOTE = 120
_LOOK_S = 0.01  # between searches for a change
_LOST_S = 60.0  # after which it is taken for missed


class WatchedFolder:
    """`n` notes below `parent`, each with a word of its own, indexed and followed while it is entered."""

    def __init__(self, parent: Path, embedder: Embedder, n: int) -> None:
        self._folder, self._outside, self._n = parent / "notes", parent / "outside", n
        self._rng = random.Random(0)
        for folder in (self._folder / "sub", self._outside):
            folder.mkdir(parents=True)
        for number in range(n):
            self._note(number).write_text(self._text(f"own{number}word"))
        self._index = Index.open(parent / "data", embedder=embedder)
        self._stop, self._begun = threading.Event(), threading.Event()
        self._troubles: list[IndexerError] = []
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._begun.wait(600):
            raise TimeoutError("the notes were not indexed within 600 s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._index.close()

    def change(self, times: int) -> dict[str, list[float]]:
        """Seconds from each change to a search that knows of it, `times` of each kind, in a random order."""
        if times * len(KINDS) > self._n:
            raise ValueError(f"{times} changes of each kind need {times * len(KINDS)} notes, not {self._n}")
        numbers = iter(range(self._n))
        todo = [(kind, next(numbers)) for kind in KINDS for _ in range(times)]
        self._rng.shuffle(todo)
        taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for kind, number in todo:
            time.sleep(self._rng.uniform(0.1, 0.7))  # at any moment of the watcher's own round
            taken[kind].append(self._until_known(*getattr(self, f"_{kind}")(number)))
        return taken

    def _until_known(self, act: Callable[[], object], known: Callable[[], bool]) -> float:
        started = time.perf_counter()
        act()
        while not known():
            if time.perf_counter() - started > _LOST_S:
                raise TimeoutError(f"a change was not found within {_LOST_S:g} s; troubles: {self._troubles}")
            time.sleep(_LOOK_S)
        return time.perf_counter() - started

    # Each kind of change: what to do, and whether a search knows of it.

    def _written(self, number: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        text, word = self._text(f"fresh{number}word"), f"fresh{number}word"
        return lambda: (self._folder / f"fresh{number}.md").write_text(text), lambda: bool(self._where(word))

    def _edited(self, number: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        text, word = self._text(f"edited{number}word"), f"edited{number}word"
        return lambda: self._note(number).write_text(text), lambda: bool(self._where(word))

    def _replaced(self, number: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        new, word = self._outside / f"{number}.md", f"replaced{number}word"
        new.write_text(self._text(word))
        return lambda: os.replace(new, self._note(number)), lambda: bool(self._where(word))

    def _deleted(self, number: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        return self._note(number).unlink, lambda: not self._where(f"own{number}word")

    def _renamed(self, number: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        target = self._folder / f"renamed{number}.md"
        return lambda: self._note(number).rename(target), lambda: self._where(f"own{number}word") == {target.name}

    def _moved(self, number: int) -> tuple[Callable[[], object], Callable[[], bool]]:
        target = self._folder / "sub" / f"moved{number}.md"
        return lambda: self._note(number).rename(target), lambda: self._where(f"own{number}word") == {target.name}

    def _where(self, word: str) -> set[str]:
        """The names of the files that a search for the word finds."""
        return {Path(hit.path).name for hit in self._index.search(word, mode="bm25").hits}

    def _note(self, number: int) -> Path:
        return self._folder / f"note{number:03}.md"

    def _text(self, word: str) -> str:
        return f"# A note\n\nAbout {word}.\n\n" + " ".join(sentences(self._rng, WORDS_A_NOTE)) + "\n"

    def _follow(self) -> None:
        def told(_report: SyncReport) -> None:
            self._begun.set()

        follower = Follower(self._index, [self._folder], "default", told, self._troubles.append)
        follower.follow(happenings([self._folder], self._stop))
