"""What the index must say, kept outside of it, and everything that can be wrong with a data folder after a crash.

A State is the documents by name. The right answers to a query are computed from them by brute force.
"""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexer.draft import make_draft
from indexer.embed import Vectors
from indexer.errors import DataFolderUnusable, IndexerError, StoreCorrupt
from indexer.index import Index
from indexer.loaders import load
from indexer.records import STORED_DTYPE
from indexer.snapshot import read_snapshot
from indexer.types import Extracted
from indexer.verify import verify
from tests.indexer.fakes import HashEmbedder

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau".split()
SNAPSHOT = "vectors.index"
TOLERANCE = 1e-5


class QuickEmbedder(HashEmbedder):
    """HashEmbedder that remembers its words."""

    def __init__(self) -> None:
        super().__init__(dim=16)

    @functools.cache  # noqa: B019  (there is one of them)
    def _direction(self, word: str) -> Vectors:
        return super()._direction(word)


EMBEDDER = QuickEmbedder()


class Direct:
    """Parses in this process: the walls around parsers are tested elsewhere and cost a process each."""

    def load(self, name: str, data: bytes, given_up: threading.Event | None = None) -> Extracted:
        return load(name, data)


def open_index(folder: Path) -> Index:
    """The index of a folder, with what is quick in the place of model and parsers."""
    return Index.open(folder, embedder=EMBEDDER, parsers=Direct())


@dataclass(frozen=True, slots=True)
class State:
    """What was confirmed: the documents, the count of changes, and the last generation whose snapshot was saved."""

    documents: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0
    saved: int = -1

    def put(self, name: str, text: str) -> State:
        """After `text` was stored under `name`; the same text again is no change."""
        if self.documents.get(name) == text:
            return self
        return State({**self.documents, name: text}, self.generation + 1, self.saved)

    def remove(self, name: str) -> State:
        """After the document was removed."""
        rest = {other: text for other, text in self.documents.items() if other != name}
        return State(rest, self.generation + 1, self.saved)

    def save(self) -> State:
        """After the vector index was kept."""
        return State(self.documents, self.generation, self.generation)


@functools.cache
def pieces(name: str, text: str) -> tuple[tuple[str, Vectors], ...]:
    """The chunks of a document and their vectors as they are stored."""
    draft = make_draft(name, text.encode(), EMBEDDER)
    vectors = EMBEDDER.encode(draft.texts).astype(STORED_DTYPE).astype(np.float32)
    return tuple((chunk.text, vector) for chunk, vector in zip(draft.chunks, vectors, strict=True))


def wrong_answers(index: Index, state: State, word: str) -> list[str]:
    """What a search for `word` gets wrong, by meaning and by words."""
    query = EMBEDDER.encode([word])[0]
    scores: dict[str, list[float]] = {}
    holding = set()
    for name, text in state.documents.items():
        for chunk, vector in pieces(name, text):
            scores.setdefault(chunk, []).append(float(query @ vector))
            if word in chunk.split():
                holding.add((name, chunk))
    problems = []
    found = index.search(word, n=1000, mode="bm25").hits
    if {(hit.path, hit.text) for hit in found} != holding or len(found) != len(holding):
        problems.append(
            f"{word!r} is found in {sorted({h.path for h in found})}, not {sorted({n for n, _ in holding})}"
        )
    dense = index.search(word, n=5, mode="dense").hits
    best = sorted((score for equal in scores.values() for score in equal), reverse=True)[:5]
    right = len(dense) >= len(best) and all(
        abs(hit.score - score) < TOLERANCE and abs(hit.score - scores.get(hit.text, [9.0])[0]) < TOLERANCE
        for hit, score in zip(dense, best, strict=False)
    )
    if not right:
        problems.append(f"the nearest to {word!r} are {[round(h.score, 4) for h in dense]}, not {np.round(best, 4)}")
    return problems


def violations(folder: Path, candidates: Sequence[State], rng: random.Random) -> list[str]:
    """What is wrong with the data folder, which must be in one of the states: first as the crash left it, then opened.

    The first state is what was confirmed; nothing of it may be lost, and nothing half done may show.
    """
    try:
        return [*_as_left(folder, candidates), *_opened(folder, candidates, rng)]
    except (IndexerError, OSError, RuntimeError, ValueError, KeyError) as error:
        return [f"{type(error).__name__}: {error}"]


def _as_left(folder: Path, candidates: Sequence[State]) -> list[str]:
    confirmed = candidates[0]
    try:
        outcome = verify(folder)
    except DataFolderUnusable as error:  # cut before the schema was there
        return [] if confirmed == State() else [f"everything is lost: {error}"]
    problems = [problem for check in outcome.checks for problem in check.problems]
    if confirmed.saved >= 0:
        try:
            header, _ = read_snapshot(folder / SNAPSHOT)
            if header.generation < confirmed.saved:
                problems.append(f"the snapshot of generation {confirmed.saved} is lost: there is {header.generation}")
        except (FileNotFoundError, StoreCorrupt) as error:
            problems.append(f"the snapshot of generation {confirmed.saved} is lost: {error}")
    return problems


def _opened(folder: Path, candidates: Sequence[State], rng: random.Random) -> list[str]:
    with open_index(folder) as index:
        found = contents(index)
        for state in candidates:
            if (found, index.generation) == (state.documents, state.generation):
                return [problem for word in rng.sample(WORDS, 2) for problem in wrong_answers(index, state, word)]
        expected = " or ".join(f"{sorted(s.documents)} at {s.generation}" for s in candidates)
        return [f"holds {sorted(found)} at {index.generation}, not {expected}"]


def contents(index: Index) -> dict[str, str]:
    """The documents by name."""
    return {d.path: index.source(d.document_id).decode() for d in index.documents()}
