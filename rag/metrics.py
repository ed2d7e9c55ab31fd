"""Scores of a ranking against judged documents, and quantiles. Pure.

Rankings are document ids, best first and each once; `judged` maps document ids to relevance, higher-better, 0 for none.
Definitions as in trec_eval, which BEIR uses (Thakur et al. 2021, arXiv:2104.08663).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """Discounted gain of the first `k` over that of the best order; gain is the relevance, discount log2(rank + 1)."""
    ideal = _dcg(sorted(judged.values(), reverse=True)[:k])
    return _dcg([judged.get(document, 0) for document in ranking[:k]]) / ideal if ideal else 0.0


def recall(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """The share of all relevant documents that is among the first `k`."""
    relevant = {document for document, relevance in judged.items() if relevance > 0}
    return len(relevant & set(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], judged: Mapping[str, int], k: int) -> float:
    """1 / rank of the first relevant document, 0 when none is among the first `k`."""
    return next((1 / rank for rank, document in enumerate(ranking[:k], 1) if judged.get(document, 0) > 0), 0.0)


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that at least the share `q` of all values do not exceed (nearest rank); values not empty."""
    return sorted(values)[max(0, math.ceil(q * len(values)) - 1)]


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
