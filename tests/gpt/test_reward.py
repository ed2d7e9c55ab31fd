"""The table of rewards equals scoring every span on its own with the official F1."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt.config import ReinforceConfig
from gpt.metrics import token_f1
from gpt.reading import PromptBatch, build_prompt, encode_piece
from gpt.reward import passages_of, rewards, span_f1
from gpt.tokenizer import Tokenizer

CONFIG = ReinforceConfig(steps=1, citation=0.1, abstention=0.7, wrong_answer=0.25)
WORDS = st.sampled_from(
    ["the", "A", "an", "cat", "cats", "U.S.", "well-known", "naïve", "—the—", "$5", "...", "Straße", "cat"]
)
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "  ", "", "\n", "\u00a0"])), max_size=9).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


@settings(max_examples=120, deadline=None)
@given(text=TEXTS, gold=TEXTS, cuts=st.sets(st.integers(1, 60)), max_tokens=st.integers(1, 12))
def test_every_span_has_the_official_f1(text: str, gold: str, cuts: set[int], max_tokens: int) -> None:
    offsets = [0, *sorted(c for c in cuts if c < len(text)), len(text)]
    table = span_f1(text, offsets, gold, max_tokens)
    n = len(offsets) - 1
    assert table.shape == (min(max_tokens, n), n)
    for w, row in enumerate(table):
        for i, value in enumerate(row):
            slow = token_f1(text[offsets[i] : offsets[i + w + 1]], [gold]) if i + w < n else 0.0
            assert value == pytest.approx(slow), (text, offsets, i, w)


def asked(tokenizer: Tokenizer, passages: list[str], answers: list[str]) -> tuple[PromptBatch, torch.Tensor]:
    """One row an answer: where its first token begins in the prompt of all passages; "" stands for none."""
    question = encode_piece(tokenizer, "Who is the keeper?")
    pieces = [encode_piece(tokenizer, p) for p in passages]
    prompt = build_prompt(tokenizer, question, pieces)
    target = []
    for answer in answers:
        k = next((k for k, p in enumerate(passages) if answer and answer in p), None)
        if k is None:
            target.append([len(prompt) - 1] * 2)
            continue
        begin, offsets = passages[k].index(answer), pieces[k].offsets
        inside = np.flatnonzero((offsets[1:] > begin) & (offsets[:-1] < begin + len(answer)))
        target.append([prompt.starts[k] + int(inside[0]), prompt.starts[k] + int(inside[-1])])
    batch = PromptBatch.pad([prompt] * len(answers), tokenizer.special_ids["<|pad|>"], len(prompt) + 3)
    return batch, torch.tensor(target)


def test_rewards_are_f1_citation_and_abstention(tokenizer: Tokenizer) -> None:
    passages = ["The keeper is Ann Lee — naïve.", "Then Ann Gray came."]
    batch, target = asked(tokenizer, passages, ["Ann Lee", ""])
    which = passages_of(batch, tokenizer.special_ids["<|passage|>"])
    table = rewards(tokenizer, batch, which, target, CONFIG)
    T = batch.ids.size(1)
    worth = {}
    for i in range(T):
        for w in range(min(30, T - i)):
            if which[0, i] and which[0, i] == which[0, i + w]:
                words = tokenizer.decode(batch.ids[0, i : i + w + 1].tolist())
                f1 = token_f1(words, ["Ann Lee"])
                expected = f1 * 1.25 - 0.25 + 0.1 * (which[0, i].item() == 1)
                assert table[0, w * T + i].item() == pytest.approx(expected, abs=1e-6), words
                assert table[1, w * T + i].item() == -0.25
                worth[words.strip()] = table[0, w * T + i].item()
    assert worth["Ann Lee"] == max(worth.values()) == pytest.approx(1.1)
    assert table[:, -1].tolist() == pytest.approx([0.0, 0.7])


def test_a_lone_passage_needs_no_citation(tokenizer: Tokenizer) -> None:
    batch, target = asked(tokenizer, ["The keeper is Ann Lee."], ["Ann Lee"])
    which = passages_of(batch, tokenizer.special_ids["<|passage|>"])
    assert rewards(tokenizer, batch, which, target, CONFIG).max().item() == pytest.approx(1.0)


def test_passages_are_counted_in_their_order(tokenizer: Tokenizer) -> None:
    batch, _ = asked(tokenizer, ["One two.", "Three.", "Four five."], [""])
    which = passages_of(batch, tokenizer.special_ids["<|passage|>"])
    for k, text in enumerate(["One two.", "Three.", "Four five."], 1):
        assert tokenizer.decode(batch.ids[0][which[0] == k].tolist()) == text
    assert which[0, batch.answer_at[0]] == 0


def test_a_character_cut_at_the_edge_of_a_window_is_left_out(tokenizer: Tokenizer) -> None:
    question, piece = encode_piece(tokenizer, "Who?"), encode_piece(tokenizer, "— Ann 中")
    assert len(piece.ids[piece.offsets[:-1] == piece.offsets[1:]]), "the last character is several tokens"
    prompt = build_prompt(tokenizer, question, [piece.cut(1, len(piece) - 1)])
    batch = PromptBatch.pad([prompt], tokenizer.special_ids["<|pad|>"], len(prompt))
    which = passages_of(batch, tokenizer.special_ids["<|passage|>"])
    target = torch.tensor([[prompt.starts[0], prompt.starts[0] + prompt.lengths[0] - 1]])
    table = rewards(tokenizer, batch, which, target, dataclasses.replace(CONFIG, wrong_answer=0.0))
    assert table.max().item() == pytest.approx(1.0)
