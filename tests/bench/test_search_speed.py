"""Search over 100,000 and a million passages: time, recall against comparing with every vector, memory.

pytest -m bench tests/bench/test_search_speed.py -s -k 100k
pytest -m bench tests/bench/test_search_speed.py -s -k 1M
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer.embed import SentenceTransformerEmbedder
from indexer.index import Index
from indexer.query import plain
from indexer.types import Filter
from tests.bench.large_index import fill, real_passages, real_questions, vectors

N_SAMPLE, N_QUESTIONS, N_TIMED = 800, 200, 100


class WordsOfTheCorpus:
    """Questions for the lexical side: made-up texts hold none of the words of real ones, so each gets some."""

    def __init__(self, index: Index) -> None:
        with index._store.read() as reading:
            sql = "SELECT text FROM chunk WHERE chunk_id % 997 = 1 LIMIT ?"
            texts = [row[0] for row in reading.connection.execute(sql, (N_TIMED,))]
        self._words = [" ".join(sorted(set(text.split()), key=_rank)[-5:]) for text in texts]

    def ask(self, question: str, at: int) -> str:
        """The question and the five rarest words of a passage."""
        return f"{question} {self._words[at % len(self._words)]}"


def times_ms(search: Callable[[int], object], n: int = N_TIMED) -> tuple[float, float]:
    """Median and 95th percentile of `n` searches after a warm-up."""
    for at in range(5):
        search(at)
    taken = []
    for at in range(n):
        started = time.perf_counter()
        search(at)
        taken.append((time.perf_counter() - started) * 1000)
    return float(np.median(taken)), float(np.quantile(taken, 0.95))


def nearest(n: int, sample: np.ndarray, questions: np.ndarray) -> list[set[int]]:
    """The ids of the ten nearest vectors to each question, by comparing with every one."""
    best = [(np.zeros(0, np.float32), np.zeros(0, np.int64))] * len(questions)
    first = 1
    for batch in vectors(n, sample):
        scores = questions @ batch.astype(np.float32).T
        top = np.argpartition(scores, -10, axis=1)[:, -10:]
        for row, columns in enumerate(top):
            s, i = np.append(best[row][0], scores[row, columns]), np.append(best[row][1], columns + first)
            keep = np.argsort(-s)[:10]
            best[row] = s[keep], i[keep]
        first += len(batch)
    return [set(ids.tolist()) for _, ids in best]


def _rank(word: str) -> int:
    """The number that ends a made-up word: how many are more frequent."""
    return int(word.lstrip("abcdefghijklmnopqrstuvwxyz"))


def _tell(line: str) -> None:
    print(f"  {line}", flush=True)  # noqa: T201


@pytest.mark.bench
@pytest.mark.parametrize(
    ("n", "goal_ms", "goal_recall"),
    [pytest.param(100_000, 10, 0.99, id="100k"), pytest.param(1_000_000, 25, 0.98, id="1M")],
)
def test_search_is_fast_and_finds_what_is_nearest(tmp_path: Path, n: int, goal_ms: float, goal_recall: float) -> None:
    embedder = SentenceTransformerEmbedder()
    sample = embedder.encode(real_passages(N_SAMPLE))
    questions = real_questions()[:N_QUESTIONS]
    asked = embedder.encode(questions)
    print(f"\n{n} passages")  # noqa: T201

    started = time.perf_counter()
    fill(tmp_path, n, sample, embedder.name)
    _tell(f"filled in {time.perf_counter() - started:.0f} s")
    with Index.open(tmp_path, embedder=embedder) as index:
        started = time.perf_counter()
        index.search("warm up")
        _tell(f"exact index loaded from the store in {time.perf_counter() - started:.1f} s")
        exact_ms = times_ms(lambda at: index._searcher._index.search(asked[at % len(asked)], 100), 20)  # type: ignore[union-attr]
        started = time.perf_counter()
        index._searcher.settle()
        _tell(f"cells made, tuned and saved in {time.perf_counter() - started:.0f} s: {index.status().vector_index}")
        gc.collect()
        vector_index = index._searcher._index
        assert vector_index is not None
        right = nearest(n, sample, asked)
        found = [set(list(vector_index.search(vector, 100))[:10]) for vector in asked]
        recall = sum(len(a & b) for a, b in zip(right, found, strict=True)) / (10 * len(right))
        cells_ms = times_ms(lambda at: vector_index.search(asked[at % len(asked)], 100))
        words = WordsOfTheCorpus(index)

        def timed(mode: str, filter: Filter = Filter()) -> tuple[float, str]:  # noqa: B008
            median, high = times_ms(
                lambda at: index.search(plain(words.ask(questions[at % len(questions)], at)), mode=mode, filter=filter)  # type: ignore[arg-type]
            )
            return median, f"{mode} {median:.1f} ms (p95 {high:.1f})"

        _tell(f"asked for the first time, what they find read from the disk: {timed('hybrid')[1]}")
        hybrid_ms, hybrid = timed("hybrid")
        _tell(f"asked again: {hybrid}, {timed('dense')[1]}, {timed('bm25')[1]}")
        _tell(f"a tenth of the documents, by path: {timed('hybrid', Filter(path='3/*'))[1]}")
        _tell(f"vectors alone: every one {exact_ms[0]:.1f} ms, cells {cells_ms[0]:.2f} ms; recall@10 {recall:.4f}")
        _tell(f"query embedded in {times_ms(lambda at: embedder.encode([questions[at % len(questions)]]))[0]:.1f} ms")
        _tell(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
        _tell(f"database {index.status().size_bytes / 2**30:.2f} GiB")
    assert recall >= goal_recall
    assert hybrid_ms <= goal_ms
