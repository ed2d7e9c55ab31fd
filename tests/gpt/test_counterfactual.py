"""Passages changed in a word of a question: what is changed, what stays, and when nothing is made."""

from __future__ import annotations

import random
import re

import pytest

from gpt.counterfactual import Counterfactual, counterfactual, exchange
from gpt.twists import WORD
from gpt.wordpool import Pool
from tests.gpt.conftest import ASKED, FIRE, LIGHT

HELD = (
    "Arenby lies on the coast of Sundia. The first lighthouse of Arenby was built in 1820 by Mary Holt. "
    "Ships from Arenby sail to Grenholm."
)


def words(text: str) -> list[str]:
    return WORD.findall(text)


def made(question: str, context: str, answer: str, pool: Pool, n: int = 80) -> list[Counterfactual]:
    """Everything different that `n` draws make of the passage."""
    start = context.index(answer)
    at = start, start + len(answer)
    drawn = (counterfactual(question, context, at, pool, random.Random(seed)) for seed in range(n))
    return list({c.context: c for c in drawn if c is not None}.values())


@pytest.fixture
def pool() -> Pool:
    return Pool.of([LIGHT, FIRE])


@pytest.mark.parametrize("question", ASKED)
def test_the_answer_stays_and_both_texts_change_by_the_same_words(question: str, pool: Pool) -> None:
    answer = ASKED[question]
    found = made(question, LIGHT, answer, pool)
    assert found
    for c in found:
        assert c.context[c.start : c.start + len(answer)] == answer
        assert c.context != LIGHT
        assert c.question != question
        asked, new = set(words(question)), set(words(c.question))
        taken, put = asked - new, new - asked
        assert put <= set(words(c.context)) | taken  # what the question now asks for is what the passage now tells
        if not put & set(words(LIGHT)):  # nothing was exchanged
            assert not taken & set(words(c.context))


def test_the_passage_no_longer_tells_what_was_asked(pool: Pool) -> None:
    contexts = {c.context for c in made("Who built the first lighthouse of Arenby?", LIGHT, "Mary Holt", pool)}
    beginnings = {context.split(" was")[0] for context in contexts}
    assert {"The last lighthouse of Arenby", "The first lighthouse of Port Lorne"} < beginnings
    assert any("was demolished in 1820 by Mary Holt" in context for context in contexts)
    for context in contexts:
        assert not re.match(r"The first lighthouse of Arenby was built in 1820 by Mary Holt", context)


def test_names_change_places_where_the_passage_holds_both(pool: Pool) -> None:
    assert exchange("Ann met Bo. Bo's friend is Anna.", "Ann", "Bo") == "Bo met Ann. Ann's friend is Anna."
    question = "What did the keeper sell to the sailors of Port Lorne?"
    context = next(c.context for c in made(question, LIGHT, "the oil", pool) if "sailors of Arenby" in c.context)
    assert context.startswith("The first lighthouse of Port Lorne was")


def test_a_word_that_stands_elsewhere_too_may_stay_there(pool: Pool) -> None:
    question = "Who built the first lighthouse of Arenby?"
    found = [c for c in made(question, HELD, "Mary Holt", pool) if "of Arenby?" not in c.question]
    beside = [c for c in found if c.context.startswith("Arenby lies")]
    assert beside
    assert len(beside) < len(found)
    for c in beside:
        assert c.context.endswith("Ships from Arenby sail to Grenholm.")
        assert "lighthouse of Arenby" not in c.context
    assert [c.elsewhere for c in found] == ["Arenby" in c.context for c in found]


@pytest.mark.parametrize("beside", [0.0, 1.0])
def test_how_often_it_stays_there_can_be_told(beside: float, pool: Pool) -> None:
    question, start = "Who built the first lighthouse of Arenby?", HELD.index("Mary Holt")
    at = start, start + len("Mary Holt")
    drawn = (counterfactual(question, HELD, at, pool, random.Random(s), beside) for s in range(80))
    found = [c for c in drawn if c is not None and "of Arenby?" not in c.question]
    assert found
    assert all(c.context.startswith("Arenby lies") == bool(beside) for c in found)


@pytest.mark.parametrize(
    ("question", "context", "answer"),
    [
        ("Who is he?", "He is Bob.", "Bob"),  # no word to change
        ("Who ruled Sundia?", "The land was led by Bea Morn.", "Bea Morn"),  # the passage has other words for it
    ],
)
def test_nothing_is_made_where_no_word_of_the_question_stands_in_the_passage(
    question: str, context: str, answer: str, pool: Pool
) -> None:
    assert made(question, context, answer, pool) == []


def test_a_word_is_not_taken_out_where_another_form_of_it_still_tells() -> None:
    told = "The tower was opened by Anna Reed in 1881."
    more = f"{told} It was her pride that she could open it."
    once, again = (made("Who opened the tower?", text, "Anna Reed", Pool.of([text])) for text in (told, more))
    assert any("was closed by" in c.context for c in once)
    assert not any("was closed by" in c.context for c in again)
