"""Texts that were turned into tokens once are the same tokens when they are read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpt import prepared
from gpt.config import recipe
from gpt.data import TokenStream
from gpt.errors import DataError
from gpt.prepared import Prepared, fingerprint, load_prepared, save_prepared
from gpt.tokenizer import Tokenizer


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    monkeypatch.setattr(prepared, "SHARD_TOKENS", 1000)
    rng = np.random.default_rng(0)
    stream = TokenStream(rng.integers(0, 8192, 3500).astype(np.uint16), np.arange(70, dtype=np.uint16))
    return Prepared(stream, rng.standard_normal((320, 16)).astype(np.float32))


def test_tokens_come_back_as_they_were_and_vectors_to_half_precision(made: Prepared, tmp_path: Path) -> None:
    save_prepared(tmp_path, made, "these texts")
    found = load_prepared(tmp_path, "these texts")
    assert found is not None
    assert found.stream.train.dtype == np.uint16
    assert np.array_equal(found.stream.train, made.stream.train)
    assert np.array_equal(found.stream.validation, made.stream.validation)
    assert np.allclose(found.vectors, made.vectors, atol=2e-3)
    assert len(list(tmp_path.glob("train-*.xz"))) == 4


def test_what_was_made_of_other_texts_is_not_taken(made: Prepared, tmp_path: Path) -> None:
    assert load_prepared(tmp_path, "these texts") is None
    save_prepared(tmp_path, made, "these texts")
    assert load_prepared(tmp_path, "other texts") is None


def test_no_held_out_document_is_no_error(made: Prepared, tmp_path: Path) -> None:
    save_prepared(tmp_path, replace(made, stream=TokenStream(made.stream.train, np.zeros(0, np.uint16))), "x")
    found = load_prepared(tmp_path, "x")
    assert found is not None
    assert len(found.stream.validation) == 0


def test_damage_is_named(made: Prepared, tmp_path: Path) -> None:
    save_prepared(tmp_path, made, "x")
    (tmp_path / "train-002.xz").write_bytes(b"not it")
    with pytest.raises(DataError, match=r"train-002\.xz is missing or damaged"):
        load_prepared(tmp_path, "x")
    (tmp_path / "train-002.xz").unlink()
    with pytest.raises(DataError, match=r"train-002\.xz is missing"):
        load_prepared(tmp_path, "x")


def test_the_fingerprint_tells_texts_tokenizer_and_width_apart(tokenizer: Tokenizer) -> None:
    tiny = recipe("tiny")
    others = [
        replace(tiny, pretrain_chars=1),
        replace(tiny, text_files=("a.jsonl",)),
        replace(tiny, model=replace(tiny.model, aspect=64)),
    ]
    prints = {fingerprint(r, tokenizer) for r in (tiny, *others)}
    assert len(prints) == 4
    assert fingerprint(replace(tiny, reading=replace(tiny.reading, steps=3)), tokenizer) in prints
