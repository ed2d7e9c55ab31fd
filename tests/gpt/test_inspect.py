"""The glass box: what it shows is what the reader computes, each number beside a slower way to it."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.checkpoint import Released
from gpt.errors import ConfigError, ContextTooLong
from gpt.inspect import attention_weights, inspect, looks, word_ranges
from gpt.model import Block, norm, rotary_table
from gpt.reader import Reader
from gpt.reading import PromptBatch, build_prompt, encode_piece, overlap, span_log_probs, whole_words
from gpt.tokenizer import Tokenizer
from tests.gpt.conftest import PASSAGE, QUESTION


def prompt_batch(released: Released, question: str = QUESTION, passage: str = PASSAGE) -> PromptBatch:
    pieces = [encode_piece(released.tokenizer, text) for text in (question, passage)]
    prompt = build_prompt(released.tokenizer, pieces[0], pieces[1:])
    return PromptBatch.pad([prompt], released.tokenizer.special_ids["<|pad|>"], len(prompt))


@torch.inference_mode()
def test_behind_the_last_layer_stands_what_the_model_says(released: Released) -> None:
    found, batch = inspect(released, QUESTION, PASSAGE), prompt_batch(released)
    model = released.model
    log_p = span_log_probs(model.span_logits(model(batch.ids, batch.marks, batch.mask)), batch.allowed)
    assert found.first[-1] == pytest.approx(log_p[0, :, 0].exp().tolist(), abs=1e-6)
    assert found.last[-1] == pytest.approx(log_p[0, :, 1].exp().tolist(), abs=1e-6)
    assert found.nothing == pytest.approx(found.first[-1][-1] * found.last[-1][-1], rel=1e-5)


@torch.inference_mode()
def test_an_earlier_layer_is_a_model_that_ends_there(released: Released) -> None:
    found, batch = inspect(released, QUESTION, PASSAGE), prompt_batch(released)
    model = released.model
    assert len(found.first) == len(found.last) == len(model.blocks) == 2
    model.blocks = model.blocks[:1]
    log_p = span_log_probs(model.span_logits(model(batch.ids, batch.marks, batch.mask)), batch.allowed)
    assert found.first[0] == pytest.approx(log_p[0, :, 0].exp().tolist(), abs=1e-6)
    assert found.first[0] != pytest.approx(found.first[1], abs=1e-3)


def test_its_spans_are_the_readers(released: Released) -> None:
    found, read = inspect(released, QUESTION, PASSAGE).spans, Reader(released).read(QUESTION, [PASSAGE]).spans
    piece, begin = encode_piece(released.tokenizer, PASSAGE), len(encode_piece(released.tokenizer, QUESTION)) + 2
    whole = [whole_words(PASSAGE, piece, span.first - begin, span.last - begin) for span in found]
    assert [(piece.offsets[a], piece.offsets[b + 1]) for a, b in whole] == [(span.start, span.end) for span in read]
    assert [span.margin for span in found] == pytest.approx([span.score for span in read], abs=1e-4)
    assert sum(span.probability for span in found) < 1


def test_a_sentence_that_asks_is_seen_and_not_pointed_at(released: Released) -> None:
    found = inspect(released, QUESTION, "Why does it matter? " + PASSAGE).spans
    assert found
    assert all(span.start >= len("Why does it matter?") for span in found)
    with pytest.raises(ConfigError, match="the passage only asks"):
        inspect(released, QUESTION, "Why does it matter?")


def test_the_tokens_are_the_prompt_with_its_marks(released: Released) -> None:
    found, batch = inspect(released, QUESTION, PASSAGE), prompt_batch(released)
    parts = {part: [t for t in found.tokens if t.part == part] for part in ("question", "passage", "sign")}
    assert "".join(t.text for t in parts["passage"]) == PASSAGE
    assert "".join(t.text for t in parts["question"]) == QUESTION * 2
    assert [t.text for t in parts["sign"]] == ["<|question|>", "<|passage|>", "<|question|>", "<|answer|>"]
    assert all(PASSAGE[t.start : t.end] == t.text for t in parts["passage"])
    names = ("no", "stop word", "stem", "word")
    assert [names.index(t.shared) for t in found.tokens] == [int(mark) % 4 for mark in batch.marks[0]]


@torch.inference_mode()
def margin_without(released: Released, question: str, passage: str, hidden: range) -> float:
    """The best span's margin with holes at these tokens of the prompt, read alone, its marks worked out anew."""
    tokenizer, model = released.tokenizer, released.model
    whole, batch = inspect(released, QUESTION, PASSAGE), prompt_batch(released)
    again = len(whole.tokens) - 1 - len(encode_piece(tokenizer, question)) - 1
    of_question = whole.tokens[hidden[0]].part == "question"
    places = [i + k for i in hidden for k in ((0, again) if of_question else (0,))]
    ids = batch.ids.clone()
    ids[0, places] = tokenizer.special_ids["<|mask|>"]
    asked, piece = encode_piece(tokenizer, question), encode_piece(tokenizer, passage)
    side, begin = (asked, 1) if of_question else (piece, 2 + len(asked))
    kept = np.ones(len(side), bool)
    kept[[i - begin for i in hidden]] = False
    bare = replace(side, words=side.words * kept, stems=side.stems * kept, stop=side.stop & kept)
    asked, piece = (bare, piece) if of_question else (asked, bare)
    marks = batch.marks.clone()
    marks[0, 1 : 1 + len(asked)] = torch.from_numpy(overlap(asked, [piece]))
    marks[0, again + 1 : again + 1 + len(asked)] = torch.from_numpy(overlap(asked, [piece]))
    marks[0, 2 + len(asked) : 2 + len(asked) + len(piece)] = 4 + torch.from_numpy(overlap(piece, [asked]))
    log_p = span_log_probs(model.span_logits(model(ids, marks, batch.mask)), batch.allowed)[0]
    best = whole.spans[0]
    return float(log_p[best.first, 0] + log_p[best.last, 1] - log_p[-1].sum())


def test_a_words_effect_is_what_the_margin_loses_when_it_is_hidden(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = inspect(released, QUESTION, PASSAGE)
    for word in whole.words[::3]:
        hidden = range(word.first, word.last + 1)
        alone = whole.spans[0].margin - margin_without(released, QUESTION, PASSAGE, hidden)
        assert word.effect == pytest.approx(alone, abs=1e-4)
    assert max(abs(word.effect) for word in whole.words) > 0.1
    monkeypatch.setattr("gpt.inspect.BATCH_TOKENS", 1)  # one at a time
    one_by_one = inspect(released, QUESTION, PASSAGE)
    assert [w.effect for w in one_by_one.words] == pytest.approx([w.effect for w in whole.words], abs=1e-4)


def test_every_word_of_both_sides_is_hidden_once(released: Released) -> None:
    found = inspect(released, QUESTION, PASSAGE)
    texts = ["".join(t.text for t in found.tokens[w.first : w.last + 1]).strip() for w in found.words]
    assert texts == [*QUESTION.split(), *PASSAGE.split()]


@settings(max_examples=50, deadline=None)
@given(text=st.text(alphabet="ab é𝛼.\n\u00a0", min_size=1, max_size=30))
def test_words_part_a_text_at_its_white_space(tokenizer: Tokenizer, text: str) -> None:
    piece = encode_piece(tokenizer, text)
    ranges = word_ranges(piece, text)
    assert [i for i, _ in ranges] == [0, *(j for _, j in ranges[:-1])]
    assert ranges[-1][1] == len(piece)
    words = [text[int(piece.offsets[i]) : int(piece.offsets[j])] for i, j in ranges]
    assert "".join(words) == text
    assert all(word[:1].isspace() for word in words[1:])


@torch.inference_mode()
def test_attention_weights_are_those_that_the_layer_mixes_with(released: Released) -> None:
    attention = cast(Block, released.model.blocks[0]).attention
    x = torch.randn(2, 7, released.model.config.n_embd)
    rotary = rotary_table(7, attention.head_dim, released.model.config.rope_base)
    weights = attention_weights(attention, norm(x), rotary)
    v = attention.qkv(norm(x)).view(2, 7, 3, -1, attention.head_dim)[:, :, 2].transpose(1, 2)
    mixed = attention.out((weights @ v).transpose(1, 2).reshape(2, 7, -1))
    all_seen = torch.ones(2, 1, 7, 7, dtype=torch.bool)
    torch.testing.assert_close(mixed, attention(norm(x), rotary, all_seen), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_looks_are_the_weights_of_each_layers_own_input(released: Released) -> None:
    batch, model = prompt_batch(released), released.model
    T = batch.ids.size(1)
    rotary = model.cos[:T], model.sin[:T]
    x = model.embedding(batch.ids) + model.mark_embedding(batch.marks)
    found = looks(released, QUESTION, PASSAGE, 5)
    assert found.token == 5
    for block, heads in zip(model.blocks, found.weights, strict=True):
        expected = attention_weights(cast(Block, block).attention, norm(x), rotary)[0, :, 5]
        torch.testing.assert_close(torch.tensor(heads), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.tensor(heads).sum(dim=1), torch.ones(len(heads)))
        x = block(x, rotary, batch.mask)


def test_it_changes_nothing_that_is_served(released: Released) -> None:
    before = Reader(released).read(QUESTION, [PASSAGE])
    inspect(released, QUESTION, PASSAGE)
    looks(released, QUESTION, PASSAGE, 0)
    assert Reader(released).read(QUESTION, [PASSAGE]) == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in released.model.modules())


@pytest.mark.parametrize(
    ("question", "passage", "token", "error", "complaint"),
    [
        (QUESTION, "", 0, ConfigError, "the passage is empty; give it words"),
        (QUESTION, "token " * 400, 0, ContextTooLong, "the model reads 256; shorten them"),
        (QUESTION, PASSAGE, 10_000, ConfigError, "token 10000 does not exist; this prompt has"),
        (QUESTION, PASSAGE, -1, ConfigError, "token -1 does not exist"),
    ],
)
def test_what_cannot_be_looked_at_is_told(
    released: Released, question: str, passage: str, token: int, error: type[Exception], complaint: str
) -> None:
    with pytest.raises(error, match=complaint):
        looks(released, question, passage, token)


def test_a_passage_of_one_character_in_several_tokens_has_a_span(released: Released) -> None:
    found = inspect(released, "what?", "𝛼")
    assert sum(t.part == "passage" for t in found.tokens) > 1
    assert all((span.start, span.end) == (0, 1) for span in found.spans)
    assert len(found.words) == 2
