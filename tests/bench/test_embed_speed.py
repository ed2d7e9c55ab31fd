"""Texts a second of our embedder beside sentence-transformers as it comes, on the same texts in the same run.

The texts are made up, with the lengths of chunks: half near the budget of 160 tokens, half shorter.

    pytest -m bench tests/bench/test_embed_speed.py -s
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from indexer.embed import SentenceTransformerEmbedder

N_TEXTS = 192
WORDS = (
    "the gradient of loss with respect to each weight flows back through layers attention keys values tokens".split()
)


def texts() -> list[str]:
    rng = random.Random(0)
    lengths = [rng.randint(100, 160) if n % 2 else rng.randint(10, 100) for n in range(N_TEXTS)]
    return [" ".join(rng.choices(WORDS, k=length)) for length in lengths]


def timed(encode: Callable[[list[str]], np.ndarray]) -> tuple[np.ndarray, float]:
    """The vectors and the texts a second, after a warm-up."""
    encode(texts()[:8])
    started = time.perf_counter()
    vectors = encode(texts())
    return vectors, N_TEXTS / (time.perf_counter() - started)


@pytest.mark.bench
def test_our_embedder_is_faster_than_plain_encode_and_as_right() -> None:
    from sentence_transformers import SentenceTransformer

    ours = SentenceTransformerEmbedder()
    plain = SentenceTransformer(str(ours._folder), device="cpu", local_files_only=True)
    expected, plain_rate = timed(lambda batch: plain.encode(batch, normalize_embeddings=True))
    vectors, our_rate = timed(lambda batch: ours.encode(batch))
    cosine = (vectors * expected).sum(axis=1)
    print(f"\ntexts/s: {plain_rate:.1f} plain, {our_rate:.1f} ours; lowest cosine {cosine.min():.5f}")  # noqa: T201
    assert cosine.min() >= 0.998
    assert our_rate > plain_rate
