"""Text files -> token stream -> rows to pretrain on. Every batch is a pure function of the seed and the step, so
resuming at a step needs no other state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import svds

from gpt.errors import DataError
from gpt.rows import corpus_rows
from gpt.tokenizer import Tokenizer

HELD_OUT_EVERY = 200  # one document in 200 is held out to report bits per byte on


def read_texts(paths: Sequence[Path], max_chars: int, fields: Sequence[str] = ("title", "text")) -> Iterator[str]:
    """Documents of JSON lines (plain or packed) or plain text files, an equal share of `max_chars` from each file.

    A JSON line becomes its `fields` that it has, a blank line between. Raises DataError naming file and line.
    """
    for path in paths:
        left = max_chars // len(paths)
        for text in _documents(path, fields):
            if left <= 0:
                break
            left -= len(text)
            yield text


def _documents(path: Path, fields: Sequence[str]) -> Iterator[str]:
    if path.is_file() and ".jsonl" not in path.name:
        yield path.read_text(encoding="utf-8")
        return
    for row in corpus_rows(path, "text"):
        try:
            yield "\n\n".join(row.values[f] for f in fields if row.values.get(f))
        except TypeError as error:
            raise DataError(f"{row.place} holds no text in its fields {list(fields)}: {error}") from error


@dataclass(frozen=True)
class TokenStream:
    """Documents as ids, each ended by <|end|>; `held_out` documents are in `validation` alone."""

    train: np.ndarray  # (n,) uint16
    validation: np.ndarray  # (m,) uint16

    @classmethod
    def build(cls, tokenizer: Tokenizer, texts: Iterator[str]) -> TokenStream:
        end = tokenizer.special_ids["<|end|>"]
        parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        batch: list[str] = []

        def flush(first: int) -> None:
            for i, ids in enumerate(tokenizer.encode_batch(batch), first):
                held = i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
                parts[held].append(np.array([*ids, end], dtype=np.uint16))

        done = 0
        for text in texts:
            batch.append(text)
            if len(batch) == 512:
                flush(done)
                done, batch = done + len(batch), []
        flush(done)
        if not parts[0]:
            raise DataError("the corpus holds no documents; give it text")
        empty = np.zeros(0, np.uint16)
        return cls(np.concatenate(parts[0]), np.concatenate(parts[1]) if parts[1] else empty)


@dataclass(frozen=True)
class RowBatch:
    """Rows to predict: inputs and targets (B, T) int64, -1 where no loss is taken; prefix (B,) as in attention_mask."""

    inputs: np.ndarray
    targets: np.ndarray
    prefix: np.ndarray


@dataclass(frozen=True)
class Rows:
    """A token stream cut into rows; each epoch cuts at another offset and visits the rows in another order."""

    tokens: np.ndarray
    row_tokens: int
    rows_per_batch: int
    prefix_fraction: float
    seed: int

    def __post_init__(self) -> None:
        if self.batches_per_epoch < 1:
            need = (self.rows_per_batch + 1) * self.row_tokens + 1
            raise DataError(f"the corpus has {len(self.tokens)} tokens, one step needs {need}; give more text")

    @property
    def batches_per_epoch(self) -> int:
        return ((len(self.tokens) - 1) // self.row_tokens - 1) // self.rows_per_batch

    def batch(self, step: int) -> RowBatch:
        """The batch of that step, the same at every call."""
        epoch, index = divmod(step, self.batches_per_epoch)
        rng = np.random.default_rng((self.seed, epoch))
        offset = int(rng.integers(self.row_tokens))
        order = rng.permutation((len(self.tokens) - 1 - offset) // self.row_tokens)
        rows = order[index * self.rows_per_batch : (index + 1) * self.rows_per_batch]
        at = offset + rows[:, None] * self.row_tokens + np.arange(self.row_tokens + 1)
        ids = self.tokens[at].astype(np.int64)  # (B, T + 1)
        rng = np.random.default_rng((self.seed, epoch, index))
        n, T = len(rows), self.row_tokens
        prefix = rng.integers(T // 8, 3 * T // 4, n) * (rng.random(n) < self.prefix_fraction)
        targets = np.where(np.arange(T) >= prefix[:, None] - 1, ids[:, 1:], -1)
        return RowBatch(ids[:, :-1], targets, prefix)


def ppmi_svd(tokens: np.ndarray, vocab_size: int, dim: int, window: int = 5) -> np.ndarray:
    """Token vectors (vocab_size, dim) of unit variance from corpus statistics: truncated SVD of the positive pointwise
    mutual information of tokens at most `window` apart, weighted 1/distance, contexts smoothed by 0.75.

    Source: Levy, Goldberg & Dagan 2015. Measured on reading: F1 40.8 against 31.5 at equal time (docs/log.md).
    """
    counts = sp.csr_matrix((vocab_size, vocab_size), dtype=np.float32)
    ids = tokens.astype(np.int32)
    for d in range(1, window + 1):
        weight = np.full(len(ids) - d, 1.0 / d, np.float32)
        counts = counts + sp.coo_matrix((weight, (ids[:-d], ids[d:])), shape=(vocab_size, vocab_size)).tocsr()
    counts = (counts + counts.T).tocoo()
    total = np.asarray(counts.sum(axis=1)).ravel() + 1e-6
    context = total**0.75 / (total**0.75).sum()
    pmi = np.log(counts.data / (total[counts.row] * context[counts.col]))
    keep = pmi > 0
    ppmi = sp.csr_matrix((pmi[keep], (counts.row[keep], counts.col[keep])), shape=(vocab_size, vocab_size))
    start = np.random.default_rng(0).standard_normal(vocab_size)  # fixed: svds draws its own otherwise
    u, s, _ = svds(ppmi.astype(np.float64), k=min(dim, vocab_size - 2), v0=start)
    vectors = np.zeros((vocab_size, dim), np.float32)
    vectors[:, : len(s)] = u * np.sqrt(s)
    return vectors / vectors.std()
