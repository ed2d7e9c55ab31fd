"""Calibration on a file with unanswerable questions, cross-fitted by article: the sigmoid that turns a margin and a spread into
a probability, and the threshold below which an answer is withheld, are fitted on half of the articles and scored on the
other half, both ways. So every question is scored by a fit that saw no question of its article.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gpt.checkpoint import Released
from gpt.confidence import LogOdds, best_threshold
from gpt.errors import DataError
from gpt.evaluate import Graded, grade_file, reading_scores
from gpt.model import GPT
from gpt.reader import Reader
from gpt.relevance import Relevance
from gpt.squad import Article
from gpt.tokenizer import Tokenizer
from gpt.yardstick import N_PASSAGES, UNCALIBRATED, Yardstick, between

RELEVANCE_ARTICLES, RELEVANCE_QUESTIONS = 80, 2000  # that the head of relevance is fitted on, each question with
RELEVANCE_WRONG = 2  # of the nearest wrong paragraphs of its article, beside its own


@dataclass(frozen=True)
class Fit:
    """The log-odds of an answer for one passage, and the threshold of the best F1."""

    log_odds: LogOdds
    threshold: float

    def as_calibration(self, before: dict[str, float]) -> dict[str, float]:
        """What a release carries (`Reader.probability`): these log-odds for one passage, and those that it had for
        N_PASSAGES."""
        return between(self.log_odds, LogOdds.of(before, N_PASSAGES)) | {"threshold": round(self.threshold, 5)}


@dataclass(frozen=True)
class CrossFit:
    """`graded` with cross-fitted confidences, and the threshold (n,) that the other half chose for each question."""

    graded: Graded
    thresholds: np.ndarray
    fits: tuple[Fit, Fit]


def fit(graded: Graded) -> Fit:
    """The sigmoid of the most likely labels (Platt 1999) and the threshold with the best F1 on these questions.

    Raises DataError unless some questions have an answer and some have none.
    """
    if graded.answerable.all() or not graded.answerable.any():
        kind = "unanswerable" if graded.answerable.all() else "answerable"
        raise DataError(f"none of {len(graded)} questions is {kind}; calibrate on a larger file in SQuAD 2.0's format")
    read = np.isfinite(graded.evidence[:, 0])
    log_odds = LogOdds.fit(graded.evidence[read], graded.answerable[read], alone=True)
    _, threshold = best_threshold(log_odds.probability(graded.evidence), graded.f1, ~graded.answerable)
    return Fit(log_odds, 1.0 if np.isnan(threshold) else threshold)


def cross_fit(graded: Graded) -> CrossFit:
    """Every second article, in the file's order, makes one half. Raises DataError for fewer than two articles."""
    articles = {title: i for i, title in enumerate(dict.fromkeys(graded.titles))}
    if len(articles) < 2:
        raise DataError(f"the questions come from {len(articles)} article; cross-fitting needs at least two titles")
    odd = np.array([articles[title] % 2 == 1 for title in graded.titles])
    fits = (fit(_rows(graded, ~odd)), fit(_rows(graded, odd)))
    probability = np.where(odd, *(one.log_odds.probability(graded.evidence) for one in fits))
    thresholds = np.where(odd, fits[0].threshold, fits[1].threshold)
    return CrossFit(replace(graded, confidence=probability), thresholds, fits)


def compare_calibrations(graded: Graded, calibration: dict[str, float]) -> dict[str, Any]:
    """The model's own probabilities and threshold beside the cross-fitted ones, each as `reading_scores`.

    {"n", "articles", "own", "cross_fitted", "cross_fitted_at_half": with the threshold one half in the place of the
    fitted ones, "fits": of both halves, "all_articles": a fit on the whole file, for a release; its scores are the
    cross-fitted ones}. Raises DataError.
    """
    crossed = cross_fit(graded)
    return {
        "n": len(graded),
        "articles": len(set(graded.titles)),
        "own": reading_scores(graded, calibration["threshold"]),
        "cross_fitted": reading_scores(crossed.graded, crossed.thresholds),
        "cross_fitted_at_half": reading_scores(crossed.graded, 0.5),
        "fits": [one.as_calibration(calibration) for one in crossed.fits],
        "all_articles": fit(graded).as_calibration(calibration),
    }


def calibrate_one_passage(released: Released, squad_file: Path) -> dict[str, float]:
    """The release's calibration with the log-odds for one passage fitted on all questions of the file; its threshold stays.

    What the fit is worth on other articles is what `compare_calibrations` finds cross-fitted. Raises DataError.
    """
    graded = grade_file(Reader(released), squad_file)
    found = fit(graded).as_calibration(released.calibration)
    return found | {"threshold": released.calibration["threshold"]}


def fit_relevance(model: GPT, tokenizer: Tokenizer, articles: Sequence[Article]) -> Relevance | None:
    """The head of relevance, fitted on questions about these articles: their own paragraph against the nearest wrong ones. They
    may be articles that the model learnt from: its states tell the same of others (docs/log.md).

    None where there are no questions or the margin tells nothing (gpt/relevance.py).
    """
    some = articles[:: max(1, len(articles) // RELEVANCE_ARTICLES)]
    held = Yardstick.build(tokenizer, some, RELEVANCE_QUESTIONS).held_out
    if not held:
        return None
    paragraphs = [(h.question.question, (h.question.context, *h.wrong[:RELEVANCE_WRONG])) for h in held]
    asked = [(question, context) for question, contexts in paragraphs for context in contexts]
    answers = np.array([i == 0 for _, contexts in paragraphs for i in range(len(contexts))])
    states, margins = Reader(Released("reader", model.eval(), tokenizer, UNCALIBRATED, {})).states(asked)
    return Relevance.fit(states, margins, answers)


def _rows(graded: Graded, chosen: np.ndarray) -> Graded:
    """The chosen questions (a mask) alone."""
    titles = tuple(title for title, keep in zip(graded.titles, chosen, strict=True) if keep)
    arrays = ("answerable", "exact", "f1", "confidence", "evidence")
    return replace(graded, titles=titles, **{name: getattr(graded, name)[chosen] for name in arrays})
