"""A typed query means what its signs say; without signs it is all its words."""

from __future__ import annotations

import pytest

from indexer.query import MAX_TERMS, Query, parse, plain, query_terms


def test_stopwords_are_left_out_unless_there_is_nothing_else() -> None:
    assert query_terms("What is the gradient of the loss?") == ["gradient", "loss"]
    assert query_terms("to be or not to be") == ["to", "be", "or", "not"]


def test_words_are_looked_up_once_and_not_without_end() -> None:
    assert query_terms("loss Loss LOSS") == ["loss"]
    assert len(query_terms(" ".join(f"w{i}" for i in range(1000)))) == MAX_TERMS


@pytest.mark.parametrize(
    "text",
    ["What is the loss?", "pre-norm", "state-of-the-art", "AND", "loss OR", "OR loss", "-loss", "NOT loss", '5" disks',
     "a * b", "-- x", "", '""'],
)  # fmt: skip
def test_a_question_without_syntax_is_all_its_words(text: str) -> None:
    assert parse(text) == plain(text)


def test_a_query_without_words_ranks_nothing() -> None:
    assert plain(" ?! ") == Query(" ?! ", None)


@pytest.mark.parametrize(
    ("text", "read", "ranked", "required"),
    [
        ('"causal mask" decoder', "causal mask decoder", '"causal mask" OR "decoder"', '("causal mask")'),
        ("mask -future", "mask", '"mask"', '(("mask") NOT ("future"))'),
        ("mask NOT future", "mask", '"mask"', '(("mask") NOT ("future"))'),
        ('mask -"future tokens"', "mask", '"mask"', '(("mask") NOT ("future tokens"))'),
        ("a AND b OR grad*", "a b grad", '"a" OR "b" OR "grad" *', '("a" AND "b") OR ("grad" *)'),
        ("the norm -layer", "the norm", '"norm"', '(("norm") NOT ("layer"))'),
        ("pre-norm AND loss", "pre-norm loss", '"pre norm" OR "loss"', '("pre norm" AND "loss")'),
    ],
)
def test_signs_say_what_ranks_and_what_has_to_be(text: str, read: str, ranked: str, required: str) -> None:
    assert parse(text) == Query(read, ranked, required)


def test_a_question_can_be_asked_without_syntax() -> None:
    assert plain('Who said "to be or not" AND why?').required is None
