"""Copies give way to what is new; whatever is not nearly a copy keeps its place."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.diversify import ALIKE, DIVERSITY, diversify
from indexer.records import Vectors


def unit(rows: list[list[float]]) -> Vectors:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def slowly(scores: list[float], vectors: Vectors, n: int) -> list[int]:
    """Maximal marginal relevance as its definition reads."""
    chosen: list[int] = []
    while len(chosen) < min(n, len(scores)):
        values = {}
        for row in range(len(scores)):
            if row not in chosen:
                alike = [min(max((float(vectors[row] @ vectors[c]) - ALIKE) / (1 - ALIKE), 0), 1) for c in chosen]
                values[row] = round(scores[row] - DIVERSITY * max(alike, default=0), 2)
        chosen.append(max(values, key=lambda row: (values[row], -row)))
    return chosen


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((6, 8))
    vectors = unit([list(base[rng.integers(6)] + 0.05 * rng.standard_normal(8)) for _ in range(20)])
    scores = sorted((float(s) for s in rng.permutation(40)[:20] / 40), reverse=True)
    assert list(diversify(np.array(scores), vectors, 12)) == slowly(scores, vectors, 12)


def test_texts_that_are_no_copies_keep_their_order_and_their_scores() -> None:
    vectors = unit([[1, 0], [1, 0.6], [0, 1]])
    scores = np.array([0.9, 0.8, 0.1])
    assert 0.8 < float(vectors[0] @ vectors[1]) < ALIKE
    assert diversify(scores, vectors, 3) == {0: 0.9, 1: 0.8, 2: 0.1}


def test_scores_fall_from_hit_to_hit_and_equal_copies_keep_their_order() -> None:
    vectors = unit([[1, 0]] * 3 + [[0, 1]])
    found = diversify(np.array([0.9, 0.9, 0.9, 0.6]), vectors, 4)
    assert list(found) == [0, 3, 1, 2]
    assert list(found.values()) == pytest.approx([0.9, 0.6, 0.9 - DIVERSITY, 0.9 - DIVERSITY])


def test_nothing_comes_of_nothing() -> None:
    assert diversify(np.zeros(0), np.zeros((0, 4), dtype=np.float32), 5) == {}
