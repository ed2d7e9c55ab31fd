"""Decoding restricted to spans of the evidence: the model chooses where the answer begins and where it ends, and every
token between is the passage's own. Exact over all spans of at most `MAX_ANSWER_TOKENS` tokens, in one batched pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

MAX_ANSWER_TOKENS = 30


@dataclass(frozen=True)
class TokenSpan:
    """Tokens [start, end] of a row, both included; `score` = log P(first = start) + log P(last = end)."""

    row: int
    start: int
    end: int
    score: float


def span_scores(ends: Tensor, passages: Tensor, max_tokens: int = MAX_ANSWER_TOKENS) -> Tensor:
    """(B, W, T): at [b, w, i] the sum ends[b, i, 0] + ends[b, i + w, 1] of the span [i, i + w], -inf where it leaves
    its passage; W = min(max_tokens, T). Differentiable.

    ends (B, T, 2): a score of a first and of a last token; passages (B, T) int64: which passage a token belongs to,
    counted from 1, 0 for none.
    """
    W = min(max_tokens, ends.size(1))
    # [b, i, w] is the value at i + w: windows of a padded row instead of a (T, T) table
    last = F.pad(ends[..., 1], (0, W - 1)).unfold(1, W, 1)
    passage = F.pad(passages, (0, W - 1)).unfold(1, W, 1)
    inside = (passage == passages[..., None]) & (passages[..., None] > 0)
    return (ends[..., :1] + last).masked_fill(~inside, float("-inf")).transpose(1, 2)


def best_spans(log_p: Tensor, passages: Tensor, n: int, max_tokens: int = MAX_ANSWER_TOKENS) -> list[list[TokenSpan]]:
    """The `n` best spans of each row, best first, none overlapping a better one.

    log_p (B, T, 2): log P of the first and last token; passages (B, T) int64: which passage a token belongs to, counted
    from 1, 0 for none. A span lies within one passage and has at most `max_tokens` tokens.
    """
    B, T, _ = log_p.shape
    scores = span_scores(log_p, passages, max_tokens)
    k = min(scores[0].numel(), n * max_tokens * 4)  # enough that n stay after dropping overlaps, nearly always
    values, flat = scores.flatten(1).topk(k, dim=1)
    return [_distinct(row, values[row].tolist(), flat[row].tolist(), T, n) for row in range(B)]


def _distinct(row: int, values: list[float], flat: list[int], T: int, n: int) -> list[TokenSpan]:
    kept: list[TokenSpan] = []
    for value, index in zip(values, flat, strict=True):
        if value == float("-inf") or len(kept) == n:
            break
        width, start = divmod(index, T)
        if all(start > other.end or start + width < other.start for other in kept):
            kept.append(TokenSpan(row, start, start + width, value))
    return kept


def null_margin(best: float, log_p: Tensor, answer_at: int) -> float:
    """How much better the best span of a row is than "not in the passages", in nats; log_p (T, 2)."""
    return best - float(log_p[answer_at].sum())


def somewhere(log_p: Tensor, passages: Tensor) -> Tensor:
    """(B,): log P(first token) + log P(last token) of each row, each anywhere in the passages; arguments as `best_spans` takes
    them. How far the best span is below it tells how many places could answer."""
    return log_p.masked_fill(passages[..., None] == 0, float("-inf")).logsumexp(1).sum(1)
