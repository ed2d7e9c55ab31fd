"""The yardstick never meets the training data, and its probabilities mean what they say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from gpt.confidence import LogOdds
from gpt.config import RECIPES, TrainConfig
from gpt.model import GPT
from gpt.squad import Article
from gpt.tokenizer import Tokenizer
from gpt.yardstick import N_PASSAGES, Labelled, Yardstick, between, split_articles


def test_articles_are_split_whole_evenly_and_always_alike(articles: list[Article]) -> None:
    training, held_out = split_articles(articles, 2)
    assert [a.title for a in held_out] == ["Article 0", "Article 5"]
    assert [a.title for a in training] == [f"Article {i}" for i in (1, 2, 3, 4)]
    assert split_articles(articles, 0) == (articles, [])


def test_refit_reads_what_was_held_out_but_for_what_it_is_judged_on(articles: list[Article]) -> None:
    recipe = dataclasses.replace(RECIPES["mini"], refit=None, held_out_articles=4, never_read=1)
    plain = Labelled.of(recipe, articles)
    assert (len(plain.training), plain.added, plain.never_read) == (2, [], plain.held_out)
    parts = Labelled.of(dataclasses.replace(recipe, refit=TrainConfig(steps=1)), articles)
    assert (parts.training, parts.held_out) == (plain.training, plain.held_out)
    assert (len(parts.added), len(parts.never_read)) == (3, 1)
    titles = [a.title for part in (parts.training, parts.added, parts.never_read) for a in part]
    assert sorted(titles) == [a.title for a in articles], "each article has one part"


def test_wrong_passages_hold_no_answer_and_the_sample_is_fixed(tokenizer: Tokenizer, articles: list[Article]) -> None:
    yardstick = Yardstick.build(tokenizer, articles, limit=10)
    assert yardstick == Yardstick.build(tokenizer, articles, limit=10)
    assert len(yardstick.held_out) == 10
    for held in yardstick.held_out:
        assert held.wrong
        assert all(held.question.answers[0].lower() not in context.lower() for context in held.wrong)
        assert held.unanswerable.context == held.wrong[0]
        assert held.unanswerable.answers == ()


def test_scoring_leaves_the_model_as_it_was(tokenizer: Tokenizer, articles: list[Article], model: GPT) -> None:
    yardstick = Yardstick.build(tokenizer, articles, limit=6)
    model.train()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    known = {"exact", "f1", "auroc", "auroc_misleading", "auroc_altered"}
    assert {"exact", "f1", "auroc"} <= set(yardstick.score(model)) <= known
    assert model.training
    assert all(np.array_equal(before[name], p.detach()) for name, p in model.named_parameters())


def test_what_misleads_is_scored_apart(tokenizer: Tokenizer, lighthouses: list[Article], model: GPT) -> None:
    yardstick = Yardstick.build(tokenizer, lighthouses, limit=6)
    held = yardstick.held_out
    assert all(h.misleading for h in held)
    altered = [h for h in held if h.altered]
    assert len(altered) > 2
    assert set(yardstick.score(model)) == {"exact", "f1", "auroc", "auroc_misleading", "auroc_altered"}
    for h in altered:
        assert h.over_altered == dataclasses.replace(h.unanswerable, context=h.altered or "")
        assert h.question.answers[0] in h.over_altered.context
        assert h.misled.context == h.question.context
    without = dataclasses.replace(yardstick, held_out=tuple(dataclasses.replace(h, altered=None) for h in held))
    assert set(without.score(model)) == {"exact", "f1", "auroc", "auroc_misleading"}


def test_the_calibrated_probability_is_on_average_how_often_the_answer_is_there(
    tokenizer: Tokenizer, articles: list[Article], model: GPT
) -> None:
    from gpt.checkpoint import Released
    from gpt.reader import Reader

    yardstick = Yardstick.build(tokenizer, articles, limit=18)
    calibration = yardstick.calibrate(model)
    reader = Reader(Released("m", model.eval(), tokenizer, calibration, {}))
    right = [(h.question.question, [h.question.context]) for h in yardstick.held_out]
    wrong = [(h.question.question, h.wrong[:1]) for h in yardstick.held_out]
    fooled = [(h.misled.question, [h.question.context]) for h in yardstick.held_out if h.misleading]
    asked = [*right, *wrong[::2], *fooled[1::2]]
    mean = float(np.mean([reading.answerable for reading in reader.read_batch(asked)]))
    assert mean == pytest.approx(len(right) / len(asked), abs=0.01)
    assert calibration["threshold"] == 0.5


def test_a_subject_that_is_nowhere_brings_passages_of_other_articles(
    tokenizer: Tokenizer, articles: list[Article]
) -> None:
    yardstick = Yardstick.build(tokenizer, articles, limit=18)
    titles = {p.context: a.title for a in articles for p in a.paragraphs}
    for held_out, elsewhere in zip(yardstick.held_out, yardstick._elsewhere(yardstick.held_out), strict=True):
        assert len(elsewhere) == len(set(elsewhere)) == N_PASSAGES
        assert held_out.question.title not in {titles[context] for context in elsewhere}
    alone = Yardstick.build(tokenizer, articles[:1], limit=3)
    assert alone._elsewhere(alone.held_out) == [()] * 3


def test_many_passages_leave_unanswered_what_is_near_what_is_elsewhere_and_what_misleads(
    tokenizer: Tokenizer, articles: list[Article], model: GPT, monkeypatch: pytest.MonkeyPatch
) -> None:
    yardstick = Yardstick.build(tokenizer, articles, limit=18)
    asked: list[list[tuple[str, ...]]] = []
    questions: list[list[str]] = []
    evidence = Yardstick._evidence

    def seen(self: Yardstick, model: GPT, its: Any, passages: Any, relevance: Any) -> list[tuple[float, ...]]:
        asked.append([tuple(p) for p in passages])
        questions.append([q.question for q in its])
        return evidence(self, model, its, passages, relevance)

    monkeypatch.setattr(Yardstick, "_evidence", seen)
    yardstick.calibrate(model)
    held = yardstick.held_out
    assert asked[-1][::4] == [h.wrong for h in held[::4]]
    assert asked[-1][1::4] == yardstick._elsewhere(held[1::4])
    misled = [i for i in range(len(held)) if i % 4 > 1]
    for h, question, passages in ((held[i], questions[-1][i], asked[-1][i]) for i in misled):
        assert question == (h.misleading or h.question.question)
        assert passages == ((h.question.context, *h.wrong[: N_PASSAGES - 1]) if h.misleading else h.wrong)
    assert any(held[i].misleading for i in misled)


def test_some_log_odds_hold_for_one_passage_and_others_for_as_many_as_are_retrieved() -> None:
    alone, many = LogOdds(2.0, 0.3, 0.7, 0.5), LogOdds(1.0, -0.1, 0.4, -3.0)
    terms = between(alone, many)
    for n, expected in ((1, alone), (N_PASSAGES, many)):
        assert terms["slope"] + terms["slope_log_passages"] * np.log(n) == pytest.approx(expected.slope, abs=1e-4)
        assert terms["spread"] + terms["spread_log_passages"] * np.log(n) == pytest.approx(expected.spread, abs=1e-4)
        assert terms["relevance"] + terms["relevance_log_passages"] * np.log(n) == pytest.approx(
            expected.relevance, abs=1e-4
        )
        assert terms["intercept"] + terms["log_passages"] * np.log(n) == pytest.approx(expected.intercept, abs=1e-4)
