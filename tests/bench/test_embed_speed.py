"""Texts a second of our embedder beside sentence-transformers as it comes, on the same texts in the same run.

The texts are made up: once of exactly 128 tokens each, once of English words, 20 to 250 tokens long. Time is told by the
clock and as processor time of all threads, which other programs disturb less.

    pytest -m bench tests/bench/test_embed_speed.py -s
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from indexer.embed import SentenceTransformerEmbedder, Vectors
from tests.bench.long_pdf import WORDS, sentences

N_TEXTS = 128
N_ROUNDS = 3  # of each in turn, the first one in turn too; the median counts
MARKS = 2  # [CLS] and [SEP], which are tokens of a text as well
GOAL = 4.0
Encode = Callable[[list[str]], Vectors]


@dataclass(frozen=True)
class Taken:
    """What encoding all the texts took, in seconds."""

    wall: float
    cpu: float


def texts_of_128_tokens(count: Callable[[str], int]) -> list[str]:
    rng, whole = random.Random(0), [word for word in WORDS if count(word) == 1]
    return [" ".join(rng.choices(whole, k=128 - MARKS)) for _ in range(N_TEXTS)]


def texts_of_20_to_250_tokens(count: Callable[[str], int]) -> list[str]:
    """Lengths spread evenly, in no order."""
    rng = random.Random(1)
    lengths = [20 + round(230 * n / max(1, N_TEXTS - 1)) for n in range(N_TEXTS)]
    rng.shuffle(lengths)
    return [_cut(" ".join(sentences(rng, 260)).split(), length - MARKS, count) for length in lengths]


def _cut(words: list[str], n_tokens: int, count: Callable[[str], int]) -> str:
    """As many of the words as have at most so many tokens."""
    while count(" ".join(words)) > n_tokens:
        words = words[: -max(1, (count(" ".join(words)) - n_tokens) // 2)]
    return " ".join(words)


KINDS = {"128 tokens": texts_of_128_tokens, "20 to 250 tokens": texts_of_20_to_250_tokens}


def timed(encode: Encode, texts: list[str]) -> tuple[Vectors, Taken]:
    """The vectors and the time."""
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = encode(texts)
    return vectors, Taken(time.perf_counter() - wall, time.process_time() - cpu)


@pytest.mark.bench
@pytest.mark.parametrize("kind", list(KINDS))
def test_our_embedder_is_faster_than_plain_encode_and_as_right(kind: str) -> None:
    from sentence_transformers import SentenceTransformer

    ours = SentenceTransformerEmbedder()
    plain = SentenceTransformer(str(ours._folder), device="cpu", local_files_only=True)
    encoders: dict[str, Encode] = {
        "plain": lambda batch: plain.encode(batch, normalize_embeddings=True),
        "ours": ours.encode,
    }
    texts = KINDS[kind](ours.count_tokens)
    lengths = [ours.count_tokens(text) + MARKS for text in texts]
    assert kind != "128 tokens" or set(lengths) == {128}
    taken: dict[str, list[Taken]] = {name: [] for name in encoders}
    vectors: dict[str, Vectors] = {}
    for encode in encoders.values():
        encode(texts[:8])  # warm-up
    for number in range(N_ROUNDS):
        for name, encode in list(encoders.items())[:: 1 if number % 2 == 0 else -1]:
            vectors[name], once = timed(encode, texts)
            taken[name].append(once)
    wall = {name: float(np.median([one.wall for one in each])) for name, each in taken.items()}
    cpu = {name: float(np.median([one.cpu for one in each])) for name, each in taken.items()}
    cosine = (vectors["ours"] * vectors["plain"]).sum(axis=1)
    mean = np.mean(lengths)
    print(f"\n{kind}: {len(texts)} texts of {min(lengths)} to {max(lengths)} tokens, {mean:.0f} in the mean")  # noqa: T201
    for name in encoders:
        rate, each_ms = len(texts) / wall[name], 1000 * cpu[name] / len(texts)
        print(f"  {name}: {rate:.1f} texts/s by the clock, {each_ms:.1f} ms of processor time a text")  # noqa: T201
    print(  # noqa: T201
        f"  ours over plain: {wall['plain'] / wall['ours']:.2f} times by the clock, {cpu['plain'] / cpu['ours']:.2f} by "
        f"processor time (goal {GOAL:g}); lowest cosine {cosine.min():.5f}"
    )
    assert cosine.min() >= 0.998
    assert wall["ours"] < wall["plain"]
