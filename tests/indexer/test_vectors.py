"""FAISS finds what comparing with every vector finds."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, ClassVar

import faiss
import numpy as np
import pytest

from indexer import vectors as vectors_module
from indexer.errors import StoreCorrupt
from indexer.records import STORED_DTYPE, Ids, Vectors
from indexer.vectors import VectorIndex, _Gpu


def unit_vectors(n: int, dim: int = 16, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rounded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def rounded(vectors: Vectors) -> Vectors:
    """The vectors as the store keeps them."""
    return vectors.astype(STORED_DTYPE).astype(np.float32)


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
    vectors = dict(zip(ids.tolist(), unit_vectors(len(ids)), strict=True))
    assert found == pytest.approx({i: float(vectors[i] @ query) for i in found}, abs=1e-6)


def test_an_index_survives_its_bytes(index: VectorIndex, ids: Ids) -> None:
    query = unit_vectors(1, seed=8)[0]
    again = VectorIndex.from_bytes(index.to_bytes())
    assert again.search(query, 10) == again.search(query, 10, ids) == index.search(query, 10, ids)
    again.add(np.array([1], dtype=np.int64), query.reshape(1, -1))
    assert next(iter(again.search(query, 1, np.array([1, *ids])))) == 1


def test_bytes_that_are_no_index_are_refused() -> None:
    with pytest.raises(StoreCorrupt):
        VectorIndex.from_bytes(b"not an index at all")


@pytest.fixture(scope="module")
def many() -> tuple[Ids, Vectors, VectorIndex]:
    """Vectors in loose clusters, as texts have them, and their index with cells."""
    rng = np.random.default_rng(1)
    vectors = np.repeat(unit_vectors(40, 32), 50, axis=0) + 0.15 * rng.standard_normal((2000, 32)).astype(np.float32)
    vectors = rounded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    ids = np.arange(2000, dtype=np.int64) * 2 + 1
    exact = VectorIndex(32)
    exact.add(ids, vectors)
    return ids, vectors, exact.with_cells()


def test_cells_find_nearly_all_that_brute_force_finds(many: tuple[Ids, Vectors, VectorIndex]) -> None:
    ids, vectors, large = many
    right = [brute_force(q, ids, vectors, 10, ids) for q in vectors[:50]]
    found = [list(large.search(q, 10)) for q in vectors[:50]]
    assert not large.is_exact
    assert 1 <= large._index.nprobe < large._index.nlist
    assert sum(len({*a} & {*b}) for a, b in zip(right, found, strict=True)) >= 0.98 * 500


def test_cells_miss_nothing_among_the_allowed(many: tuple[Ids, Vectors, VectorIndex]) -> None:
    ids, vectors, large = many
    allowed = ids[::37]
    for query in vectors[:20]:
        assert list(large.search(query, 10, allowed)) == brute_force(query, ids, vectors, 10, allowed)


def test_an_index_with_cells_survives_its_bytes_and_catches_up(many: tuple[Ids, Vectors, VectorIndex]) -> None:
    ids, vectors, large = many
    again = VectorIndex.from_bytes(large.to_bytes())
    assert (again.kind, again.search(vectors[0], 10)) == (large.kind, large.search(vectors[0], 10))
    grown = VectorIndex(32)
    grown.add(np.append(ids, 9999), np.vstack([vectors, unit_vectors(1, 32, seed=7)]))
    again.catch_up(grown)
    assert next(iter(again.search(unit_vectors(1, 32, seed=7)[0], 1))) == 9999


def test_cells_are_made_once_it_pays_and_again_when_outgrown() -> None:
    index = VectorIndex(8)
    index.add(np.arange(200, dtype=np.int64), unit_vectors(200, 8))
    assert (index.is_outgrown(200), index.is_outgrown(201)) == (True, False)
    large = index.with_cells()
    assert not large.is_outgrown(200)
    large.add(np.arange(200, 1000, dtype=np.int64), unit_vectors(800, 8, seed=3))
    assert large.is_outgrown(200)


def test_nothing_is_found_in_nothing() -> None:
    empty = np.array([], dtype=np.int64)
    index = VectorIndex(16)
    index.add(empty, np.zeros((0, 16), dtype=np.float32))
    assert index.search(unit_vectors(1)[0], 5, empty) == {}


class FakeGpuRows:
    """What FAISS does on a GPU, as far as we use it: rows by number, everything rounded to float16, at most 2048 found."""

    made: ClassVar[list[FakeGpuRows]] = []
    room = 10**9

    def __init__(self, resources: object, dim: int, config: Any) -> None:
        assert (config.useFloat16, config.device) == (True, 0)
        self.rows = np.zeros((0, dim), np.float16)
        FakeGpuRows.made.append(self)

    @property
    def ntotal(self) -> int:
        return len(self.rows)

    def add(self, vectors: Vectors) -> None:
        if len(self.rows) + len(vectors) > self.room:
            raise RuntimeError("Error in StandardGpuResourcesImpl::allocMemory\nout of memory")
        self.rows = np.vstack([self.rows, vectors.astype(np.float16)])

    def search(self, queries: Vectors, n: int) -> tuple[Vectors, Ids]:
        assert n <= 2048
        scores = queries.astype(np.float16).astype(np.float32) @ self.rows.astype(np.float32).T
        order = np.argsort(-scores, axis=1)[:, :n]
        return np.take_along_axis(scores, order, 1), order


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> type[FakeGpuRows]:
    """A machine with a GPU, where 50 vectors are enough to use it."""
    parts = {"StandardGpuResources": object, "GpuIndexFlatConfig": SimpleNamespace, "GpuIndexFlatIP": FakeGpuRows}
    for name, part in parts.items():
        monkeypatch.setattr(faiss, name, part, raising=False)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(_Gpu, "_there", None)
    monkeypatch.setattr(vectors_module, "GPU_LEAST", 50)
    monkeypatch.setattr(FakeGpuRows, "made", [])
    return FakeGpuRows


def test_a_gpu_finds_what_the_cpu_finds_with_the_same_scores(
    index: VectorIndex, ids: Ids, gpu: type[FakeGpuRows]
) -> None:
    vectors = unit_vectors(len(ids))
    for seed in range(20):
        query = unit_vectors(1, seed=seed + 50)[0]
        found = index.search(query, 10)
        assert list(found) == brute_force(query, ids, vectors, 10, ids)
        assert found == pytest.approx(index.search(query, 10, ids), abs=1e-6)
    assert [len(made.rows) for made in gpu.made] == [300]
    assert index.kind == "exact, on the GPU"
    assert not index.is_outgrown(10)


def test_a_gpu_gets_what_was_added_since(index: VectorIndex, gpu: type[FakeGpuRows]) -> None:
    new = unit_vectors(1, seed=77)
    index.search(new[0], 1)
    index.add(np.array([1], dtype=np.int64), new)
    assert index.search(new[0], 1) == {1: pytest.approx(float(rounded(new)[0] @ new[0]), abs=1e-6)}
    assert [len(made.rows) for made in gpu.made] == [301]
    assert len(index.search(new[0], 10_000)) == 301  # more than a GPU finds at once


def test_a_gpu_without_room_is_left_alone_and_the_cpu_answers(
    index: VectorIndex,
    ids: Ids,
    gpu: type[FakeGpuRows],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(gpu, "room", 200)
    query = unit_vectors(1, seed=3)[0]
    with caplog.at_level(logging.WARNING):
        found = [list(index.search(query, 10)) for _ in range(3)]
    assert found == [brute_force(query, ids, unit_vectors(len(ids)), 10, ids)] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "the GPU cannot search (Error in StandardGpuResourcesImpl::allocMemory); the CPU does until the next start"
    ]
    assert (len(gpu.made), index.kind, index.is_outgrown(10)) == (1, "exact", True)


def test_a_few_vectors_never_wake_a_gpu(gpu: type[FakeGpuRows]) -> None:
    index = VectorIndex(16)
    index.add(np.arange(49, dtype=np.int64), unit_vectors(49))
    assert len(index.search(unit_vectors(1)[0], 5)) == 5
    assert (gpu.made, index.kind) == ([], "exact")


@pytest.mark.gpu
def test_on_a_real_gpu_the_nearest_are_those_of_the_cpu() -> None:
    if not _Gpu.is_there():
        pytest.skip("FAISS sees no GPU: it needs one, and a build of FAISS for it in the place of faiss-cpu")
    ids, vectors = np.arange(100_000, dtype=np.int64) * 2, unit_vectors(100_000, 384)
    index = VectorIndex(384)
    index.add(ids, vectors)
    for query in unit_vectors(50, 384, seed=1):
        found = index.search(query, 10)
        assert found == pytest.approx(index.search(query, 10, ids), abs=1e-5)
    assert index.kind == "exact, on the GPU"
