"""Measures a reader on a file of questions: answers against SQuAD's rules, confidence against what came true.

A question is graded once, with its best span always given; every score is then a function of the grades.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gpt import confidence
from gpt.errors import ContextTooLong, DataError
from gpt.metrics import bootstrap_interval, exact_match, group_by_article, token_f1
from gpt.reader import Reader, Reading
from gpt.squad import SquadQuestion, load_squad

PRECISIONS = (95, 90, 80)  # per cent of mean F1 at which coverage is told
BATCH_QUESTIONS = 64
UNREAD = Reading((), 0.0)


@dataclass(frozen=True)
class Graded:
    """Questions and what the reader made of them, a row each.

    exact, f1 (n,): of the best span, in [0, 1]; 0 where there is no answer to find. confidence (n,): the calibrated
    probability that the paragraph answers. evidence (n, 3): what it was made from, the best span's (gpt.reader.Span), -inf, 0
    and 0 without any span.
    `too_long` questions leave no room for a paragraph and count as declined for certain.
    """

    titles: tuple[str, ...]
    answerable: np.ndarray
    exact: np.ndarray
    f1: np.ndarray
    confidence: np.ndarray
    evidence: np.ndarray
    seconds_per_question: float = 0.0
    too_long: int = 0

    def __len__(self) -> int:
        return len(self.titles)

    @property
    def open_ended(self) -> bool:
        """Whether some questions have no answer, as in SQuAD 2.0."""
        return not self.answerable.all()

    def at_threshold(self, threshold: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(exact, f1) when confidence below the threshold withholds the answer, which is right where there is none."""
        given = self.confidence >= threshold
        return np.where(given, self.exact, ~self.answerable), np.where(given, self.f1, ~self.answerable)


def answer_text(question: SquadQuestion, reading: Reading) -> str:
    """The best span's words, without the spaces around them."""
    if not reading.spans:
        return ""
    best = reading.spans[0]
    return question.context[best.start : best.end].strip()


def grade(questions: Sequence[SquadQuestion], readings: Sequence[Reading]) -> Graded:
    """The grades of readings already made, question by question."""
    texts = [answer_text(q, r) for q, r in zip(questions, readings, strict=True)]
    return Graded(
        titles=tuple(q.title for q in questions),
        answerable=np.array([bool(q.answers) for q in questions]),
        exact=np.array([exact_match(t, q.answers) for t, q in zip(texts, questions, strict=True)]),
        f1=np.array([token_f1(t, q.answers) for t, q in zip(texts, questions, strict=True)]),
        confidence=np.array([r.answerable for r in readings]),
        evidence=np.array([r.spans[0].evidence if r.spans else (-np.inf, 0.0, 0.0) for r in readings]),
    )


def sample_questions(squad_file: Path, limit: int | None = None) -> list[SquadQuestion]:
    """The file's questions in their order, or a fixed random sample of `limit` of them. Raises DataError."""
    questions = load_squad(squad_file)
    if not questions:
        raise DataError(f"{squad_file} holds no questions")
    if limit is None or limit >= len(questions):
        return questions
    return [questions[i] for i in sorted(np.random.default_rng(0).permutation(len(questions))[:limit])]


def grade_file(
    reader: Reader,
    squad_file: Path,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Graded:
    """Reads each question with its own paragraph, in batches, and grades it. Raises DataError."""
    questions = sample_questions(squad_file, limit)
    started = time.perf_counter()
    readings: list[Reading | None] = []
    for at in range(0, len(questions), BATCH_QUESTIONS):
        readings += _read(reader, questions[at : at + BATCH_QUESTIONS])
        progress(len(readings), len(questions))
    seconds = (time.perf_counter() - started) / len(questions)
    graded = grade(questions, [reading or UNREAD for reading in readings])
    return replace(graded, seconds_per_question=seconds, too_long=readings.count(None))


def _read(reader: Reader, questions: Sequence[SquadQuestion]) -> list[Reading | None]:
    """In one batch; if a question is too long for the model, one by one, with None for each that is."""
    try:
        return [*reader.read_batch([(q.question, [q.context]) for q in questions])]
    except ContextTooLong:
        return [None] if len(questions) == 1 else [reading for q in questions for reading in _read(reader, [q])]


def evaluate_reader(
    reader: Reader,
    squad_file: Path,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """All scores of `summarize` for a file at the model's own threshold. Raises DataError."""
    return summarize(grade_file(reader, squad_file, limit, progress), reader.threshold)


def summarize(graded: Graded, threshold: float) -> dict[str, float]:
    """n, exact, f1, seconds_per_question and, with unanswerable questions, answerable_f1, no_answer_accuracy, auroc and
    ece; then what they rest on.

    Percentages: exact, f1, the bounds of their 95% intervals (exact_low ...), answerable_f1, no_answer_accuracy, best_f1,
    best_exact, and decline_all: what saying nothing would score. Fractions: all else. `threshold` applies where some
    questions have no answer (2.0); elsewhere (1.1) the best span is always given. risk_area, excess_risk_area and
    coverage_at_P rank all questions by confidence, the score of an answer being its F1. best_f1 and best_exact take the
    best threshold for this very file: bounds, not results. too_long is there only if some questions were.
    """
    scores: dict[str, float] = {"n": len(graded), **reading_scores(graded, threshold)}
    scores["seconds_per_question"] = round(graded.seconds_per_question, 5)
    scores |= _intervals(graded, threshold)
    scores |= _ranking(graded)
    scores |= _calibration(graded, threshold) if graded.open_ended else {}
    return scores | ({"too_long": graded.too_long} if graded.too_long else {})


def score_readings(
    questions: Sequence[SquadQuestion], readings: Sequence[Reading], threshold: float
) -> dict[str, float]:
    """exact, f1 and, with unanswerable questions, answerable_f1, no_answer_accuracy, auroc, ece of readings made."""
    return reading_scores(grade(questions, readings), threshold)


def reading_scores(graded: Graded, threshold: float | np.ndarray) -> dict[str, float]:
    """As `score_readings`, from the grades; the threshold is one for all or one a question (n,)."""
    exact, f1 = graded.at_threshold(threshold if graded.open_ended else -np.inf)
    scores = {"exact": _percent(exact), "f1": _percent(f1)}
    if graded.open_ended:
        has, p = graded.answerable, graded.confidence
        scores["answerable_f1"] = _percent(f1[has])
        scores["no_answer_accuracy"] = _percent(exact[~has])
        scores["auroc"] = round(confidence.auroc(p, has), 4)
        scores["ece"] = round(confidence.expected_calibration_error(p, has), 4)
    return scores


def _intervals(graded: Graded, threshold: float) -> dict[str, float]:
    values = np.stack(graded.at_threshold(threshold if graded.open_ended else -np.inf), axis=1)
    group = group_by_article(graded.titles)
    bounds = (100 * bootstrap_interval(values, group)).round(2)
    names = ("exact_low", "exact_high", "f1_low", "f1_high")
    return {"groups": int(group.max()) + 1, **dict(zip(names, bounds.flatten().tolist(), strict=True))}


def _ranking(graded: Graded) -> dict[str, float]:
    p, f1 = graded.confidence, graded.f1
    areas = {
        "risk_area": confidence.risk_area(p, f1),
        "excess_risk_area": confidence.excess_risk_area(p, f1),
        **{f"coverage_at_{at}": confidence.coverage_at(p, f1, at / 100) for at in PRECISIONS},
    }
    return {name: round(value, 4) for name, value in areas.items()}


def _calibration(graded: Graded, threshold: float) -> dict[str, float]:
    p, has = graded.confidence, graded.answerable
    best_f1, at = confidence.best_threshold(p, graded.f1, ~has)
    best_exact, _ = confidence.best_threshold(p, graded.exact, ~has)
    return {
        "ece_equal_mass": round(confidence.calibration_error(confidence.equal_mass_bins(p, has)), 4),
        "brier": round(confidence.brier_score(p, has), 4),
        "threshold": threshold,
        "decline_all": _percent(~has),
        "best_f1": round(100 * best_f1, 2),
        "best_exact": round(100 * best_exact, 2),
        "best_f1_threshold": round(at, 4),
    }


def _percent(values: np.ndarray) -> float:
    return round(100 * float(values.mean()), 2) if len(values) else float("nan")
