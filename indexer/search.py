"""One query to its hits: dense and lexical candidates, fused, joined and filtered in one read transaction."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from indexer.embed import Embedder
from indexer.errors import StoreCorrupt
from indexer.fuse import fuse
from indexer.lexical import search_bm25
from indexer.records import Ids, Reading, Vectors
from indexer.snapshot import Header, quarantine, read_snapshot, write_snapshot
from indexer.store import Store
from indexer.sync import check_model
from indexer.types import SearchResult

if TYPE_CHECKING:
    from indexer.vectors import VectorIndex

Mode = Literal["hybrid", "dense", "bm25"]

SNAPSHOT_NAME = "vectors.index"
N_CANDIDATES = 100  # from each side; a query that wants more hits gets as many candidates as hits
SPARE_IDS = 10_000  # ids of removed vectors that the index in memory may hold besides as many as live ones


class Searcher:
    """Searches a store. The vector index is a cache of its vectors: it may hold some too many, never one too few.

    Thread-safe; a search sees every commit made before it began.
    """

    def __init__(self, store: Store, embedder: Embedder, folder: Path) -> None:
        self._store = store
        self._embedder = embedder
        self._path = folder / SNAPSHOT_NAME
        self._lock = threading.Lock()
        self._index: VectorIndex | None = None
        self._last_id = 0  # every stored vector up to this id is in the index
        self._saved: Header | None = None
        self._live: dict[int | None, tuple[int, Ids]] = {}  # collection id -> generation, its vectors

    def search(self, query: str, n: int, collection: str | None, mode: Mode) -> SearchResult:
        """The `n` best chunks of `collection`, or of all. Raises CollectionNotFound, EmbeddingModelError."""
        query = query.encode("utf-8", "replace").decode("utf-8")  # half a character is no word of any text
        n_candidates = max(n, N_CANDIDATES)
        vector = None if mode == "bm25" else self._encode(query)
        with self._store.read() as reading:
            collection_id = None if collection is None else reading.collection_id(collection)
            lexical: dict[int, float] = {}
            if mode != "dense":
                lexical = search_bm25(reading, query, n_candidates, collection_id)
            scores = lexical
            if vector is not None:
                check_model(reading, self._embedder.name)  # another one may have taken over since
                dense = self._dense(reading, vector, n_candidates, collection_id, lexical)
                scores = dense if mode == "dense" else fuse(dense, lexical)
            return SearchResult(tuple(reading.hits(_best(scores, n))[:n]), reading.generation())

    def save(self) -> None:
        """Keeps the vector index in a file if it has changed; a file that cannot be written costs a rebuild later."""
        with self._store.read() as reading, self._lock:
            header = self._header(reading)
            if self._index is None or header in (self._saved, None) or self._last_id != header.last_id:
                return
            payload = self._index.to_bytes()
        with contextlib.suppress(OSError):
            write_snapshot(self._path, header, payload)
            self._saved = header

    def _encode(self, query: str) -> Vectors | None:
        """The query's vector (dim,), or None when there is nothing to compare it with."""
        with self._store.read() as reading:
            if not query.strip() or reading.last_vector_id() == 0:
                return None
            check_model(reading, self._embedder.name)
        return self._embedder.encode([query])[0]

    def _dense(
        self, reading: Reading, query: Vectors, n: int, collection_id: int | None, also: Iterable[int]
    ) -> dict[int, float]:
        """Chunk id -> cosine similarity of the `n` nearest texts' chunks and of the chunks `also`."""
        live = self._live_ids(reading, collection_id)
        if len(live) == 0:
            return {}
        index = self._current(reading)
        found = index.search(query, n, live)
        vector_of = {chunk: vector for vector, chunk in reading.chunks_of_vectors(list(found), collection_id)}
        others = {c: vector for vector, c in reading.vectors_of_chunks([c for c in also if c not in vector_of])}
        found |= index.scores(query, np.fromiter(set(others.values()), dtype=np.int64))
        return {chunk: found[vector] for chunk, vector in (vector_of | others).items()}

    def _live_ids(self, reading: Reading, collection_id: int | None) -> Ids:
        """The ids of the vectors that the collection's chunks use."""
        generation = reading.generation()
        with self._lock:
            known = self._live.get(collection_id)
            if known is None or known[0] != generation:
                known = self._live[collection_id] = (generation, reading.live_vectors(collection_id))
            return known[1]

    def _current(self, reading: Reading) -> VectorIndex:
        """The index with every vector of this transaction: loaded, caught up, or rebuilt when mostly waste."""
        last_id = reading.last_vector_id()
        with self._lock:
            if self._index is None:
                self._index, self._last_id = self._load(reading), last_id
            elif self._last_id < last_id:
                if len(self._index) > 2 * reading.n_vectors() + SPARE_IDS:
                    self._index = self._build(reading)
                else:
                    self._index.add(*reading.vectors_after(self._last_id))
                self._last_id = last_id
            return self._index

    def _load(self, reading: Reading) -> VectorIndex:
        """The index from its file if that is whole and of this generation, else from the stored vectors."""
        from indexer.vectors import VectorIndex

        header = self._header(reading)
        try:
            saved, payload = read_snapshot(self._path)
            if saved == header:
                index = VectorIndex.from_bytes(payload)
                self._saved = saved
                return index
        except FileNotFoundError:
            pass
        except StoreCorrupt:
            quarantine(self._path)
        return self._build(reading)

    def _build(self, reading: Reading) -> VectorIndex:
        from indexer.vectors import VectorIndex

        ids, vectors = reading.vectors_after(0)
        index = VectorIndex(vectors.shape[1])
        index.add(ids, vectors)
        return index

    def _header(self, reading: Reading) -> Header:
        return Header(reading.generation(), self._embedder.name, reading.last_vector_id())


def _best(scores: Mapping[int, float], n: int) -> dict[int, float]:
    """The `n` best entries and those that equal the last of them, so that ties are not broken by ids."""
    if len(scores) <= n:
        return dict(scores)
    bar = sorted(scores.values(), reverse=True)[n - 1]
    return {i: score for i, score in scores.items() if score >= bar}
