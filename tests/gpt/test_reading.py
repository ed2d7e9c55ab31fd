"""Prompts and marks: every token of a passage knows its words, and overlap is what a reader would underline."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.reading import (
    OVERHEAD_TOKENS,
    PASSAGE_ROLE,
    PromptBatch,
    build_prompt,
    encode_piece,
    overlap,
    span_log_probs,
    stem,
)
from tests.gpt.test_tokenizer import TOKENIZER

WORDS = st.lists(
    st.sampled_from(["Model", "models", "the", "The", "über", "attends", "attending", "—", "42"]), max_size=12
)


def test_shared_words_stems_and_stop_words_are_told_apart() -> None:
    text, other = "model, the gradients of it", "The model gradient"
    piece = encode_piece(TOKENIZER, text)
    marks = overlap(piece, [encode_piece(TOKENIZER, other)])
    by_word = {}
    for word in ("model", ",", "the", "gradients", "of", "it"):
        at = text.index(word)
        inside = [
            int(m)
            for a, b, m in zip(piece.offsets[:-1], piece.offsets[1:], marks, strict=True)
            if a < at + len(word) and b > at
        ]
        by_word[word] = inside[-1]
    assert by_word == {"model": 3, ",": 0, "the": 1, "gradients": 2, "of": 0, "it": 0}


@given(WORDS, WORDS)
@settings(max_examples=50, deadline=None)
def test_overlap_equals_a_word_by_word_twin(text_words: list[str], other_words: list[str]) -> None:
    from gpt.reading import STOP_WORDS

    text, other = " ".join(text_words), " ".join(other_words)
    piece = encode_piece(TOKENIZER, text)
    marks = overlap(piece, [encode_piece(TOKENIZER, other)])
    theirs = {w.lower() for w in other_words if w != "—"}
    stems = {stem(w) for w in theirs - STOP_WORDS}
    spans, at = [], 0
    for word in text_words:
        spans.append((at, at + len(word), word.lower()))
        at += len(word) + 1
    for a, b, mark in zip(piece.offsets[:-1], piece.offsets[1:], marks, strict=True):
        word = next((w for s, e, w in spans if w != "—" and e > a and s < b), None)
        if word is None:
            expected = 0
        elif word in STOP_WORDS:
            expected = int(word in theirs)
        else:
            expected = 3 if word in theirs else 2 if stem(word) in stems else 0
        assert mark == expected, (text, text[a:b])


def test_the_prompt_holds_question_passages_question_and_the_answer_token() -> None:
    question, passages = (
        encode_piece(TOKENIZER, "which model?"),
        [encode_piece(TOKENIZER, t) for t in ("a model", "the key")],
    )
    prompt = build_prompt(TOKENIZER, question, passages)
    special = TOKENIZER.special_ids
    q, p, a = (special[n] for n in ("<|question|>", "<|passage|>", "<|answer|>"))
    expected = [q, *question.ids, p, *passages[0].ids, p, *passages[1].ids, q, *question.ids, a]
    assert prompt.ids.tolist() == expected
    assert len(prompt) == 2 * len(question) + OVERHEAD_TOKENS + sum(len(p) + 1 for p in passages)
    for start, length, passage in zip(prompt.starts, prompt.lengths, passages, strict=True):
        assert prompt.ids[start : start + length].tolist() == passage.ids.tolist()
        assert (prompt.marks[start : start + length] >= PASSAGE_ROLE).all()
    outside = np.ones(len(prompt), bool)
    for start, length in zip(prompt.starts, prompt.lengths, strict=True):
        outside[start - 1 : start + length] = False
    assert (prompt.marks[outside] < PASSAGE_ROLE).all()


def test_only_passage_tokens_and_the_answer_token_may_be_pointed_at() -> None:
    question = encode_piece(TOKENIZER, "which?")
    prompts = [
        build_prompt(TOKENIZER, question, [encode_piece(TOKENIZER, t)]) for t in ("a model", "a much longer passage")
    ]
    batch = PromptBatch.pad(prompts, TOKENIZER.special_ids["<|pad|>"])
    log_p = span_log_probs(torch.randn(*batch.ids.shape, 2), batch.allowed)
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(2, 2))
    for row, prompt in enumerate(prompts):
        allowed = set(range(prompt.starts[0], prompt.starts[0] + prompt.lengths[0])) | {len(prompt) - 1}
        assert set(torch.nonzero(batch.allowed[row]).flatten().tolist()) == allowed
        assert int(batch.answer_at[row]) == len(prompt) - 1
        assert set(torch.nonzero(batch.passage_tokens[row]).flatten().tolist()) == allowed - {len(prompt) - 1}
    assert batch.ids.shape[1] % 16 == 0


def test_cutting_a_piece_keeps_its_place_in_the_text() -> None:
    text = "The model attends to the key and the value."
    piece = encode_piece(TOKENIZER, text)
    part = piece.cut(3, 7)
    assert text[part.offsets[0] : part.offsets[-1]] == TOKENIZER.decode(piece.ids[3:7])
