"""One query to its hits: dense and lexical candidates, fused, joined and filtered in one read transaction."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from indexer.diversify import diversify
from indexer.embed import Embedder
from indexer.errors import StoreCorrupt
from indexer.filter import Scope
from indexer.fuse import fuse
from indexer.headings import is_heading_alone
from indexer.lexical import bm25_of, search_bm25
from indexer.query import Query
from indexer.records import STORED_DTYPE, Ids, Reading, Vectors
from indexer.snapshot import Header, quarantine, read_snapshot, write_snapshot
from indexer.store import Store
from indexer.sync import check_model
from indexer.types import Filter, Hit, SearchResult

if TYPE_CHECKING:
    from indexer.vectors import VectorIndex

Mode = Literal["hybrid", "dense", "bm25"]

SNAPSHOT_NAME = "vectors.index"
N_CANDIDATES = 100  # from each side; a query that wants more hits gets as many candidates as hits
POOL = 3  # hits for every one wanted, among which near-duplicates give way
SPARE_IDS = 10_000  # ids of removed vectors that the index in memory may hold besides as many as live ones
LARGE = 100_000  # vectors from which comparing with every one costs more milliseconds than the rest of a search
BATCH = 50_000  # stored vectors that are in memory twice while the index is built
N_COMPARED = 5  # vectors of a kept index that are compared with the stored ones before it is believed
KEPT_SCOPES = 8  # filters whose vectors are remembered


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
        self._allowed: dict[tuple[Filter, str | None], tuple[int, Ids]] = {}  # -> generation, vectors

    @property
    def kind(self) -> str:
        """The kind of vector search in use."""
        index = self._index
        return "exact" if index is None else index.kind

    def search(self, query: Query, n: int, filter: Filter, mode: Mode) -> SearchResult:
        """The `n` best chunks that `filter` admits. Raises CollectionNotFound, EmbeddingModelError."""
        n_candidates = max(n, N_CANDIDATES)
        vector = None if mode == "bm25" else self._encode(query.text)
        with self._store.read() as reading:
            scope = Scope(reading, filter)
            lexical = {} if mode == "dense" else search_bm25(reading, query, n_candidates, scope)
            scores = lexical
            if vector is not None:
                check_model(reading, self._embedder.name)  # another one may have taken over since
                scores = self._dense(reading, vector, n_candidates, scope, query.required)
                if mode == "hybrid":  # what one side found has its score of the other, however far down it stands there
                    of_dense = [chunk for chunk in scores if chunk not in lexical]
                    others = [chunk for chunk in lexical if chunk not in scores]
                    scores |= {chunk: float(row @ vector) for chunk, _, row in _vectors(reading, others)}
                    if len(lexical) >= n_candidates and len(self._current(reading)) < LARGE:
                        lexical |= bm25_of(reading, query, of_dense)  # in a large index: milliseconds
                    hits = _without_copies(reading, fuse(scores, lexical), n)
                    return SearchResult(hits, reading.generation())
            return SearchResult(tuple(reading.hits(_best(scores, n))[:n]), reading.generation())

    def settle(self) -> None:
        """Makes a large index faster to search; searches go on meanwhile. For the end of a job: it may take a minute."""
        with self._store.read() as reading:
            if reading.n_vectors() < LARGE:
                return
            index = self._current(reading)
            if not index.is_outgrown(LARGE):
                return
            exact = index if index.is_exact else self._build(reading)
            if exact is not index:
                with self._lock:
                    self._index, self._last_id = exact, reading.last_vector_id()
        large = exact.with_cells()
        with self._lock:
            if self._index is exact:
                large.catch_up(exact)
                self._index = large
        self.save()

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

    def _dense(self, reading: Reading, query: Vectors, n: int, scope: Scope, required: str | None) -> dict[int, float]:
        """Chunk id -> cosine similarity of the chunks of the `n` nearest texts in `scope`."""
        index = self._current(reading)
        whole = scope.is_all and required is None
        if whole or index.is_exact:  # most often the nearest of all are in the scope
            for wanted in (2 * n, 8 * n):
                found = index.search(query, wanted)
                chunks = scope.chunks_of(found, required)
                there = set(chunks.values())
                nearest = dict([(i, score) for i, score in found.items() if i in there][:n])
                if len(nearest) == n or len(found) == len(index):
                    return {chunk: nearest[i] for chunk, i in chunks.items() if i in nearest}
        found = index.search(query, n, self._allowed_ids(reading, scope, required))
        return {chunk: found[i] for chunk, i in scope.chunks_of(found, required).items()}

    def _allowed_ids(self, reading: Reading, scope: Scope, required: str | None) -> Ids:
        """The ids of the vectors that the scope's chunks use, of those that fulfil the FTS5 expression."""
        generation, key = reading.generation(), (scope.filter, required)
        with self._lock:
            known = self._allowed.pop(key, None)
        if known is None or known[0] != generation:
            known = generation, scope.vectors() if required is None else scope.vectors_matching(required)
        with self._lock:
            self._allowed[key] = known
            while len(self._allowed) > KEPT_SCOPES:
                del self._allowed[next(iter(self._allowed))]
        return known[1]

    def _current(self, reading: Reading) -> VectorIndex:
        """The index with every vector of this transaction: loaded, caught up, or rebuilt when mostly waste."""
        last_id = reading.last_vector_id()
        with self._lock:
            if self._index is None:
                self._index, self._last_id = self._load(reading)
            if self._last_id < last_id:
                if len(self._index) > 2 * reading.n_vectors() + SPARE_IDS:
                    self._index = self._build(reading)
                else:
                    for ids, vectors in _stored(reading, self._last_id):
                        self._index.add(ids, vectors)
                self._last_id = last_id
            return self._index

    def _load(self, reading: Reading) -> tuple[VectorIndex, int]:
        """The index from its file if that is whole and of this database, else from the stored vectors; and its last id.

        The file may be of an earlier generation: what it lacks has higher ids, and an id never gets another vector.
        """
        from indexer.vectors import VectorIndex

        header = self._header(reading)
        try:
            saved, payload = read_snapshot(self._path)
            if saved.model == header.model and saved.generation <= header.generation:
                index = VectorIndex.from_bytes(payload)
                if _is_of(index, reading, saved.last_id):
                    self._saved = saved
                    return index, saved.last_id
        except FileNotFoundError:
            pass
        except StoreCorrupt:
            quarantine(self._path)
        return self._build(reading), header.last_id

    def _build(self, reading: Reading) -> VectorIndex:
        from indexer.vectors import VectorIndex

        index = VectorIndex(int(reading.meta("embedding_dim") or 0))
        for ids, vectors in _stored(reading, 0):
            index.add(ids, vectors)
        return index

    def _header(self, reading: Reading) -> Header:
        return Header(reading.generation(), self._embedder.name, reading.last_vector_id())


def _is_of(index: VectorIndex, reading: Reading, last_id: int) -> bool:
    """Whether the newest vectors up to `last_id` are in the index as they are stored: not so for a file left behind
    when the database was exchanged for another, which has other vectors under the same ids.
    """
    sql = "SELECT vector_id, data FROM vector WHERE vector_id <= ? ORDER BY vector_id DESC LIMIT ?"
    for vector_id, data in reading.connection.execute(sql, (last_id, N_COMPARED)):
        vector = np.frombuffer(data, dtype=STORED_DTYPE).astype(np.float32)
        score = index.search(vector, 1, np.array([vector_id])).get(vector_id, 0.0)
        if abs(score - float(vector @ vector)) > 1e-3:
            return False
    return last_id <= reading.last_vector_id()


def _stored(reading: Reading, after: int) -> Iterator[tuple[Ids, Vectors]]:
    """The stored vectors above the id `after`, in batches."""
    while True:
        ids, vectors = reading.vectors_after(after, BATCH)
        if len(ids) == 0:
            return
        yield ids, vectors
        after = int(ids[-1])


def _vectors(reading: Reading, chunk_ids: Iterable[int]) -> Iterator[tuple[int, str, Vectors]]:
    """(id in the database, id of its hit, vector) of these chunks."""
    sql = """SELECT chunk_id, document_id || '-' || ordinal, data
        FROM json_each(?) CROSS JOIN chunk ON chunk_id = value CROSS JOIN vector USING (vector_id)"""
    for chunk_id, hit_id, data in reading.connection.execute(sql, (json.dumps(list(chunk_ids)),)):
        yield chunk_id, hit_id, np.frombuffer(data, dtype=STORED_DTYPE).astype(np.float32)


def _without_copies(reading: Reading, scores: Mapping[int, float], n: int) -> tuple[Hit, ...]:
    """The `n` best hits, among which near-duplicates of better ones, and passages that are headings alone, have given way; a
    score is what is left of it."""
    pool = _best(scores, POOL * n)
    hits = sorted(map(_weighed, reading.hits(pool)), key=lambda hit: -hit.score)
    vector_of = {hit_id: vector for _, hit_id, vector in _vectors(reading, pool)}
    if not hits:
        return ()
    rows = diversify(np.array([hit.score for hit in hits]), np.stack([vector_of[hit.chunk_id] for hit in hits]), n)
    return tuple(replace(hits[row], score=score) for row, score in rows.items())


def _weighed(hit: Hit) -> Hit:
    """Half of its score for a hit that is its headings alone."""
    return replace(hit, score=hit.score / 2) if is_heading_alone(hit.text, hit.headings) else hit


def _best(scores: Mapping[int, float], n: int) -> dict[int, float]:
    """The `n` best entries and those that equal the last of them, so that ties are not broken by ids."""
    if len(scores) <= n:
        return dict(scores)
    bar = sorted(scores.values(), reverse=True)[n - 1]
    return {i: score for i, score in scores.items() if score >= bar}
