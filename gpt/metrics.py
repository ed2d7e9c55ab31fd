"""Scores of answers: SQuAD's exact match and F1 as the official scripts normalise, and how far a mean can be trusted.

Intervals resample whole articles, not questions: the questions of an article share its subject and its writers, so what
another draw of articles would give varies more than what another draw of questions would (cluster bootstrap: Field &
Welsh 2007).
"""

from __future__ import annotations

import collections
import re
import string
from collections.abc import Hashable, Sequence

import numpy as np

RESAMPLES = 2000
MIN_GROUPS = 10  # with fewer articles their resampling says little, and each question is its own group
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = set(string.punctuation)
_CHUNK = 4_000_000  # resampled groups held in memory at a time


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


def group_by_article(titles: Sequence[str]) -> np.ndarray:
    """(n,) int64: the article of each question, counted from 0; each question alone if there are too few articles."""
    names, group = np.unique(np.asarray(titles, dtype=str), return_inverse=True)
    return group if len(names) >= MIN_GROUPS else np.arange(len(titles))


def bootstrap_interval(
    values: np.ndarray, groups: Sequence[Hashable] | np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """The 95% percentile interval (k, 2) of the mean of each column of values (n, k), whole groups drawn with replacement.

    The same groups are drawn for all columns, so a column of differences between two readers gives their paired
    interval. A resampled mean is over the questions of the groups drawn (Efron & Tibshirani 1993, chapter 13).
    """
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    n_groups = int(group.max()) + 1
    columns = np.concatenate([values, np.ones((len(values), 1))], axis=1)
    sums = np.stack([np.bincount(group, column, minlength=n_groups) for column in columns.T], axis=1)  # (G, k + 1)
    rng = np.random.default_rng(seed)
    means = []
    for rows in _chunks(resamples, max(1, _CHUNK // (n_groups * sums.shape[1]))):
        drawn = sums[rng.integers(0, n_groups, (rows, n_groups))].sum(axis=1)
        means.append(drawn[:, :-1] / drawn[:, -1:])
    return np.quantile(np.concatenate(means), (0.025, 0.975), axis=0).T


def _chunks(total: int, size: int) -> list[int]:
    """`total` as a sum of parts of at most `size`."""
    return [size] * (total // size) + [total % size] * (total % size > 0)
