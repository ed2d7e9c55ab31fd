"""Span decoding equals enumerating every span."""

from __future__ import annotations

import pytest
import torch

from gpt.span import best_spans, null_margin, somewhere


def enumerate_spans(log_p: torch.Tensor, passages: torch.Tensor, max_tokens: int) -> list[tuple[float, int, int]]:
    """Every span of a row, best first; log_p (T, 2), passages (T,)."""
    T = len(passages)
    spans = [
        (float(log_p[i, 0] + log_p[j, 1]), i, j)
        for i in range(T)
        for j in range(i, min(T, i + max_tokens))
        if passages[i] > 0 and passages[i] == passages[j]
    ]
    return sorted(spans, reverse=True)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_spans_are_the_best_of_all_spans(seed: int) -> None:
    torch.manual_seed(seed)
    log_p = torch.randn(2, 24, 2).log_softmax(1)
    passages = torch.tensor([[0] * 3 + [1] * 9 + [0] + [2] * 8 + [0] * 3, [0] * 20 + [1] * 2 + [0] * 2])
    found = best_spans(log_p, passages, n=3, max_tokens=5)
    for row in range(2):
        kept: list[tuple[float, int, int]] = []
        for score, i, j in enumerate_spans(log_p[row], passages[row], 5):
            if len(kept) < 3 and all(i > b or j < a for _, a, b in kept):
                kept.append((score, i, j))
        assert [(s.start, s.end) for s in found[row]] == [(i, j) for _, i, j in kept]
        assert [s.score for s in found[row]] == pytest.approx([score for score, *_ in kept], abs=1e-5)


def test_a_span_never_crosses_from_one_passage_into_the_next() -> None:
    log_p = torch.full((1, 6, 2), -9.0)
    log_p[0, 1, 0] = log_p[0, 4, 1] = 0.0
    passages = torch.tensor([[1, 1, 1, 2, 2, 2]])
    for span in best_spans(log_p, passages, n=4)[0]:
        assert passages[0, span.start] == passages[0, span.end]


def test_the_margin_compares_with_the_answer_token() -> None:
    log_p = torch.tensor([[-1.0, -2.0], [-0.5, -0.25]])
    assert null_margin(-1.5, log_p, 1) == pytest.approx(-0.75)


def test_somewhere_is_what_all_pairs_of_a_passages_tokens_have_together() -> None:
    torch.manual_seed(0)
    log_p = torch.randn(2, 7, 2).masked_fill(torch.arange(7)[None, :, None] == 5, float("-inf")).log_softmax(1)
    passages = torch.tensor([[0, 1, 1, 0, 1, 1, 0], [2, 2, 2, 0, 0, 0, 0]])
    pairs = [
        sum(
            float((log_p[row, i, 0] + log_p[row, j, 1]).exp())
            for i in range(7)
            for j in range(7)
            if passages[row, i] and passages[row, j]
        )
        for row in range(2)
    ]
    assert somewhere(log_p, passages).exp().tolist() == pytest.approx(pairs, abs=1e-6)
