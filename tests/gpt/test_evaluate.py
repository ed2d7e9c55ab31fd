"""Scores by hand and beside slow definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gpt.evaluate import auroc, exact_match, expected_calibration_error, logistic_fit, normalize, token_f1


@pytest.mark.parametrize(
    ("text", "normal"),
    [("The  Cat.", "cat"), ("a man, a plan", "man plan"), ("An U.S. émigré!", "us émigré"), ("theory", "theory")],
)
def test_normalisation_is_the_official_scripts(text: str, normal: str) -> None:
    assert normalize(text) == normal


def test_exact_match_and_f1_take_the_best_gold_answer() -> None:
    assert exact_match("The Denver Broncos", ["Broncos", "denver broncos"]) == 1
    assert exact_match("Denver", ["Broncos"]) == 0
    assert token_f1("the big Denver", ["Denver Broncos", "x"]) == pytest.approx(2 * 1 / 4)
    assert token_f1("a a b", ["b b"]) == pytest.approx(2 / 3)  # articles go, then 1 shared of 1 and 2


def test_no_gold_answer_means_that_silence_is_right() -> None:
    assert exact_match("", []) == token_f1("", []) == 1
    assert exact_match("x", []) == token_f1("x", []) == 0
    assert token_f1("", ["x"]) == 0


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


def test_the_logistic_fit_finds_the_curve_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(0, 3, 20000), rng.normal(0, 1, 20000)], axis=1)
    labels = rng.random(20000) < 1 / (1 + np.exp(-(x @ [0.7, -0.5] - 0.4)))
    np.testing.assert_allclose(logistic_fit(x, labels.tolist()), [0.7, -0.5, -0.4], atol=0.06)
