"""A second opinion: which sentence is compared, and what its closeness makes of a probability."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.closeness import AROUND, LONG, seconded, sentence_of

TEXT = "Tea is a drink. Dr. Wu brews it at 80 degrees, e.g. in a pot. Coffee is another."


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("a drink", "Tea is a drink."),
        ("80", "Dr. Wu brews it at 80 degrees, e.g. in a pot."),
        ("drink. Dr.", "Tea is a drink. Dr. Wu brews it at 80 degrees, e.g. in a pot."),
        ("another.", "Coffee is another."),
        (TEXT, TEXT),
    ],
)
def test_the_sentences_that_a_span_touches_are_compared(words: str, sentence: str) -> None:
    start = TEXT.index(words)
    assert sentence_of(TEXT, start, start + len(words)) == sentence


def test_a_sentence_behind_a_question_is_compared_with_it() -> None:
    text = "Why tea? It is hot. And old. Who says so? Dr. Wu does. How?"
    for words, compared in (
        ("hot", "Why tea? It is hot."),
        ("old", "And old."),
        ("Wu", "Who says so? Dr. Wu does."),
        ("old. Who says so? Dr.", "And old. Who says so? Dr. Wu does."),
        ("Why", "Why tea?"),
    ):
        start = text.index(words)
        assert sentence_of(text, start, start + len(words)) == compared


def test_of_speech_without_stops_the_words_around_the_answer_are_compared() -> None:
    words = [f"word{n}" for n in range(LONG + 1)]
    text = " ".join(words)
    start = text.index("word30")
    near = " ".join(words[30 - AROUND : 32 + AROUND])
    assert sentence_of(text, start, start + len("word30 word31")) == near
    assert sentence_of(text, 0, 5) == " ".join(words[: 1 + AROUND])
    assert sentence_of(text, len(text) - 6, len(text)) == " ".join(words[-1 - AROUND :])
    assert sentence_of(text, text.index(" word30"), start) == text, "a blank lies in no word"
    assert sentence_of("Who says so? W" + text[1:], start + 13, start + 26) == "Who says so? " + near
    short = " ".join(words[:LONG])
    assert sentence_of(short, start, start + 6) == short


@given(st.text(alphabet="aB .!?\n", min_size=1, max_size=40), st.data())
def test_what_is_compared_holds_the_span_or_all_of_it_that_is_no_white_space(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert text[start:end].strip() in sentence_of(text, start, end)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_both_opinions_count_and_the_closer_the_surer(p: float, q: float, near: float, far: float) -> None:
    low, high = sorted((p, q))
    assert 0 < seconded(p, near) < 1
    assert seconded(low, near) <= seconded(high, near)
    assert seconded(p, min(near, far)) <= seconded(p, max(near, far))


def test_it_is_the_logistic_fit_that_was_measured() -> None:
    """0.8 log-odds of the reader + 3 cosine - 1.7, in docs/log.md."""
    assert seconded(0.8, 0.5) == pytest.approx(0.7128, abs=1e-4)
    assert seconded(0.5, 0.567) == pytest.approx(0.5, abs=1e-3)
