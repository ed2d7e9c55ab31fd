"""Byte-level BPE: every text round-trips, tiktoken agrees with the slow definition, offsets point at the text."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.errors import TokenizerError
from gpt.tokenizer import SPECIALS, Tokenizer, train_tokenizer
from tests.gpt.conftest import sentences

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
TOKENIZER = train_tokenizer(sentences(300), vocab_size=320)


def slow_bpe(tokenizer: Tokenizer, text: str) -> list[int]:
    """The definition: split, then always merge the adjacent pair whose joined bytes were learnt first."""
    rank = {token: i for i, token in enumerate(tokenizer.ranks)}
    ids = []
    for part in regex.findall(tokenizer.pattern, text):
        tokens = [bytes([b]) for b in part.encode()]
        while True:
            pairs = [(rank[a + b], i) for i, (a, b) in enumerate(itertools.pairwise(tokens)) if a + b in rank]
            if not pairs:
                break
            _, i = min(pairs)
            tokens[i : i + 2] = [tokens[i] + tokens[i + 1]]
        ids += [rank[t] for t in tokens]
    return ids


@given(TEXT)
@settings(max_examples=60, deadline=None)
def test_every_text_round_trips(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@pytest.mark.parametrize("text", [*sentences(5, seed=7), "naïve — 2024\n\n  x = [1, 23, 456]\tOK'll don't", "你好 𝛼"])
def test_tiktoken_equals_the_slow_definition(text: str) -> None:
    assert TOKENIZER.encode(text) == slow_bpe(TOKENIZER, text)


@given(TEXT)
@settings(max_examples=60, deadline=None)
def test_the_slices_of_the_offsets_join_to_the_text(text: str) -> None:
    ids, offsets = TOKENIZER.encode_with_offsets(text)
    assert len(offsets) == len(ids) + 1
    assert "".join(text[a:b] for a, b in itertools.pairwise(offsets)) == text
    for i, (a, b) in zip(ids, itertools.pairwise(offsets), strict=True):
        raw = TOKENIZER.ranks[i]
        if raw.isascii():
            assert text[a:b] == raw.decode()


@given(TEXT)
@settings(max_examples=40, deadline=None)
def test_streaming_gives_the_text_in_whole_characters(text: str) -> None:
    pieces = list(TOKENIZER.stream(TOKENIZER.encode(text)))
    assert "".join(pieces) == text
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(pieces) or "\N{REPLACEMENT CHARACTER}" in text


def test_names_of_special_tokens_in_a_text_are_plain_text() -> None:
    ids = TOKENIZER.encode("<|answer|>")
    assert TOKENIZER.special_ids["<|answer|>"] not in ids
    assert TOKENIZER.decode(ids) == "<|answer|>"


def test_the_layout_is_bytes_then_merges_then_special_tokens() -> None:
    assert TOKENIZER.vocab_size == 320
    assert TOKENIZER.ranks[:256] == tuple(bytes([b]) for b in range(256))
    assert list(TOKENIZER.special_ids.values()) == list(range(320 - len(SPECIALS), 320))
    assert TOKENIZER.token_bytes[TOKENIZER.special_ids["<|end|>"]] == 0


def test_training_is_deterministic_and_merges_compress() -> None:
    assert train_tokenizer(sentences(300), vocab_size=320).fingerprint == TOKENIZER.fingerprint
    text = sentences(1)[0]
    assert len(TOKENIZER.encode(text)) < len(text.encode())


def test_a_saved_tokenizer_loads_equal(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "t.json")
    assert Tokenizer.load(tmp_path / "t.json") == TOKENIZER


def test_a_corpus_too_small_for_the_vocabulary_is_refused() -> None:
    with pytest.raises(TokenizerError, match="give more text or a smaller vocab_size"):
        train_tokenizer(["ab"], vocab_size=400)
    with pytest.raises(TokenizerError, match="below 272"):
        train_tokenizer(["ab"], vocab_size=100)


def test_a_missing_damaged_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="no tokenizer at"):
        Tokenizer.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(TokenizerError, match=r"bad\.json is not a tokenizer"):
        Tokenizer.load(tmp_path / "bad.json")
    (tmp_path / "old.json").write_text(json.dumps({"pattern": "x", "specials": ["<|a|>"], "tokens": []}))
    with pytest.raises(TokenizerError, match="another version"):
        Tokenizer.load(tmp_path / "old.json")
