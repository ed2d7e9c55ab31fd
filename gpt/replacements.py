"""Tokens that fit between their two neighbours and need not fit the rest: what rows are corrupted with (gpt/detection.py)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_DRAWN = 8  # of what followed the left neighbour somewhere, one of which is taken
_UNSEEN = 0.01  # how often a pair is taken to have occurred that did not


@dataclass(frozen=True)
class Replacements:
    """Pairs of neighbours in a text of n tokens, V of them different.

    followers (n - 1,): the tokens, ordered by the one before each; those after token t are
    followers[first[t]:first[t + 1]]. pairs (m,): every left * V + right that occurs, ascending; counts (m,): how often.
    frequency (V,): of each token, plus one.
    """

    followers: np.ndarray
    first: np.ndarray
    pairs: np.ndarray
    counts: np.ndarray
    frequency: np.ndarray

    @classmethod
    def build(cls, tokens: np.ndarray, vocab_size: int) -> Replacements:
        """From (n,) unsigned integers below `vocab_size`, which is at most 65,536; 5 s for 40 million."""
        left, right = tokens[:-1], tokens[1:]
        order = np.argsort(left, kind="stable")
        frequency = np.bincount(tokens, minlength=vocab_size)
        first = np.concatenate([[0], np.cumsum(np.bincount(left, minlength=vocab_size))])
        pairs, counts = np.unique(left.astype(np.uint32) * vocab_size + right, return_counts=True)
        return cls(right[order], first, pairs, counts, frequency + 1)

    @property
    def vocab_size(self) -> int:
        return len(self.frequency)

    def draw(self, left: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A token for each place between two neighbours (k,), int64: of N_DRAWN followers of the left one, by chance, one in
        proportion to how often the right one follows it, for its frequency. Where nothing ever followed the left
        neighbour, any token of the text."""
        begin, n = self.first[left], self.first[left + 1] - self.first[left]
        chance = rng.random((len(left), N_DRAWN))
        at = np.where(n[:, None] > 0, begin[:, None] + chance * n[:, None], chance * len(self.followers))
        drawn = self.followers[np.minimum(at.astype(np.int64), len(self.followers) - 1)].astype(np.int64)
        weight = (self.count(drawn, right[:, None]) + _UNSEEN) / self.frequency[drawn]
        total = np.cumsum(weight, axis=1)
        chosen = (total <= rng.random((len(left), 1)) * total[:, -1:]).sum(axis=1)
        return drawn[np.arange(len(left)), np.minimum(chosen, N_DRAWN - 1)]

    def count(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """How often the pair occurs; broadcasts."""
        wanted = (left.astype(np.int64) * self.vocab_size + right).astype(self.pairs.dtype)  # else pairs would be cast
        at = np.minimum(np.searchsorted(self.pairs, wanted), len(self.pairs) - 1)
        return np.where(self.pairs[at] == wanted, self.counts[at], 0)
