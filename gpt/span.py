"""Decoding restricted to spans of the evidence: the model chooses where the answer begins and where it ends, and every
token between is the passage's own. Exact over all spans of at most `MAX_ANSWER_TOKENS` tokens, in one batched pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAX_ANSWER_TOKENS = 30


@dataclass(frozen=True)
class TokenSpan:
    """Tokens [start, end] of a row, both included; `score` = log P(first = start) + log P(last = end)."""

    row: int
    start: int
    end: int
    score: float


def best_spans(log_p: Tensor, passages: Tensor, n: int, max_tokens: int = MAX_ANSWER_TOKENS) -> list[list[TokenSpan]]:
    """The `n` best spans of each row, best first, none overlapping a better one.

    log_p (B, T, 2): log P of the first and last token; passages (B, T) int64: which passage a token belongs to, counted
    from 1, 0 for none. A span lies within one passage and has at most `max_tokens` tokens.
    """
    B, T, _ = log_p.shape
    # score[b, w, i]: the span [i, i + w]; one shifted sum a width instead of a (T, T) table a row
    starts, ends = log_p.unbind(-1)
    scores = torch.full((B, min(max_tokens, T), T), float("-inf"))
    for w in range(scores.size(1)):
        same = (passages[:, : T - w] == passages[:, w:]) & (passages[:, : T - w] > 0)
        total = starts[:, : T - w] + ends[:, w:]
        scores[:, w, : T - w] = total.masked_fill(~same, float("-inf"))
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
