"""How far a confidence can be trusted: does it rank (AUROC, risk against coverage), does it mean what it says
(calibration error, Brier score), and what could be won with the best threshold on it.

Ties never depend on the order of the questions: where confidences are equal, each counts with the mean of them all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Numbers = Sequence[float] | np.ndarray
N_BINS = 10


class LogOdds(NamedTuple):
    """Of an answer: slope * margin + spread * spread + relevance * log sigmoid(relevance) + intercept, of the best span's
    (gpt.reader.Span.evidence).

    The spread says where the margin is small because several places could answer, and not because none does; the relevance
    whether its passage is the one that was asked about (gpt/relevance.py).
    """

    slope: float
    spread: float
    relevance: float
    intercept: float

    @classmethod
    def fit(cls, evidence: Numbers, labels: Sequence[bool] | np.ndarray, *, alone: bool = False) -> LogOdds:
        """The most likely ones (Platt 1999); evidence (n, 3), as spans have it each. `alone`: of spans that compete with no other
        passage's, where relevance tells nothing and has no weight."""
        e = np.asarray(evidence, float)
        if alone:
            slope, spread, intercept = logistic_fit(e[:, :2], labels).tolist()
            return cls(slope, spread, 0.0, intercept)
        return cls(*logistic_fit(e, labels).tolist())

    @classmethod
    def of(cls, calibration: Mapping[str, float], n_passages: int) -> LogOdds:
        """Those of a release for the best span of that many passages: they move with the log of the number."""
        many = math.log(n_passages)
        slope, spread, relevance = (
            calibration.get(name, 0.0) + calibration.get(f"{name}_log_passages", 0.0) * many
            for name in ("slope", "spread", "relevance")
        )
        return cls(slope, spread, relevance, calibration["log_passages"] * many + calibration["intercept"])

    def probability(self, evidence: Numbers) -> np.ndarray:
        """(n,) in [0, 1]; 0 where there was no span (margin -inf)."""
        e = np.asarray(evidence, float)
        read = np.isfinite(e[:, 0])
        z = np.where(read[:, None], e, 0.0) @ np.array(self[:3]) + self.intercept
        return np.where(read, 1 / (1 + np.exp(-np.clip(z, -60, 60))), 0.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of similar confidence: their mean confidence, the share of them that is true, and how many they are."""

    confidence: float
    accuracy: float
    count: int


def auroc(scores: Numbers, labels: Sequence[bool] | np.ndarray) -> float:
    """P(a positive scores above a negative), ties half (Mann-Whitney U). nan when one class is missing."""
    s, y = np.asarray(scores, float), np.asarray(labels, bool)
    if y.all() or not y.any():
        return float("nan")
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[inverse][y].sum()
    positives, negatives = int(y.sum()), int((~y).sum())
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def brier_score(probabilities: Numbers, labels: Sequence[bool] | np.ndarray) -> float:
    """Mean squared distance of the probability from what came true, 0 or 1 (Brier 1950)."""
    return float(np.mean((np.asarray(probabilities, float) - np.asarray(labels, float)) ** 2))


def equal_width_bins(probabilities: Numbers, labels: Numbers, n: int = N_BINS) -> list[Bin]:
    """The bins [0, 1/n), [1/n, 2/n), ... [1 - 1/n, 1] that are not empty."""
    p = np.asarray(probabilities, float)
    return _bins(p, np.asarray(labels, float), np.minimum((p * n).astype(int), n - 1))


def equal_mass_bins(probabilities: Numbers, labels: Numbers, n: int = N_BINS) -> list[Bin]:
    """As many questions in each bin, up to one: crowded regions are looked at more closely (Nguyen & O'Connor 2015)."""
    p, y = np.asarray(probabilities, float), _tie_means(probabilities, labels)
    order = np.argsort(p, kind="stable")
    which = np.empty(len(p), int)
    which[order] = np.repeat(np.arange(n), [len(part) for part in np.array_split(order, n)])
    return _bins(p, y, which)


def _bins(p: np.ndarray, y: np.ndarray, which: np.ndarray) -> list[Bin]:
    return [
        Bin(float(p[which == b].mean()), float(y[which == b].mean()), int((which == b).sum())) for b in np.unique(which)
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Mean |confidence - accuracy| over the bins, weighted by their counts (Guo et al. 2017)."""
    return sum(abs(b.confidence - b.accuracy) * b.count for b in bins) / sum(b.count for b in bins)


def expected_calibration_error(probabilities: Numbers, labels: Numbers) -> float:
    """The calibration error over N_BINS equal-width bins."""
    return calibration_error(equal_width_bins(probabilities, labels))


def risk_curve(confidence: Numbers, scores: Numbers) -> np.ndarray:
    """(n,): 1 - the mean score of the k most confident questions, k = 1 ... n; coverage is k / n (Geifman & El-Yaniv
    2017). Scores lie in [0, 1], a question's F1 for instance."""
    order = np.argsort(-np.asarray(confidence, float), kind="stable")
    score = _tie_means(confidence, scores)[order]
    return 1 - np.cumsum(score) / np.arange(1, len(score) + 1)


def risk_area(confidence: Numbers, scores: Numbers) -> float:
    """AURC: the mean of the risk over all coverages; lower is better."""
    return float(risk_curve(confidence, scores).mean())


def excess_risk_area(confidence: Numbers, scores: Numbers) -> float:
    """AURC above that of a perfect ranking of the same answers; 0 is perfect (Geifman et al. 2019)."""
    return risk_area(confidence, scores) - risk_area(scores, scores)


def coverage_at(confidence: Numbers, scores: Numbers, precision: float) -> float:
    """The largest share of questions that a threshold can answer with a mean score of at least `precision`; 0 if none."""
    kept = 1 - risk_curve(confidence, scores)[_thresholds(confidence) - 1]
    reached = _thresholds(confidence)[kept >= precision - 1e-12]
    return float(reached.max() / len(scores)) if len(reached) else 0.0


def best_threshold(confidence: Numbers, given: Numbers, withheld: Numbers) -> tuple[float, float]:
    """(the best mean score, its threshold) over all thresholds t: a question scores `given` where confidence >= t, and
    `withheld` elsewhere. The threshold stands midway between two confidences; 0 answers all, nan none.

    Chosen on the questions it is scored on, so it is a bound and not a result (as in the official SQuAD 2.0 script).
    """
    order = np.argsort(-np.asarray(confidence, float), kind="stable")
    c = np.asarray(confidence, float)[order]
    gain = np.cumsum((np.asarray(given, float) - np.asarray(withheld, float))[order])
    answered = np.concatenate([[0], _thresholds(confidence)])  # how many a threshold answers
    total = np.concatenate([[0.0], gain])[answered]
    best = int(answered[np.argmax(total)])
    threshold = float("nan") if best == 0 else 0.0 if best == len(c) else float((c[best - 1] + c[best]) / 2)
    return float((np.sum(withheld) + total.max()) / len(c)), threshold


def _thresholds(confidence: Numbers) -> np.ndarray:
    """How many questions each distinct threshold answers, ascending: a threshold cannot part equal confidences."""
    _, counts = np.unique(-np.asarray(confidence, float), return_counts=True)
    return np.cumsum(counts)


def _tie_means(confidence: Numbers, values: Numbers) -> np.ndarray:
    """Each question's value, or the mean of those whose confidence is the same."""
    _, inverse, counts = np.unique(np.asarray(confidence, float), return_inverse=True, return_counts=True)
    return (np.bincount(inverse, np.asarray(values, float)) / counts)[inverse]


def logistic_fit(
    features: np.ndarray, labels: Sequence[bool] | np.ndarray, steps: int = 100, ridge: np.ndarray | float = 0.0
) -> np.ndarray:
    """Weights (k + 1,), the intercept last, of P(label) = sigmoid(features @ w[:k] + w[k]); features (n, k). By
    Newton's method; with the margin as the one feature it is Platt's calibration (1999). `ridge`, one or (k,), times half
    of the squared weights is added to the loss, the sum over the examples."""
    x = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    y, w = np.asarray(labels, float), np.zeros(x.shape[1])
    penalty = np.append(np.broadcast_to(ridge, features.shape[1]), 0.0)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty + 1e-6)
        w = w - np.linalg.solve(hessian, x.T @ (p - y) + penalty * w)
    return w
