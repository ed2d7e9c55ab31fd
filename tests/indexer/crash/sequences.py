"""Random histories of a folder of notes: edits, renames, deletes, crashes in the middle of a sync.

After each, the index of the folder equals one made of it afresh, bit for bit in the store.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from indexer.dump import dump
from indexer.errors import IndexerError
from indexer.index import Index
from indexer.verify import verify
from tests.indexer.crash.layer import Call, watching
from tests.indexer.crash.model import open_index
from tests.indexer.crash.workload import make_text

CHANGES = 8
FOLDERS = ("", "lectures", "lectures/old")
NAMES = ("a.md", "b.txt", "c.md", "d.txt", "e.tex")
ENDS = ("", "\\input{more}\n")  # in LaTeX something is missing then, after a rename to it as well


@dataclass(slots=True)
class Dying:
    """Lets a number of calls pass, and no other after them."""

    left: int

    def __call__(self, call: Call) -> None:
        self.left -= 1
        if self.left < 0:
            if call.sqlite:
                raise apsw.exception_for(apsw.SQLITE_IOERR)
            raise OSError(5, "the process is dead")


def run_history(seed: int, folder: Path) -> list[str]:
    """What differs after one random history; `folder` is used and emptied."""
    rng = random.Random(seed)
    notes, data = folder / "notes", folder / "data"
    notes.mkdir()
    for _ in range(CHANGES):
        _change(notes, rng)
        fate = rng.random()
        if fate < 0.4:
            _sync_and_die(notes, data, rng)
        elif fate < 0.8:
            with open_index(data) as index:
                index.sync([notes])
                index.search("alpha")
    with open_index(data) as index, open_index(folder / "fresh") as fresh:
        index.sync([notes])
        fresh.sync([notes])
        problems = differences(index, fresh)
    problems += [problem for check in verify(data).checks for problem in check.problems]
    for path in folder.iterdir():
        shutil.rmtree(path)
    return problems


def differences(ours: Index, fresh: Index) -> list[str]:
    """The first record that two indexes do not share."""
    with ours._store.read() as one, fresh._store.read() as other:
        left, right = list(dump(one)), list(dump(other))
    if left == right:
        return []
    at = next(n for n, pair in enumerate(zip([*left, ()], [*right, ()], strict=False)) if pair[0] != pair[1])
    return [f"record {at} is {[*left, ()][at]} and, made afresh, {[*right, ()][at]}"]


def _sync_and_die(notes: Path, data: Path, rng: random.Random) -> None:
    """A sync, the end of which no call lives to see."""
    with watching(Dying(rng.randrange(60))), contextlib.suppress(IndexerError, apsw.Error, OSError):
        index = open_index(data)
        try:
            index.sync([notes])
            index.search("alpha")
        finally:
            index.close()


def _change(notes: Path, rng: random.Random) -> None:
    """One change that somebody makes to their notes."""
    files = sorted(path for path in notes.rglob("*") if path.is_file())
    match rng.choice(("write", "write", "write", "rename", "copy", "delete", "delete folder")):
        case "rename" if files:
            rng.choice(files).replace(_somewhere(notes, rng))
        case "copy" if files:
            target = _somewhere(notes, rng)
            target.write_bytes(rng.choice(files).read_bytes())
        case "delete" if files:
            rng.choice(files).unlink()
        case "delete folder":
            shutil.rmtree(notes / "lectures", ignore_errors=True)
        case _:
            _somewhere(notes, rng).write_text(f"# {rng.choice(NAMES)}\n\n{make_text(rng)}\n{rng.choice(ENDS)}")


def _somewhere(notes: Path, rng: random.Random) -> Path:
    path = notes / rng.choice(FOLDERS) / rng.choice(NAMES)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def histories(first_seed: int, n: int, folder: Path) -> Iterator[list[str]]:
    """The differences after each of `n` histories."""
    for seed in range(first_seed, first_seed + n):
        yield run_history(seed, folder)
