"""Quotes inside their sentences, and places in words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.excerpt import MAX_CONTEXT_CHARS, Excerpt, cited_excerpt, excerpt, place_words, preview, source_words
from rag.pipeline import Pipeline
from rag.types import Question
from tests.rag.fakes import FakeReader, FakeRetriever


def around(text: str, quote: str) -> Excerpt:
    start = text.index(quote)
    return excerpt(text, start, start + len(quote))


def test_the_sentence_around_a_quote_is_shown_and_no_other() -> None:
    text = "Autograd records. It applies the chain rule backwards. Then it stops."
    assert around(text, "the chain rule") == Excerpt("It applies ", "the chain rule", " backwards.")


def test_a_quote_over_two_sentences_shows_both() -> None:
    assert around("One. Two three. Four five. Six.", "three. Four") == Excerpt("Two ", "three. Four", " five.")


@pytest.mark.parametrize(
    ("text", "quote", "before", "after"),
    [
        ("Only this.", "this", "Only ", "."),
        ("# Heading\n\nThe text here", "text", "The ", " here"),
        ("- one item\n- another item", "another", "- ", " item"),
        ("wrapped\n   line here", "line", "wrapped ", " here"),
        ("the end.", "the end.", "", ""),
        ("First. second", "First", "", "."),
    ],
)
def test_sentences_end_where_people_end_them(text: str, quote: str, before: str, after: str) -> None:
    assert around(text, quote) == Excerpt(before, quote, after)


def test_a_very_long_sentence_is_cut_to_whole_words_around_the_quote() -> None:
    found = around("before " * 100 + "quote" + " after" * 100, "quote")
    assert found.before.startswith("… before ")
    assert found.after.endswith(" after …")
    assert max(len(found.before), len(found.after)) <= MAX_CONTEXT_CHARS + 2


@settings(max_examples=100)
@given(st.text(alphabet="ab .!\n\x1b-#", min_size=1, max_size=40), st.data())
def test_an_excerpt_holds_the_quote_on_one_line_without_control_characters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    found = excerpt(text, start, end)
    shown = found.before + found.quote + found.after
    assert found.quote == " ".join(text[start:end].split()).replace("\x1b", "�")
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "".join(shown.split()) in "".join(text.replace("\x1b", "�").split())


def test_a_citation_is_shown_inside_the_passage_that_was_read() -> None:
    notes = FakeRetriever({"notes.md": "Intro.\n\nTea is green. Tea is brewed hot, often."})
    answer = Pipeline(notes, FakeReader()).answer(Question("brewed hot"))
    assert cited_excerpt(answer, answer.citations[0]) == Excerpt("", "Tea is brewed hot, often", ".")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((3, None, None, None), "page 3"),
        ((None, 4, 6, None), "lines 4-6"),
        ((None, 4, 4, None), "line 4"),
        ((None, 4, None, None), "line 4"),
        ((None, 2, 3, 5), "cell 5, lines 2-3"),
        ((None, None, None, None), ""),
    ],
)
def test_a_place_in_words(place: tuple[int | None, int | None, int | None, int | None], words: str) -> None:
    assert place_words(*place) == words


def test_a_source_is_named_once() -> None:
    assert source_words("Tea", "notes/tea.md", "line 2") == "Tea (notes/tea.md), line 2"
    assert source_words("tea.txt", "tea.txt", "") == "tea.txt"
    assert source_words("", "tea\x1b[2J.txt", "") == "tea�[2J.txt"


def test_a_preview_ends_with_a_whole_word() -> None:
    assert preview("short\ntext") == "short text"
    assert preview("word " * 100).endswith("word …")
