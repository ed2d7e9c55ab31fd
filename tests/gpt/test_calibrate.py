"""Cross-fitted calibration: no question is scored by a fit that saw its article, and a crooked confidence is mended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpt.calibrate import calibrate_one_passage, compare_calibrations, cross_fit, fit
from gpt.checkpoint import Released
from gpt.confidence import LogOdds, expected_calibration_error
from gpt.errors import DataError
from gpt.evaluate import Graded, grade_file, reading_scores
from gpt.model import GPT
from gpt.reader import Reader
from gpt.tokenizer import Tokenizer
from gpt.yardstick import N_PASSAGES

OWN = {"slope": 2.0, "log_passages": -1.0, "intercept": 0.0, "threshold": 0.5}


def made(n: int = 6000, articles: int = 12, seed: int = 0) -> Graded:
    """Questions whose chance of an answer is sigmoid(0.5 * margin + 0.8 * spread - 1), read by a model that says
    sigmoid(2 * margin)."""
    rng = np.random.default_rng(seed)
    evidence = np.stack([rng.normal(1, 3, n), rng.exponential(0.5, n), rng.normal(0, 2, n)], axis=1)
    answerable = rng.random(n) < LogOdds(0.5, 0.8, 0.0, -1.0).probability(evidence)
    f1 = np.where(answerable, rng.choice([0.0, 0.5, 1.0], n, p=[0.2, 0.2, 0.6]), 0.0)
    titles = tuple(f"article {i}" for i in rng.integers(0, articles, n))
    return Graded(
        titles, answerable, (f1 == 1).astype(float), f1, LogOdds(2.0, 0.0, 0.0, 0.0).probability(evidence), evidence
    )


def test_the_fit_is_the_curve_that_made_the_labels() -> None:
    found = fit(made(20_000))
    assert found.log_odds == pytest.approx((0.5, 0.8, 0.0, -1.0), abs=0.06)
    assert found.threshold == pytest.approx(1 / 1.7, abs=0.08)  # answer while p * mean F1 (0.7) beats 1 - p


def test_each_question_is_scored_by_a_fit_on_the_other_half_of_the_articles() -> None:
    graded = made()
    order = list(dict.fromkeys(graded.titles))
    crossed = cross_fit(graded)
    for half in (0, 1):
        mine = np.array([order.index(t) % 2 == half for t in graded.titles])
        other = replace(
            graded,
            titles=tuple(np.array(graded.titles)[~mine]),
            **{k: getattr(graded, k)[~mine] for k in ("answerable", "exact", "f1", "confidence", "evidence")},
        )
        expected = fit(other)
        np.testing.assert_array_equal(
            crossed.graded.confidence[mine], expected.log_odds.probability(graded.evidence[mine])
        )
        assert set(crossed.thresholds[mine]) == {expected.threshold}


def test_changing_an_article_changes_no_probability_of_its_own() -> None:
    graded = made()
    mine = np.array([title == graded.titles[0] for title in graded.titles])
    turned = replace(graded, answerable=graded.answerable ^ mine)
    before, after = cross_fit(graded), cross_fit(turned)
    np.testing.assert_array_equal(before.graded.confidence[mine], after.graded.confidence[mine])
    assert (before.graded.confidence[~mine] != after.graded.confidence[~mine]).any()


def test_a_crooked_confidence_is_mended_and_the_spread_that_it_leaves_out_ranks_better() -> None:
    graded = made()
    scores = compare_calibrations(graded, OWN)
    assert scores["own"] == reading_scores(graded, 0.5)
    assert scores["own"]["ece"] > 0.15
    assert scores["cross_fitted"]["ece"] < 0.03
    assert scores["cross_fitted"]["f1"] > scores["own"]["f1"] + 3
    assert scores["cross_fitted"]["f1"] >= scores["cross_fitted_at_half"]["f1"]
    assert scores["cross_fitted"]["auroc"] > scores["own"]["auroc"] + 0.01
    assert (scores["n"], scores["articles"]) == (6000, 12)


def test_a_fit_becomes_a_releases_line_for_one_passage_and_leaves_the_one_for_many() -> None:
    found = compare_calibrations(made(20_000), OWN)["all_articles"]
    assert set(found) == {
        *OWN,
        "slope_log_passages",
        "spread",
        "spread_log_passages",
        "relevance",
        "relevance_log_passages",
    }
    many = np.log(N_PASSAGES)
    assert found["slope"] + found["slope_log_passages"] * many == pytest.approx(OWN["slope"], abs=1e-3)
    assert found["spread"] == pytest.approx(0.8, abs=0.06)
    assert found["spread"] + found["spread_log_passages"] * many == pytest.approx(0.0, abs=1e-3)
    assert found["relevance"] == 0, "one passage competes with none"
    assert found["relevance"] + found["relevance_log_passages"] * many == pytest.approx(0.0, abs=1e-3)
    before = OWN["log_passages"] * many + OWN["intercept"]
    assert found["log_passages"] * many + found["intercept"] == pytest.approx(before, abs=1e-3)


def test_a_question_without_any_span_is_unanswerable_and_does_not_bend_the_fit() -> None:
    graded = made(2000)
    blind = replace(graded, evidence=np.concatenate([[[-np.inf, 0.0, 0.0]], graded.evidence[1:]]))
    crossed = cross_fit(blind)
    assert crossed.graded.confidence[0] == 0
    assert expected_calibration_error(crossed.graded.confidence, blind.answerable) < 0.06


def test_a_file_that_cannot_calibrate_says_why() -> None:
    graded = made(100)
    with pytest.raises(DataError, match="none of 100 questions is unanswerable"):
        fit(replace(graded, answerable=np.ones(100, bool)))
    with pytest.raises(DataError, match="none of 100 questions is answerable"):
        fit(replace(graded, answerable=np.zeros(100, bool)))
    with pytest.raises(DataError, match="come from 1 article"):
        cross_fit(replace(graded, titles=("one",) * 100))


def test_a_release_takes_the_files_line_for_one_passage_and_keeps_its_threshold(
    tokenizer: Tokenizer, model: GPT, squad_file: Path, tmp_path: Path
) -> None:
    raw = json.loads(squad_file.read_text())
    for number, article in enumerate(raw["data"]):
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                qa |= {"answers": [], "is_impossible": True} if number % 2 else {}
    file = tmp_path / "two.json"
    file.write_text(json.dumps(raw))
    released = Released("m", model.eval(), tokenizer, {**OWN, "threshold": 0.4}, {})
    found = calibrate_one_passage(released, file)
    graded = grade_file(Reader(released), file)
    assert found["threshold"] == 0.4
    assert (found["slope"], found["spread"], found["relevance"], found["intercept"]) == pytest.approx(
        fit(graded).log_odds, abs=1e-4
    )
