"""Corpora are read in shares, documents are held out, rows tile the stream, and the SVD finds known company."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from gpt.data import HELD_OUT_EVERY, Rows, TokenStream, ppmi_svd, read_texts
from gpt.errors import DataError
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import sentences


def test_each_file_gives_an_equal_share(tmp_path: Path) -> None:
    plain, packed, text = tmp_path / "a.jsonl", tmp_path / "b.jsonl.xz", tmp_path / "c.txt"
    plain.write_text("\n".join(json.dumps({"title": "T", "text": "x" * 9}) for _ in range(100)))
    with lzma.open(packed, "wt") as lines:
        lines.write("\n".join(json.dumps({"text": "y" * 12}) for _ in range(100)))
    text.write_text("z" * 12)
    found = list(read_texts([plain, packed, text], max_chars=360))
    assert found == ["T\n\n" + "x" * 9] * 10 + ["y" * 12] * 10 + ["z" * 12]


def test_a_broken_line_or_missing_file_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a"}\n{"text": 3}\n')
    with pytest.raises(DataError, match=r"bad\.jsonl:2"):
        list(read_texts([bad], 100))
    with pytest.raises(DataError, match=r"no text file at .*none\.jsonl"):
        list(read_texts([tmp_path / "none.jsonl"], 100))


def test_documents_end_with_the_end_token_and_some_are_held_out(tokenizer: Tokenizer) -> None:
    texts = sentences(2 * HELD_OUT_EVERY + 5)
    stream = TokenStream.build(tokenizer, iter(texts))
    end = tokenizer.special_ids["<|end|>"]
    assert (stream.validation == end).sum() == 2
    assert (stream.train == end).sum() == len(texts) - 2
    assert tokenizer.decode(stream.train[: np.argmax(stream.train == end)]) == texts[0]
    held = stream.validation[: np.argmax(stream.validation == end)]
    assert tokenizer.decode(held) == texts[HELD_OUT_EVERY - 1]


def test_an_empty_corpus_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(DataError, match="no documents"):
        TokenStream.build(tokenizer, iter([]))


def test_a_batch_is_a_pure_function_of_its_step_and_an_epoch_repeats_no_row() -> None:
    rows = Rows(np.arange(1000, dtype=np.uint16), row_tokens=10, rows_per_batch=4, prefix_fraction=0.5, seed=3)
    batches = [rows.batch(step) for step in range(rows.batches_per_epoch)]
    again = rows.batch(5)
    np.testing.assert_array_equal(again.inputs, batches[5].inputs)
    np.testing.assert_array_equal(again.prefix, batches[5].prefix)
    first = np.concatenate([b.inputs[:, 0] for b in batches])
    assert len(set(first.tolist())) == len(first)
    assert set((first - first.min()) % 10) == {0}
    other = rows.batch(rows.batches_per_epoch)
    assert not np.array_equal(np.sort(other.inputs[:, 0]), np.sort(batches[0].inputs[:, 0]))


def test_targets_are_the_next_token_and_none_lies_inside_the_prefix() -> None:
    batch = Rows(np.arange(1000, dtype=np.uint16), 16, 8, prefix_fraction=0.6, seed=0).batch(0)
    assert (batch.prefix > 0).any()
    assert (batch.prefix == 0).any()
    for inputs, targets, prefix in zip(batch.inputs, batch.targets, batch.prefix, strict=True):
        for t in range(16):
            assert targets[t] == (inputs[t] + 1 if t >= prefix - 1 else -1)


def test_a_corpus_shorter_than_a_step_is_refused() -> None:
    with pytest.raises(DataError, match="one step needs"):
        Rows(np.zeros(30, np.uint16), row_tokens=10, rows_per_batch=4, prefix_fraction=0, seed=0)


def test_tokens_that_keep_the_same_company_get_similar_vectors() -> None:
    rng = np.random.default_rng(0)
    # tokens 0 and 1 stand between 10 and 11; 2 and 3 between 20 and 21
    sets = {0: (10, 11), 1: (10, 11), 2: (20, 21), 3: (20, 21)}
    stream = [t for x in rng.integers(0, 4, 3000) for t in (sets[int(x)][0], int(x), sets[int(x)][1])]
    vectors = ppmi_svd(np.array(stream, dtype=np.uint16), vocab_size=24, dim=4, window=1)
    unit = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
    assert unit[0] @ unit[1] > 0.95
    assert unit[2] @ unit[3] > 0.95
    assert unit[0] @ unit[2] < 0.5
    assert vectors.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(vectors, ppmi_svd(np.array(stream, dtype=np.uint16), 24, 4, window=1))
