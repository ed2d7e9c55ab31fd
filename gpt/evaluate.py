"""Scores of reading: SQuAD's exact match and F1 as the official scripts normalise, and how far abstention can be
trusted (AUROC, expected calibration error)."""

from __future__ import annotations

import collections
import re
import string
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from gpt.errors import DataError
from gpt.reader import Reader, Reading
from gpt.squad import SquadQuestion, load_squad

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)


def normalize(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces (the official SQuAD 1.1 and 2.0 scripts)."""
    bare = "".join(c for c in text.lower() if c not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """1.0 when the normalised prediction equals any gold answer; no golds: when the prediction is empty."""
    return float(any(normalize(prediction) == normalize(gold) for gold in golds or [""]))


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best F1 of shared normalised words over the gold answers; if either is empty, whether both are."""
    return max(_f1(normalize(prediction).split(), normalize(gold).split()) for gold in golds or [""])


def _f1(prediction: list[str], gold: list[str]) -> float:
    if not prediction or not gold:
        return float(prediction == gold)
    shared = sum((collections.Counter(prediction) & collections.Counter(gold)).values())
    return 2 * shared / (len(prediction) + len(gold))


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """P(a positive scores above a negative), ties half (Mann-Whitney U). nan when one class is missing."""
    s, y = np.asarray(scores, float), np.asarray(labels, bool)
    if y.all() or not y.any():
        return float("nan")
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[inverse][y].sum()
    positives, negatives = int(y.sum()), int((~y).sum())
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def expected_calibration_error(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> float:
    """Mean |confidence - accuracy| over equal-width bins, weighted by their counts (Guo et al. 2017)."""
    p, y = np.asarray(probabilities, float), np.asarray(labels, float)
    which = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [
        abs(p[which == b].mean() - y[which == b].mean()) * (which == b).sum() for b in range(bins) if (which == b).any()
    ]
    return float(sum(gaps) / len(p))


def logistic_fit(features: np.ndarray, labels: Sequence[bool], steps: int = 100) -> np.ndarray:
    """Weights (k + 1,), the intercept last, of P(label) = sigmoid(features @ w[:k] + w[k]); features (n, k). By
    Newton's method; with the margin as the one feature it is Platt's calibration (1999)."""
    x = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    y, w = np.asarray(labels, float), np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(w))
        w = w - np.linalg.solve(hessian, x.T @ (p - y))
    return w


def answer_text(question: SquadQuestion, reading: Reading) -> str:
    """The best span's words, without the spaces around them."""
    if not reading.spans:
        return ""
    best = reading.spans[0]
    return question.context[best.start : best.end].strip()


def evaluate_reader(
    reader: Reader,
    squad_file: Path,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """Each question with its own paragraph. Percentages: exact, f1 and, when some have no answer, answerable_f1,
    no_answer_accuracy; auroc and ece are fractions. A limit takes a fixed random sample of that many questions.

    A file without unanswerable questions (1.1) is scored with the best span always given; one with them (2.0) with the
    abstention at the model's own threshold.
    """
    questions = load_squad(squad_file)
    if limit is not None and limit < len(questions):
        picked = sorted(np.random.default_rng(0).permutation(len(questions))[:limit])
        questions = [questions[i] for i in picked]
    if not questions:
        raise DataError(f"{squad_file} holds no questions")
    started = time.perf_counter()
    readings: list[Reading] = []
    for at in range(0, len(questions), 64):
        readings += reader.read_batch([(q.question, [q.context]) for q in questions[at : at + 64]])
        progress(len(readings), len(questions))
    seconds = time.perf_counter() - started
    scores = score_readings(questions, readings, reader.threshold)
    return {"n": len(questions), **scores, "seconds_per_question": round(seconds / len(questions), 5)}


def score_readings(
    questions: Sequence[SquadQuestion], readings: Sequence[Reading], threshold: float
) -> dict[str, float]:
    """The scores of `evaluate_reader` from readings already made."""
    open_ended = any(not q.answers for q in questions)
    texts = [
        "" if open_ended and r.answerable < threshold else answer_text(q, r)
        for q, r in zip(questions, readings, strict=True)
    ]
    exact = [exact_match(t, q.answers) for t, q in zip(texts, questions, strict=True)]
    f1 = [token_f1(t, q.answers) for t, q in zip(texts, questions, strict=True)]
    scores = {"exact": _percent(exact), "f1": _percent(f1)}
    if open_ended:
        has = [bool(q.answers) for q in questions]
        probabilities = [r.answerable for r in readings]
        scores["answerable_f1"] = _percent([f for f, h in zip(f1, has, strict=True) if h])
        scores["no_answer_accuracy"] = _percent([float(not t) for t, h in zip(texts, has, strict=True) if not h])
        scores["auroc"] = round(auroc(probabilities, has), 4)
        scores["ece"] = round(expected_calibration_error(probabilities, has), 4)
    return scores


def _percent(values: Sequence[float]) -> float:
    return round(100 * sum(values) / len(values), 2) if values else float("nan")
