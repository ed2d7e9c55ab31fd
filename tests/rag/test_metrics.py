"""Ranking metrics against values computed by hand."""

from __future__ import annotations

from math import log2

import pytest

from rag.metrics import ndcg, quantile, recall, reciprocal_rank

JUDGED = {"a": 3, "b": 1, "c": 0, "d": 2}


def test_ndcg_by_hand() -> None:
    """Gains 0, 3, 1 at ranks 1, 2, 3 over the ideal 3, 2, 1."""
    by_hand = (3 / log2(3) + 1 / log2(4)) / (3 + 2 / log2(3) + 1 / log2(4))
    assert ndcg(["x", "a", "b"], JUDGED, 3) == pytest.approx(by_hand)


def test_the_ideal_order_scores_one_and_anything_unjudged_nothing() -> None:
    assert ndcg(["a", "d", "b", "c"], JUDGED, 10) == pytest.approx(1.0)
    assert ndcg(["x", "c"], JUDGED, 10) == 0.0
    assert ndcg([], JUDGED, 10) == 0.0


def test_ndcg_looks_no_further_than_k_in_the_ranking_and_in_the_ideal() -> None:
    assert ndcg(["x", "a"], JUDGED, 1) == 0.0
    assert ndcg(["a"], JUDGED, 1) == 1.0


def test_recall_is_of_all_relevant_documents() -> None:
    assert recall(["a", "c", "x"], JUDGED, 100) == pytest.approx(1 / 3)
    assert recall(["a", "b", "d"], JUDGED, 2) == pytest.approx(2 / 3)


def test_the_reciprocal_rank_is_of_the_first_relevant_document() -> None:
    assert reciprocal_rank(["x", "c", "b", "a"], JUDGED, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "c", "b"], JUDGED, 2) == 0.0


def test_without_relevant_documents_every_score_is_zero() -> None:
    assert ndcg(["a"], {"a": 0}, 10) == recall(["a"], {"a": 0}, 10) == reciprocal_rank(["a"], {}, 10) == 0.0


@pytest.mark.parametrize(("q", "expected"), [(0.5, 2), (0.51, 3), (0.95, 4), (1.0, 4), (0.0, 1)])
def test_a_quantile_is_one_of_the_values(q: float, expected: int) -> None:
    assert quantile([4, 1, 3, 2], q) == expected
