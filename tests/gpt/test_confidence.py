"""Every score of a confidence beside its slow definition, ties included, and by hand where a hand can."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from gpt.confidence import (
    Bin,
    auroc,
    best_threshold,
    brier_score,
    calibration_error,
    coverage_at,
    equal_mass_bins,
    equal_width_bins,
    excess_risk_area,
    expected_calibration_error,
    logistic_fit,
    risk_area,
    risk_curve,
)

SEEDS = range(8)


def case(seed: int, n: int = 40) -> tuple[list[float], list[float]]:
    """Confidences with many ties, and scores in [0, 1] that go with them a little."""
    rng = np.random.default_rng(seed)
    confidence = rng.integers(0, 12, n) / 12
    scores = np.clip(np.round(0.5 * confidence + 0.8 * rng.random(n), 1), 0, 1)
    return confidence.tolist(), scores.tolist()


def test_auroc_is_the_chance_that_a_positive_wins() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 6, 60), rng.random(60) < 0.4
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels] for n in scores[~labels]]
    assert auroc(scores.tolist(), labels.tolist()) == pytest.approx(float(np.mean(pairs)))
    assert math.isnan(auroc([1.0], [True]))


def test_calibration_error_by_hand() -> None:
    assert expected_calibration_error([0.95, 0.95, 0.05, 1.0], [True, False, False, True]) == pytest.approx(
        3 / 4 * abs(2.9 / 3 - 2 / 3) + 1 / 4 * 0.05
    )
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_width_bins_hold_what_lies_between_their_edges(seed: int) -> None:
    p, y = case(seed)
    expected = []
    for b in range(5):
        inside = [i for i in range(len(p)) if b / 5 <= p[i] < (b + 1) / 5 or (b == 4 and p[i] == 1)]
        if inside:
            expected.append((sum(p[i] for i in inside) / len(inside), sum(y[i] for i in inside) / len(inside)))
    found = equal_width_bins(p, y, 5)
    assert [(b.confidence, b.accuracy) for b in found] == [pytest.approx(pair) for pair in expected]
    assert sum(b.count for b in found) == len(p)


def test_equal_mass_bins_by_hand_and_in_any_order() -> None:
    p, y = [0.1, 0.2, 0.3, 0.9, 0.95], [0, 0, 1, 1, 0]
    found = equal_mass_bins(p, y, 2)
    assert [b.count for b in found] == [3, 2]
    assert [b.confidence for b in found] == pytest.approx([0.2, 0.925])
    assert [b.accuracy for b in found] == pytest.approx([1 / 3, 1 / 2])
    assert equal_mass_bins([0.5] * 4, [1, 1, 0, 0], 2) == [Bin(0.5, 0.5, 2)] * 2  # not [1, 1] and [0, 0]
    assert calibration_error(found) == pytest.approx(3 / 5 * (1 / 3 - 0.2) + 2 / 5 * (0.925 - 0.5))


def test_a_confidence_that_is_true_has_small_errors_and_a_false_one_large() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    y = (rng.random(20_000) < p).astype(float)
    for bins in (equal_width_bins, equal_mass_bins):
        assert calibration_error(bins(p, y)) < 0.02
        assert calibration_error(bins(p**3, y)) > 0.15
    assert brier_score(p, y == 1) == pytest.approx(1 / 6, abs=0.01)  # the integral of p (1 - p)


def test_brier_by_hand() -> None:
    assert brier_score([1.0, 0.5, 0.2], [True, False, False]) == pytest.approx((0 + 0.25 + 0.04) / 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_risk_at_a_coverage_is_the_mean_over_every_order_of_the_ties(seed: int) -> None:
    confidence, scores = (values[:6] for values in case(seed))
    curves = []
    for order in itertools.permutations(range(6)):
        if all(confidence[a] >= confidence[b] for a, b in itertools.pairwise(order)):
            curves.append([1 - sum(scores[i] for i in order[:k]) / k for k in range(1, 7)])
    expected = np.mean(curves, axis=0)
    np.testing.assert_allclose(risk_curve(confidence, scores), expected)
    assert risk_area(confidence, scores) == pytest.approx(float(np.mean(expected)))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_of_the_same_answers_has_a_smaller_area_than_the_perfect_one(seed: int) -> None:
    confidence, scores = (values[:6] for values in case(seed))
    areas = [risk_area(list(order), scores) for order in itertools.permutations(range(6))]
    assert risk_area(confidence, scores) - min(areas) == pytest.approx(excess_risk_area(confidence, scores))
    assert excess_risk_area(scores, scores) == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("precision", [0.0, 0.5, 0.7, 0.9, 1.0])
def test_coverage_is_the_most_that_any_threshold_answers_well_enough(seed: int, precision: float) -> None:
    confidence, scores = case(seed)
    found = 0.0
    for threshold in set(confidence):
        answered = [s for c, s in zip(confidence, scores, strict=True) if c >= threshold]
        if sum(answered) / len(answered) >= precision - 1e-12:
            found = max(found, len(answered) / len(scores))
    assert coverage_at(confidence, scores, precision) == pytest.approx(found)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_threshold_is_that_of_trying_them_all(seed: int) -> None:
    confidence, given = case(seed)
    withheld = [float(x) for x in np.random.default_rng(seed + 100).random(40) < 0.6]

    def mean(threshold: float) -> float:
        rows = zip(confidence, given, withheld, strict=True)
        return sum(g if c >= threshold else w for c, g, w in rows) / len(given)

    best, threshold = best_threshold(confidence, given, withheld)
    assert best == pytest.approx(max(mean(t) for t in [0.0, *(c + 1e-9 for c in confidence)]))
    assert mean(2.0 if math.isnan(threshold) else threshold) == pytest.approx(best)


def test_the_best_threshold_may_answer_all_or_none() -> None:
    assert best_threshold([0.2, 0.8], [1, 1], [0, 0]) == (1.0, 0.0)
    best, threshold = best_threshold([0.2, 0.8], [0, 0], [1, 1])
    assert best == 1
    assert math.isnan(threshold)
    assert best_threshold([0.2, 0.8], [0, 1], [1, 0]) == (1.0, 0.5)


def test_the_logistic_fit_finds_the_curve_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(0, 3, 20000), rng.normal(0, 1, 20000)], axis=1)
    labels = rng.random(20000) < 1 / (1 + np.exp(-(x @ [0.7, -0.5] - 0.4)))
    np.testing.assert_allclose(logistic_fit(x, labels.tolist()), [0.7, -0.5, -0.4], atol=0.06)
