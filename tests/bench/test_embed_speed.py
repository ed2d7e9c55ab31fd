"""Texts a second of our embedder beside sentence-transformers as it comes, on the same texts in the same run.

The texts are made up: once of 128 tokens each, once with the lengths of chunks, half near the budget of 160 tokens and
half shorter.

    pytest -m bench tests/bench/test_embed_speed.py -s
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from indexer.embed import SentenceTransformerEmbedder

N_TEXTS = 128
N_ROUNDS = 2  # of each in turn, the best counts: other programs disturb
WORDS = (
    "the gradient of loss with respect to each weight flows back through layers attention keys values tokens".split()
)


def texts(kind: str) -> list[str]:
    rng = random.Random(0)
    if kind == "128 tokens":
        return [" ".join(rng.choices(WORDS, k=126)) for _ in range(N_TEXTS)]  # all words are tokens, two are marks
    lengths = [rng.randint(100, 160) if n % 2 else rng.randint(10, 100) for n in range(N_TEXTS)]
    return [" ".join(rng.choices(WORDS, k=length)) for length in lengths]


def timed(encode: Callable[[list[str]], np.ndarray], texts: list[str]) -> tuple[np.ndarray, float]:
    """The vectors and the texts a second."""
    started = time.perf_counter()
    vectors = encode(texts)
    return vectors, len(texts) / (time.perf_counter() - started)


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["128 tokens", "chunks"])
def test_our_embedder_is_faster_than_plain_encode_and_as_right(kind: str) -> None:
    from sentence_transformers import SentenceTransformer

    ours = SentenceTransformerEmbedder()
    plain = SentenceTransformer(str(ours._folder), device="cpu", local_files_only=True)
    encoders = {"plain": lambda batch: plain.encode(batch, normalize_embeddings=True), "ours": ours.encode}
    rates: dict[str, float] = {}
    vectors: dict[str, np.ndarray] = {}
    for encode in encoders.values():
        encode(texts(kind)[:8])  # warm-up
    for _ in range(N_ROUNDS):
        for name, encode in encoders.items():
            vectors[name], rate = timed(encode, texts(kind))
            rates[name] = max(rate, rates.get(name, 0))
    cosine = (vectors["ours"] * vectors["plain"]).sum(axis=1)
    print(  # noqa: T201
        f"\n{kind}: {rates['plain']:.1f} texts/s plain, {rates['ours']:.1f} ours, "
        f"{rates['ours'] / rates['plain']:.2f} times; lowest cosine {cosine.min():.5f}"
    )
    assert cosine.min() >= 0.998
    assert rates["ours"] > rates["plain"]
