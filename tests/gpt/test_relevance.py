from __future__ import annotations

import numpy as np
import pytest
import torch

from gpt.calibrate import fit_relevance
from gpt.confidence import auroc, logistic_fit
from gpt.model import GPT
from gpt.reader import Reader
from gpt.relevance import Relevance
from gpt.squad import Article
from gpt.tokenizer import Tokenizer

C = 12


def made(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States, margins and labels: log-odds = 0.5 * (margin + 2 * (third channel - 1))."""
    rng = np.random.default_rng(seed)
    states = rng.normal(1.0, np.linspace(0.5, 4, C), (n, C)).astype(np.float32)
    margins = rng.normal(0, 3, n)
    log_odds = 0.5 * (margins + 2 * (states[:, 2] - 1))
    return states, margins, rng.random(n) < 1 / (1 + np.exp(-log_odds))


def test_the_head_finds_the_channel_that_tells_in_the_margins_nats() -> None:
    head = Relevance.fit(*made(20_000, 0))
    assert head is not None
    assert head.weight[2] == pytest.approx(2.0, abs=0.2)
    assert head.weight[torch.arange(C) != 2].abs().max() < 0.2
    states, margins, answers = made(4_000, 1)
    relevance = head(torch.from_numpy(states)).numpy()
    assert relevance == pytest.approx(2 * (states[:, 2] - 1), abs=1.5)
    assert auroc(margins + relevance, answers) > auroc(margins, answers) + 0.03


def test_a_head_on_few_examples_stays_small_where_there_is_nothing_to_find() -> None:
    states, margins, _ = made(200, 2)
    answers = np.random.default_rng(3).random(200) < 1 / (1 + np.exp(-margins))
    head, wild = Relevance.fit(states, margins, answers), logistic_fit(np.column_stack([states, margins]), answers)
    assert head is not None
    scale = states.std(axis=0)
    assert np.abs(head.weight.numpy() * scale).sum() < 0.95 * np.abs(wild[:C] / wild[C] * scale).sum()


def test_where_the_margin_tells_nothing_there_is_no_head() -> None:
    states, margins, answers = made(20_000, 4)
    assert Relevance.fit(states, np.random.default_rng(5).normal(size=20_000), answers) is None
    assert Relevance.fit(states, -margins, answers) is None


def test_a_ridge_draws_the_weights_it_is_given_to_zero_and_leaves_the_others() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3000, 2))
    y = rng.random(3000) < 1 / (1 + np.exp(-(x[:, 0] + x[:, 1] - 0.5)))
    plain, held = logistic_fit(x, y), logistic_fit(x, y, ridge=np.array([1e5, 0.0]))
    assert plain == pytest.approx([1, 1, -0.5], abs=0.2)
    assert abs(held[0]) < 0.02
    assert held[1] > 0.7
    loss = lambda w: np.logaddexp(0, -np.where(y, 1, -1) * (x @ w[:2] + w[2])).sum() + 3 * (w[:2] ** 2).sum() / 2  # noqa: E731
    best = logistic_fit(x, y, ridge=3.0)
    assert all(loss(best) <= loss(best + step) for step in np.eye(3) * 1e-3)
    assert all(loss(best) <= loss(best - step) for step in np.eye(3) * 1e-3)


def test_a_model_that_points_gets_a_head_from_labelled_articles(
    tokenizer: Tokenizer, articles: list[Article], model: GPT, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, str]] = []
    states = Reader.states

    def seen(self: Reader, asked: list[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
        read.extend(asked)
        found, _ = states(self, asked)
        right = np.array(
            [any(c == p.context and q in own(p) for a in articles for p in a.paragraphs) for q, c in asked]
        )
        return found, right * 2.0 + np.random.default_rng(0).normal(size=len(asked))

    def own(paragraph) -> set[str]:  # type: ignore[no-untyped-def]
        return {q.question for q in paragraph.questions}

    monkeypatch.setattr(Reader, "states", seen)
    head = fit_relevance(model, tokenizer, articles)
    assert isinstance(head, Relevance)
    assert head.weight.shape == (model.config.n_embd,)
    questions = {q.question for a in articles for p in a.paragraphs for q in p.questions}
    assert {question for question, _ in read} == questions
    assert len(read) > 1.5 * len(questions), "each question with its own paragraph and with wrong ones"
    assert fit_relevance(model, tokenizer, []) is None
