"""A released model's card tells where its data is from."""

from __future__ import annotations

from dataclasses import replace

from gpt.card import model_card
from gpt.config import RECIPES
from gpt.reader import Reader

RELEASED = Reader.load().released


def card_with(**training: object) -> str:
    return model_card(replace(RELEASED, training={**RELEASED.training, **training}))


def test_files_of_open_questions_are_told_in_words_and_unknown_ones_by_name() -> None:
    card = card_with(open_questions=["qa/hotpotqa.jsonl", "own/asked.jsonl"])
    assert "WordNet and FOLDOC; questions of HotpotQA with their passages, CC BY-SA" in card
    assert "; questions of own/asked.jsonl)." in card
    assert "TriviaQA" not in card
    assert "WordNet and FOLDOC)." in card_with(open_questions=[])


def test_what_our_recipes_ask_is_known_in_words() -> None:
    for recipe in RECIPES.values():
        assert "questions of qa/" not in card_with(open_questions=list(recipe.open_questions))


def test_compute_is_the_sum_over_the_stages() -> None:
    config = RELEASED.model.config
    one = {"step": 10, "tokens": 10**9, "seconds": 60.0}
    flops = config.flops_per_token(256) * 2 * 10**9
    card = card_with(stages={"pretrain": one, "reading": one, "refit": {"step": 0, "tokens": 0, "seconds": 0.0}})
    assert f"about {flops:.2g} FLOP" in card
    assert "| pretrain | 10 | 1000.0M | 1 min |" in card
    assert "| refit |" not in card
