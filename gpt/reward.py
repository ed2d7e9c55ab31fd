"""What an answer is worth: the words it shares with the right one, the right passage, the right abstention.

The reward of every span of a prompt is a table, not a call a span: a span's words are the end of one chunk of the text
(what stands between white space), whole chunks, and the beginning of another, and words are counted by running sums.
The official normalisation (gpt/metrics.py) treats each chunk alone, so the table is exact.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gpt.config import ReinforceConfig
from gpt.metrics import normalize
from gpt.reading import PromptBatch
from gpt.span import MAX_ANSWER_TOKENS
from gpt.tokenizer import Tokenizer

_CHUNK = re.compile(r"\S+")


def span_f1(
    text: str, offsets: Sequence[int] | np.ndarray, gold: str, max_tokens: int = MAX_ANSWER_TOKENS
) -> np.ndarray:
    """(W, n): at [w, i] the official F1 of tokens [i, i + w] against `gold`, 0 past the end; W = min(max_tokens, n).

    Token i covers text[offsets[i]:offsets[i + 1]], offsets (n + 1,).
    """
    wanted = collections.Counter(normalize(gold).split())
    at = np.asarray(offsets)
    begin, end = (np.array(side, np.int64) for side in _chunks(text))
    first = np.searchsorted(end, at[:-1], side="right")  # chunk in which a span's words begin, by first token
    last = np.searchsorted(begin, at[1:], side="left") - 1  # chunk in which they end, by last token
    has = (first < len(end), last >= 0)
    tail = [text[max(a, begin[c]) : end[c]] if h else "" for a, c, h in zip(at[:-1], first, has[0], strict=True)]
    head = [text[begin[c] : min(b, end[c])] if h else "" for b, c, h in zip(at[1:], last, has[1], strict=True)]
    whole = _count([text[a:b] for a, b in zip(begin, end, strict=True)], wanted)
    tails, heads = _count(tail, wanted), _count(head, wanted)
    running = np.concatenate([np.zeros((1, len(wanted) + 1), np.int64), whole.cumsum(axis=0)])

    i = np.arange(len(first))[None, :]
    j = i + np.arange(min(max_tokens, len(first)))[:, None]
    there, j = j < len(first), np.minimum(j, len(first) - 1)
    f, g = np.minimum(first[i], len(end) - 1), last[j]
    counts = np.where((f < g)[..., None], tails[i] + running[g] - running[f + 1] + heads[j], 0)  # (W, n, words + 1)
    within = np.argwhere(there & (first[i] == g))
    inside = [text[max(at[k], begin[first[k]]) : min(at[k + w + 1], end[first[k]])] for w, k in within]
    counts[within[:, 0], within[:, 1]] = _count(inside, wanted)
    return np.where(there, _f1(counts, np.array([*wanted.values()], np.int64)), 0.0)


def _chunks(text: str) -> tuple[list[int], list[int]]:
    found = [m.span() for m in _CHUNK.finditer(text)]
    return [a for a, _ in found], [b for _, b in found]


@functools.lru_cache(maxsize=1 << 16)
def _words(fragment: str) -> tuple[str, ...]:
    return tuple(normalize(fragment).split())


def _count(fragments: Sequence[str], wanted: collections.Counter[str]) -> np.ndarray:
    """(len(fragments), len(wanted) + 1): how often each wanted word stands in a fragment, and all its words."""
    column = {word: k for k, word in enumerate(wanted)}
    counts = np.zeros((len(fragments), len(wanted) + 1), np.int64)
    for row, fragment in enumerate(fragments):
        words = _words(fragment)
        counts[row, -1] = len(words)
        for word in words:
            if word in column:
                counts[row, column[word]] += 1
    return counts


def _f1(counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """F1 of counts (..., words + 1) as `_count` makes them; if a side is empty, whether both are."""
    n_words, n_wanted = counts[..., -1], int(wanted.sum())
    if not n_wanted:
        return (n_words == 0).astype(float)
    return 2 * np.minimum(counts[..., :-1], wanted).sum(axis=-1) / (n_words + n_wanted)


def passages_of(batch: PromptBatch, passage_id: int) -> Tensor:
    """(B, T) int64: which passage of its prompt a token belongs to, counted from 1; 0 for none."""
    rows = torch.arange(len(batch.ids), device=batch.ids.device)
    inside = batch.allowed.clone()
    inside[rows, batch.answer_at] = False
    return (batch.ids == passage_id).cumsum(dim=1) * inside


def rewards(
    tokenizer: Tokenizer, batch: PromptBatch, passages: Tensor, target: Tensor, config: ReinforceConfig
) -> Tensor:
    """(B, W * T + 1) float32 on CPU: what each span as `span_scores` lays them out is worth, and last what declining is.

    passages (B, T) as `passages_of` makes it; target (B, 2) positions of the right answer's first and last token,
    <|answer|> when nothing answers. The right words are those of the target's tokens.
    """
    B, T = batch.ids.shape
    W = min(MAX_ANSWER_TOKENS, T)
    table = np.zeros((B, W, T), np.float32)
    decline = np.zeros((B, 1), np.float32)
    ids, which = batch.ids.cpu().numpy(), passages.cpu().numpy()
    for row, (start, end) in enumerate(target.tolist()):
        if not which[row, start]:
            table[row], decline[row] = -config.wrong_answer, config.abstention
            continue
        gold = _text(tokenizer, ids[row, start : end + 1])[0]
        for k in set(which[row].tolist()) - {0}:
            at = np.flatnonzero(which[row] == k)
            f1 = span_f1(*_text(tokenizer, ids[row, at]), gold)
            cited = config.citation * (k == which[row, start] and which[row].max() > 1)
            table[row, : len(f1), at[0] : at[0] + len(at)] = (
                f1 * (1 + config.wrong_answer) - config.wrong_answer + cited
            )
    return torch.from_numpy(np.concatenate([table.reshape(B, W * T), decline], axis=1))


def _text(tokenizer: Tokenizer, ids: np.ndarray) -> tuple[str, np.ndarray]:
    """The text of a run of tokens and its offsets (n + 1,), as `encode_with_offsets` counts them. A character cut off at
    either end is left out."""
    raw = tokenizer.encoding.decode_bytes(ids.tolist())
    ends = np.concatenate([[0], np.cumsum(tokenizer.token_bytes[ids])])
    continues = (np.frombuffer(raw, dtype=np.uint8) & 0xC0) == 0x80
    before = np.concatenate([[0], np.cumsum(~continues)])  # characters begun before each byte
    return raw.decode("utf-8", "ignore"), before[ends] - np.concatenate([continues, [False]])[ends]
