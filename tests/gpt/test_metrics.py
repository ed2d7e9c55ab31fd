"""Scores of answers by hand, and the bootstrap beside a loop over resampled questions."""

from __future__ import annotations

import numpy as np
import pytest

from gpt import metrics
from gpt.metrics import bootstrap_interval, exact_match, group_by_article, normalize, token_f1


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


def slow_interval(values: list[float], groups: list[str], resamples: int, seed: int) -> tuple[float, float]:
    """Draws groups, pools their questions one by one, takes the mean; the bounds from the sorted means."""
    rng = np.random.default_rng(seed)
    names = sorted(set(groups))
    means = []
    for row in rng.integers(0, len(names), (resamples, len(names))):
        pooled = [v for g in row for v, name in zip(values, groups, strict=True) if name == names[g]]
        means.append(sum(pooled) / len(pooled))
    means.sort()

    def quantile(q: float) -> float:
        at = q * (resamples - 1)
        below = int(at)
        return means[below] + (at - below) * (means[min(below + 1, resamples - 1)] - means[below])

    return quantile(0.025), quantile(0.975)


def test_the_interval_is_that_of_a_loop_over_resampled_articles() -> None:
    rng = np.random.default_rng(1)
    groups = [f"article {g}" for g in rng.integers(0, 7, 60)]
    values = rng.random((60, 2))
    found = bootstrap_interval(values, groups, resamples=200, seed=3)
    for column in range(2):
        assert found[column] == pytest.approx(slow_interval(values[:, column].tolist(), groups, 200, 3))


def test_drawing_in_small_chunks_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).random((50, 1))
    whole = bootstrap_interval(values, np.arange(50) % 11, resamples=100)
    monkeypatch.setattr(metrics, "_CHUNK", 300)
    np.testing.assert_array_equal(bootstrap_interval(values, np.arange(50) % 11, resamples=100), whole)


def test_a_groups_questions_are_not_independent() -> None:
    """Articles whose questions are all alike say as much as one question each: the interval is wider than by question."""
    by_article = np.repeat(np.random.default_rng(0).random(20) < 0.5, 50).astype(float)[:, None]
    article, question = (bootstrap_interval(by_article, g)[0] for g in (np.arange(1000) // 50, np.arange(1000)))
    assert article[1] - article[0] > 5 * (question[1] - question[0])


def test_about_95_of_100_intervals_hold_the_true_mean() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        low, high = bootstrap_interval((rng.random(100) < 0.6)[:, None].astype(float), np.arange(100), resamples=300)[0]
        held += low <= 0.6 <= high
    assert 0.90 <= held / 200 <= 0.99


def test_a_difference_of_paired_readers_is_sharper_than_either() -> None:
    rng = np.random.default_rng(0)
    easy = rng.random(400)
    ours, theirs = easy, np.clip(easy - 0.02, 0, 1)
    bounds = bootstrap_interval(np.stack([ours, theirs, ours - theirs], axis=1), np.arange(400))
    assert bounds[2, 0] > 0  # told apart, though each one's interval holds the other's mean
    assert bounds[0, 0] < theirs.mean()


def test_few_articles_make_every_question_its_own_group() -> None:
    assert group_by_article(["b", "a", "b"]).tolist() == [0, 1, 2]
    titles = [f"{i % metrics.MIN_GROUPS:02d}" for i in range(30)]
    assert group_by_article(titles).tolist() == [i % metrics.MIN_GROUPS for i in range(30)]
