"""Random histories: what is done to an index, as plain values that another process can be told."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path

import apsw

from tests.indexer.crash.model import WORDS, State, open_index

Step = tuple[str, ...]
"""("put", name, text), ("remove", name), ("search", word), ("save",) or ("reopen",)."""

NAMES = tuple(f"{letter}.txt" for letter in "abcdefgh")


def make_steps(rng: random.Random, n: int, state: State | None = None) -> list[Step]:
    """`n` steps that can follow `state`: adds, edits, deletes, snapshots, searches and reopenings."""
    there = set(state.documents) if state else set()
    steps: list[Step] = []
    for _ in range(n):
        kind = rng.choices(("put", "remove", "search", "save", "reopen"), (50, 20, 10, 15, 5))[0]
        if kind == "put" or (kind == "remove" and not there):
            name = rng.choice(NAMES)
            there.add(name)
            steps.append(("put", name, make_text(rng)))
        elif kind == "remove":
            name = rng.choice(sorted(there))
            there.remove(name)
            steps.append(("remove", name))
        else:
            steps.append(("search", rng.choice(WORDS)) if kind == "search" else (kind,))
    return steps


def make_text(rng: random.Random) -> str:
    """A short text, or one of several chunks."""
    n_paragraphs = rng.choices((1, 2, 3), (80, 15, 5))[0]
    n_words = 8 if n_paragraphs < 3 else 120
    return "\n\n".join(" ".join(rng.choices(WORDS, k=n_words)) for _ in range(n_paragraphs))


def states(steps: Sequence[Step], start: State) -> list[State]:
    """The state before the first step and after each."""
    passed = [start]
    for step in steps:
        match step:
            case ("put", name, text):
                passed.append(passed[-1].put(name, text))
            case ("remove", name):
                passed.append(passed[-1].remove(name))
            case ("save",) | ("reopen",):
                passed.append(passed[-1].save() if passed[-1].documents else passed[-1])
            case _:
                passed.append(passed[-1])
    return passed


class Runner:
    """Does steps to the index in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = open_index(folder)

    def do(self, step: Step) -> None:
        """Returns once the step is confirmed."""
        match step:
            case ("put", name, text):
                self.index.add(name, text.encode())
            case ("remove", name):
                ids = {d.path: d.document_id for d in self.index.documents()}
                self.index.remove(ids[name])
            case ("search", word):
                self.index.search(word)
            case ("save",):
                self.index.search(WORDS[0])  # brings the index in memory up to date
                self.index._searcher.save()
            case ("reopen",):
                self.index.search(WORDS[0])
                self.close()
                self.index = open_index(self.folder)
            case _:
                raise ValueError(f"no such step: {step}")

    def close(self) -> None:
        """Closes the index. A call that fails meanwhile raises out of a VFS in Python; SQLite itself hides it."""
        with contextlib.suppress(apsw.Error):
            self.index.close()
