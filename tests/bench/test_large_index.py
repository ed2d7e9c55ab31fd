"""The large index of the benchmarks is filled past the indexer; it has to stay what the indexer itself would write."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.index import Index
from tests.bench.large_index import CHUNKS_A_DOCUMENT, fill
from tests.indexer.fakes import HashEmbedder


def test_a_filled_index_is_searched_like_any_other(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    fill(tmp_path, 300, embedder.encode([f"word{i} of {i % 7}" for i in range(20)]), embedder.name)
    with Index.open(tmp_path, embedder=embedder) as index:
        documents = index.documents()
        assert sum(d.n_chunks for d in documents) == CHUNKS_A_DOCUMENT * len(documents) >= 300
        hits = index.search("word1", n=5).hits
        assert len(hits) == 5
        assert np.isfinite([hit.score for hit in hits]).all()
        assert index.search(hits[0].text.split()[0], mode="bm25").hits
