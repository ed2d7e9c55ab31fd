"""Passages written as notes: their words and answers stay, and marks come between."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt.markup import as_notes, some_as_notes
from gpt.squad import Article, Paragraph, SquadQuestion

TEXT = (
    "The harbour of Arenby was built in 1832 by the Holt brothers. Its walls, which are made of red stone, keep out the "
    "northern wind. A lighthouse stands at the end of the long pier, and its lamp is seen for twenty miles. Sailors call it "
    "the old lady of the coast. Nobody knows when the first boats came to the bay."
)


def paragraph(*answers: str, text: str = TEXT) -> Paragraph:
    asked = (SquadQuestion(a, f"What about {a}?", text, (a,), (text.index(a),), False, "Arenby") for a in answers)
    return Paragraph(text, tuple(asked))


def in_order(words: list[str], text: str) -> bool:
    """The slow, obvious twin of "the words as they were": each is found behind the one before."""
    at = 0
    for word in words:
        found = re.compile(rf"(?<![^\W_]){re.escape(word)}").search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


@given(st.integers(0, 10_000))
def test_the_words_stay_in_their_order_and_answers_point_at_theirs(seed: int) -> None:
    plain = paragraph("1832", "red stone", "the end of the long pier", "twenty miles")
    noted = as_notes(plain, random.Random(seed))
    assert in_order(re.findall(r"\w+", TEXT), noted.context)
    for before, after in zip(plain.questions, noted.questions, strict=True):
        (answer,), (start,) = after.answers, after.answer_starts
        assert after.context == noted.context
        assert noted.context[start : start + len(answer)] == answer
        assert in_order(re.findall(r"\w+", before.answers[0]), answer)
        assert answer[0] == before.answers[0][0]
        assert answer[-1] == before.answers[0][-1]
        assert "```" not in answer
        assert "<img" not in answer


def test_every_kind_of_mark_comes_in_some_passages() -> None:
    rng = random.Random(0)
    noted = [as_notes(paragraph("red stone"), rng).context for _ in range(500)]
    for mark in ("- ", "* ", "$", "$$", "```", ":label:", "[@", "\\cite", "<img", "| ", "def ", "et al."):
        assert 5 < sum(mark in text for text in noted) < 490, mark
    assert len(set(noted)) > 400


@pytest.mark.parametrize("text", ["a", "12 345", "Ünïcødé — nothing else", "word " * 300 + "end"])
def test_odd_passages_come_through(text: str) -> None:
    for seed in range(50):
        noted = as_notes(Paragraph(text, ()), random.Random(seed))
        assert in_order(re.findall(r"\w+", text), noted.context)


def test_about_the_share_of_an_article_is_written_as_notes_and_always_the_same() -> None:
    article = Article("Arenby", tuple(paragraph("1832", text=f"{TEXT} Number {n}.") for n in range(200)))
    noted = some_as_notes(article, 0.3)
    assert noted == some_as_notes(article, 0.3)
    changed = sum(a != b for a, b in zip(article.paragraphs, noted.paragraphs, strict=True))
    assert 30 < changed < 70
    assert some_as_notes(article, 0.0) == article
