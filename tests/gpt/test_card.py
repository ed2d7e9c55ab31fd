"""A released model's card tells where its data is from."""

from __future__ import annotations

from dataclasses import replace

from gpt.card import model_card
from gpt.config import RECIPES
from gpt.reader import Reader

RELEASED = Reader.load().released


def card_with(**training: object) -> str:
    return model_card(replace(RELEASED, training={**RELEASED.training, "written": 0, **training}))


def test_files_of_open_questions_are_told_in_words_and_unknown_ones_by_name() -> None:
    card = card_with(open_questions=["qa/hotpotqa.jsonl", "own/asked.jsonl"])
    assert "WordNet and FOLDOC; questions of HotpotQA with their passages, CC BY-SA" in card
    assert "; questions of own/asked.jsonl)." in card
    assert "TriviaQA" not in card
    assert "WordNet and FOLDOC)." in card_with(open_questions=[])


def test_where_data_is_from_is_told_of_files_that_are_known_only() -> None:
    ours = ["pretrain/wiki-00.jsonl.xz", "qa/squad-train-v1.1.json.xz"]
    assert "FOLDOC; the rest is not this project's)." in card_with(
        data=[*ours, "../own/notes.jsonl"], open_questions=[]
    )
    alone = card_with(data=["notes.jsonl"], open_questions=[])
    assert "- Data: `notes.jsonl` (not this project's)." in alone
    assert "Wikipedia and SQuAD" not in alone


def test_what_our_recipes_ask_is_known_in_words() -> None:
    for recipe in RECIPES.values():
        assert "questions of qa/" not in card_with(open_questions=list(recipe.open_questions))


def test_questions_written_for_it_are_told_and_what_they_are_for() -> None:
    card = card_with(written=21)
    assert "; 21 questions written for this project by a large language model (`gpt/questions`)" in card
    assert "made by\n  rule for its training, or written;" in card
    assert "written for this project" not in card_with()


def test_compute_is_the_sum_over_the_stages() -> None:
    config = RELEASED.model.config
    one = {"step": 10, "tokens": 10**9, "seconds": 60.0, "layers": config.n_layer - 1}
    shallower = config.with_layers(config.n_layer - 1).flops_per_token(256)
    flops = (shallower + config.flops_per_token(256)) * 10**9
    deep = {name: value for name, value in one.items() if name != "layers"}
    card = card_with(stages={"pretrain": one, "reading": deep, "refit": {"step": 0, "tokens": 0, "seconds": 0.0}})
    assert f"about {flops:.2g} FLOP" in card
    assert f"| pretrain | {config.n_layer - 1} | 10 | 1000.0M | 1 min |" in card
    assert f"| reading | {config.n_layer} | 10 | 1000.0M | 1 min |" in card
    assert "| refit |" not in card
