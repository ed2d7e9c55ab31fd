"""FAISS finds what comparing with every vector finds."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.errors import StoreCorrupt
from indexer.records import Ids, Vectors
from indexer.vectors import VectorIndex


def unit_vectors(n: int, dim: int = 16, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(query: Vectors, ids: Ids, vectors: Vectors, n: int, allowed: Ids) -> list[int]:
    scored = [(-float(vector @ query), int(i)) for i, vector in zip(ids, vectors, strict=True) if i in allowed]
    return [i for _, i in sorted(scored)[:n]]


@pytest.fixture
def ids() -> Ids:
    return np.arange(1, 301, dtype=np.int64) * 3


@pytest.fixture
def index(ids: Ids) -> VectorIndex:
    index = VectorIndex(16)
    index.add(ids, unit_vectors(len(ids)))
    return index


@pytest.mark.parametrize("seed", range(5))
def test_search_equals_brute_force_among_the_allowed(index: VectorIndex, ids: Ids, seed: int) -> None:
    rng = np.random.default_rng(seed)
    allowed = rng.choice(ids, size=int(rng.integers(1, 300)), replace=False)
    query = unit_vectors(1, seed=seed + 100)[0]
    found = index.search(query, 10, allowed)
    assert list(found) == brute_force(query, ids, unit_vectors(len(ids)), 10, allowed)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_allowed_ids_that_are_not_there_do_no_harm(index: VectorIndex) -> None:
    found = index.search(unit_vectors(1, seed=9)[0], 10, np.array([3, 4, 5, 6, 100_000], dtype=np.int64))
    assert set(found) == {3, 6}


def test_scores_are_the_inner_products_of_search(index: VectorIndex, ids: Ids) -> None:
    query = unit_vectors(1, seed=5)[0]
    found = index.search(query, 10, ids)
    assert index.scores(query, np.array(list(found))) == pytest.approx(found, abs=1e-6)
    assert index.scores(query, np.array([], dtype=np.int64)) == {}


def test_an_index_survives_its_bytes(index: VectorIndex, ids: Ids) -> None:
    query = unit_vectors(1, seed=8)[0]
    again = VectorIndex.from_bytes(index.to_bytes())
    assert again.search(query, 10, ids) == index.search(query, 10, ids)
    again.add(np.array([1], dtype=np.int64), query.reshape(1, -1))
    assert next(iter(again.search(query, 1, np.array([1, *ids])))) == 1


def test_bytes_that_are_no_index_are_refused() -> None:
    with pytest.raises(StoreCorrupt):
        VectorIndex.from_bytes(b"not an index at all")


def test_nothing_is_found_in_nothing() -> None:
    empty = np.array([], dtype=np.int64)
    index = VectorIndex(16)
    index.add(empty, np.zeros((0, 16), dtype=np.float32))
    assert index.search(unit_vectors(1)[0], 5, empty) == {}
