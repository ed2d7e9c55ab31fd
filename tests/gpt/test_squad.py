"""Where an answer stands in a text."""

from __future__ import annotations

from gpt.squad import whole_words


def test_an_answer_stands_where_its_words_are_whole() -> None:
    text = "Paris, not Parisians: Paris (C++) and 2Paris."
    assert list(whole_words("Paris", text)) == [0, 22]
    assert list(whole_words("(C++)", text)) == [28]
    assert list(whole_words("London", text)) == []
    assert list(whole_words("", text)) == []
