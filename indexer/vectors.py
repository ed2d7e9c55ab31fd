"""Vector search with FAISS, the only file that imports it. A cache of the vectors that the store holds.

A small index compares with every vector. A large one has them in cells around k-means centres and looks into the cells
nearest to the query, as many as its own vectors show to be enough. Both keep the very float16 numbers of the store, so
a score is exact in either; only a large index can miss a neighbour, and never among `allowed` ids.

Where FAISS sees a GPU, an index that compares with every vector has a copy there from GPU_LEAST vectors on that names the
candidates; their scores are still taken here. A GPU that fails is left alone from then on, and nothing is lost.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from indexer.errors import StoreCorrupt
from indexer.records import STORED_DTYPE, Ids, Vectors

CELLS_PER_ROOT = 4  # times the root of the number of vectors, FAISS's own advice for up to a million of them
TRAINING_PER_CELL = 40  # vectors that k-means sees of each cell, just above the least that FAISS takes without warning
TRAINING_ROUNDS = 8
MORE_CELLS = 2  # an index that should have this many times the cells it has wants new ones
N_TRIALS = 256  # of its own vectors, kept out of the training, that a large index is tuned on
DEPTH = 10
RECALL = 0.995  # of the DEPTH nearest to what lies between two of them
MARGIN = 4  # times the cells that this takes, since a question lies farther from passages than these do (docs/log.md)
BLOCK = 1 << 16  # rows that are float32 at a time
GPU_LEAST = 10_000  # vectors: fewer are compared on the CPU before a GPU has been asked
GPU_SPARE = 32  # candidates more than are wanted, since a GPU rounds the query to float16
GPU_MOST = 2048  # candidates that FAISS finds on a GPU

_log = logging.getLogger(__name__)


class VectorIndex:
    """Unit vectors under stable ids, searched by inner product. Thread-safe."""

    def __init__(self, dim: int) -> None:
        exact = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index: Any = faiss.IndexIDMap(exact)  # the types faiss ships do not tell its kinds apart
        self._copy: _GpuCopy | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def is_exact(self) -> bool:
        """Whether every search compares with every vector."""
        return isinstance(self._index, faiss.IndexIDMap)

    @property
    def kind(self) -> str:
        """The kind of search, for people."""
        if self.is_exact:
            return "exact, on the GPU" if self._uses_gpu else "exact"
        return f"{self._index.nprobe} of {self._index.nlist} cells"

    @property
    def _uses_gpu(self) -> bool:
        return self.is_exact and len(self) >= GPU_LEAST and _Gpu.is_there()

    def is_outgrown(self, least: int) -> bool:
        """Whether it has `least` vectors or more and wants cells, or many more than its cells were made for; never on a
        GPU, which compares with every vector in less time than this takes."""
        if self.is_exact:
            return len(self) >= least and not self._uses_gpu
        return _n_cells(len(self)) > MORE_CELLS * self._index.nlist

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Adds `vectors` (n, dim) under `ids` (n,), none of which may be there already."""
        if len(ids):
            with self._lock:
                self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)

    def search(self, query: Vectors, n: int, allowed: Ids | None = None) -> dict[int, float]:
        """Id -> inner product of the `n` vectors nearest to `query` (dim,), best first; with `allowed`, of these alone
        and without a miss. A large index may find fewer than there are when it is asked for very many.
        """
        n = min(n, len(self), len(self) if allowed is None else len(allowed))
        if n <= 0:
            return {}
        with self._lock:
            if allowed is None and self._uses_gpu and n + GPU_SPARE <= GPU_MOST:
                found = self._on_gpu(query, n)
                if found is not None:
                    return found
            scores, ids = self._index.search(query.reshape(1, -1), n, params=self._parameters(allowed))
        return {int(i): float(score) for i, score in zip(ids[0], scores[0], strict=True) if i >= 0}

    def with_cells(self) -> VectorIndex:
        """A large index of the vectors of this one, which must be exact; both can be added to meanwhile."""
        n, dim = len(self), self._index.d
        trials, training = _samples(n)
        cells = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatIP(dim), dim, _n_cells(n), faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
        )
        cells.cp.spherical, cells.cp.niter, cells.cp.max_points_per_centroid = True, TRAINING_ROUNDS, TRAINING_PER_CELL
        cells.train(self._rows(training))
        large = VectorIndex(dim)
        large._index = cells
        queries = self._rows(trials)
        queries = queries + np.roll(queries, 1, axis=0)  # between two passages: a question is not among them either
        nearest: dict[int, list[tuple[float, int]]] = {row: [] for row in range(len(trials))}
        for start in range(0, n, BLOCK):
            ids, vectors = self._block(start, min(start + BLOCK, n))
            large.add(ids, vectors)
            _keep_nearest(nearest, queries @ vectors.T, ids)
        large._tune(queries, [{i for _, i in best} for best in nearest.values()])
        return large

    def catch_up(self, other: VectorIndex) -> None:
        """Adds what the exact index `other`, which this one was made of, has got since."""
        for start in range(len(self), len(other), BLOCK):
            self.add(*other._block(start, min(start + BLOCK, len(other))))

    def to_bytes(self) -> bytes:
        """The index as FAISS writes it."""
        with self._lock:
            return bytes(faiss.serialize_index(self._index))

    @classmethod
    def from_bytes(cls, data: bytes) -> VectorIndex:
        """The index that `to_bytes` wrote; check its digest first. Raises StoreCorrupt when FAISS cannot read it."""
        try:
            loaded = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
        except RuntimeError as error:
            raise StoreCorrupt("the vector index cannot be read; it is rebuilt from the database") from error
        index = cls(loaded.d)
        if not isinstance(loaded, (faiss.IndexIDMap, faiss.IndexIVFScalarQuantizer)):
            raise StoreCorrupt("the vector index is of another kind; it is rebuilt from the database")
        index._index = loaded
        return index

    def _on_gpu(self, query: Vectors, n: int) -> dict[int, float] | None:
        """As `search`, by the copy on the GPU, which gets what it lacks first; None when the GPU failed. Under the lock."""
        try:
            copy = self._copy = self._copy or _GpuCopy(self._index.d)
            codes = self._codes()
            for start in range(len(copy), len(codes), BLOCK):
                copy.add(codes[start : start + BLOCK].astype(np.float32))
            rows = copy.search(query, min(n + GPU_SPARE, len(codes)))
        except RuntimeError as error:  # FAISS's only one: no memory left, or the GPU is gone
            self._copy = None
            _Gpu.fail(error)
            return None
        scores = codes[rows].astype(np.float32) @ query
        best = np.argsort(-scores, kind="stable")[:n]
        ids = faiss.rev_swig_ptr(self._index.id_map.data(), len(codes))[rows[best]]
        return {int(i): float(score) for i, score in zip(ids, scores[best], strict=True)}

    def _parameters(self, allowed: Ids | None) -> faiss.SearchParameters | None:
        if allowed is None:
            return None
        # the types faiss ships know the C++ constructors only, not the ones its Python layer puts in their place
        selector = faiss.IDSelectorBitmap(_bitmap(allowed))  # type: ignore[call-arg,arg-type]
        if self.is_exact:
            return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        return faiss.SearchParametersIVF(sel=selector, nprobe=self._index.nlist)  # type: ignore[call-arg]

    def _tune(self, queries: Vectors, nearest: list[set[int]]) -> None:
        """Looks into as few cells as find RECALL of the nearest."""
        self._index.nprobe = 1
        while self._index.nprobe < self._index.nlist:
            _, found = self._index.search(queries, DEPTH)
            hits = sum(len(right & set(row.tolist())) for right, row in zip(nearest, found, strict=True))
            if hits >= RECALL * sum(map(len, nearest)):
                self._index.nprobe = min(self._index.nlist, MARGIN * self._index.nprobe)
                return
            self._index.nprobe = min(self._index.nlist, max(self._index.nprobe + 1, self._index.nprobe * 5 // 4))

    def _codes(self) -> npt.NDArray[np.float16]:
        """The rows of an exact index where FAISS keeps them; hold the lock while they are used."""
        rows: Any = faiss.downcast_index(self._index.index)
        flat = faiss.rev_swig_ptr(rows.codes.data(), rows.codes.size())
        return flat.view(STORED_DTYPE).reshape(len(self), self._index.d)

    def _rows(self, rows: Ids) -> Vectors:
        with self._lock:
            return self._codes()[rows].astype(np.float32)

    def _block(self, start: int, stop: int) -> tuple[Ids, Vectors]:
        with self._lock:
            ids = faiss.rev_swig_ptr(self._index.id_map.data(), len(self))[start:stop].copy()
            return ids, self._codes()[start:stop].astype(np.float32)


class _Gpu:
    """Whether there is a GPU to use: asked for once, and not after one has failed."""

    _there: bool | None = None

    @classmethod
    def is_there(cls) -> bool:
        if cls._there is None:
            cls._there = hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
        return cls._there

    @classmethod
    def fail(cls, error: RuntimeError) -> None:
        cls._there = False
        _log.warning("the GPU cannot search (%s); the CPU does until the next start", str(error).splitlines()[0])


class _GpuCopy:
    """The rows of an exact index on the first GPU, float16 as they are."""

    def __init__(self, dim: int) -> None:
        gpu: Any = faiss  # the types faiss ships are those of a build without a GPU
        config = gpu.GpuIndexFlatConfig()
        config.useFloat16, config.device = True, 0
        self._resources = gpu.StandardGpuResources()  # must live as long as the index
        self._rows = gpu.GpuIndexFlatIP(self._resources, dim, config)

    def __len__(self) -> int:
        return int(self._rows.ntotal)

    def add(self, vectors: Vectors) -> None:
        self._rows.add(np.ascontiguousarray(vectors))

    def search(self, query: Vectors, n: int) -> Ids:
        """Rows (n,) of the vectors nearest to `query` (dim,), about."""
        _, rows = self._rows.search(query.reshape(1, -1), n)
        return np.asarray(rows[0][rows[0] >= 0], dtype=np.int64)


def _n_cells(n: int) -> int:
    return max(1, min(round(CELLS_PER_ROOT * n**0.5), (n - _n_trials(n)) // TRAINING_PER_CELL))


def _n_trials(n: int) -> int:
    return min(N_TRIALS, n // 10)


def _samples(n: int) -> tuple[Ids, Ids]:
    """Rows to tune on and rows to train on, none in both."""
    n_trials = _n_trials(n)
    n_training = min(TRAINING_PER_CELL * _n_cells(n), n - n_trials)
    rows = np.random.default_rng(0).choice(n, size=n_trials + n_training, replace=False)
    return rows[:n_trials], np.sort(rows[n_trials:])


def _keep_nearest(nearest: dict[int, list[tuple[float, int]]], scores: Vectors, ids: Ids) -> None:
    """Merges a block's scores (queries, rows) into the DEPTH best (score, id) of each query."""
    n = min(DEPTH, scores.shape[1])
    best = np.argpartition(scores, -n, axis=1)[:, -n:]
    for row, columns in enumerate(best):
        merged = nearest[row] + [(float(scores[row, column]), int(ids[column])) for column in columns]
        nearest[row] = sorted(merged, reverse=True)[:DEPTH]


def _bitmap(ids: Ids) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """A bit for each id up to the highest, set for `ids`: the layout that faiss.IDSelectorBitmap wants."""
    mask = np.zeros(int(ids.max()) + 1, dtype=bool)
    mask[ids] = True
    return np.packbits(mask, bitorder="little")
