"""Exact vector search with FAISS, the only file that imports it. A cache of the vectors that the store holds."""

from __future__ import annotations

import threading

import faiss
import numpy as np

from indexer.errors import StoreCorrupt
from indexer.records import Ids, Vectors


class VectorIndex:
    """Unit vectors under stable ids, searched by inner product. Thread-safe."""

    def __init__(self, dim: int) -> None:
        self._index: faiss.Index = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Adds `vectors` (n, dim) under `ids` (n,), none of which may be there already."""
        if len(ids):
            with self._lock:
                self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)

    def search(self, query: Vectors, n: int, allowed: Ids) -> dict[int, float]:
        """Id -> inner product of the `n` vectors among `allowed` nearest to `query` (dim,), best first."""
        n = min(n, len(allowed), len(self))
        if n <= 0:
            return {}
        # the types faiss ships know the C++ constructors only, not the ones its Python layer puts in their place
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(_bitmap(allowed)))  # type: ignore[call-arg,arg-type]
        with self._lock:
            scores, ids = self._index.search(query.reshape(1, -1), n, params=parameters)
        return {int(i): float(score) for i, score in zip(ids[0], scores[0], strict=True) if i >= 0}

    def scores(self, query: Vectors, ids: Ids) -> dict[int, float]:
        """Id -> inner product with `query` (dim,) of these vectors, all of which must be there."""
        if len(ids) == 0:
            return {}
        with self._lock:
            vectors = self._index.reconstruct_batch(ids)
        return dict(zip(ids.tolist(), (vectors @ query).tolist(), strict=True))

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
        index._index = loaded
        return index


def _bitmap(ids: Ids) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """A bit for each id up to the highest, set for `ids`: the layout that faiss.IDSelectorBitmap wants."""
    mask = np.zeros(int(ids.max()) + 1, dtype=bool)
    mask[ids] = True
    return np.packbits(mask, bitorder="little")
