"""Passages in captions' style: the words and answers of the written ones, as somebody says them."""

from __future__ import annotations

import random
import re

import pytest

from gpt.metrics import normalize
from gpt.spoken import as_spoken, in_haste, some_as_spoken
from gpt.squad import Article, Paragraph, SquadQuestion

TEXT = (
    'The "Eiffel Tower", built in 1889, is 330.5 m (1,083 ft) tall; it\'s a well-known sight. '
    "Stephen Sauvestre's drawings, however, were changed — the arches at its base are his. Gustave Eiffel paid for most of it!"
)
ANSWERS = ("Eiffel Tower", "1889", "330.5 m (1,083 ft)", "Stephen Sauvestre's drawings", "Gustave Eiffel")


def paragraph(text: str = TEXT, answers: tuple[str, ...] = ANSWERS) -> Paragraph:
    asked = (
        SquadQuestion(str(n), f"What is Number {n}?", text, (answer,), (text.index(answer),), False, "Towers")
        for n, answer in enumerate(answers)
    )
    return Paragraph(text, tuple(asked))


def plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@pytest.mark.parametrize("seed", range(40))
def test_answers_are_slices_and_hold_the_same_words(seed: int) -> None:
    spoken = as_spoken(paragraph(), random.Random(seed))
    for question, answer in zip(spoken.questions, ANSWERS, strict=True):
        (said,), (start,) = question.answers, question.answer_starts
        assert question.context == spoken.context
        assert spoken.context[start : start + len(said)] == said == said.strip()
        assert plain_words(said) == plain_words(answer)


@pytest.mark.parametrize("seed", range(40))
def test_the_words_keep_their_order_whatever_comes_between(seed: int) -> None:
    said = iter(plain_words(as_spoken(paragraph(), random.Random(seed)).context))
    assert all(word in said for word in plain_words(TEXT))


def test_styles_vary_and_each_differs_from_the_written_one() -> None:
    rng = random.Random(0)
    said = [as_spoken(paragraph(), rng).context for _ in range(300)]
    assert all(text != TEXT and "  " not in text and text == text.strip() for text in said)
    small = sum(text == text.lower().replace("i mean", "I mean") for text in said)
    bare = [text for text in said if not re.search(r"[;\"()!—]|, ", text)]
    assert 0.65 < small / 300 < 0.9
    assert 0.65 < len(bare) / 300 < 0.85
    assert all("1,083" in text and "330.5" in text and "it's" in text.lower() and "well-known" in text for text in bare)
    assert 0.2 < sum(text.startswith("[0") for text in said) / 300 < 0.4
    assert 0.08 < sum(bool(re.search(r"\b(?:um|uh|you know)\b", text)) for text in said) / 300 < 0.4


def test_times_rise_and_stand_between_answers_not_within_them() -> None:
    text = " ".join(f"word{n}" for n in range(200))
    spoken = next(
        p for p in (as_spoken(paragraph(text, (text,)), random.Random(n)) for n in range(99)) if p.context[0] == "["
    )
    assert spoken.context.count("[") == 1, "all of it is one answer"
    free = next(p for p in (as_spoken(paragraph(text, ()), random.Random(n)) for n in range(99)) if p.context[0] == "[")
    times = re.findall(r"\[\d\d:\d\d:\d\d\]", free.context)
    assert len(times) > 3
    assert times == sorted(times)


def test_half_of_the_questions_are_typed_in_haste() -> None:
    rng = random.Random(1)
    asked = [q.question for _ in range(100) for q in as_spoken(paragraph(), rng).questions]
    assert set(asked) == {f(f"What is Number {n}?") for n in range(5) for f in (in_haste, str)}
    assert 0.4 < sum(not q.endswith("?") for q in asked) / len(asked) < 0.6
    assert in_haste("Who paid for the Eiffel Tower? ") == "who paid for the eiffel tower"


def test_an_answer_of_marks_alone_leaves_its_paragraph_as_it_is() -> None:
    marks = paragraph("The reply was: ?! and no word.", ("?!",))
    assert any(as_spoken(marks, random.Random(n)) is marks for n in range(9))


def test_letters_of_several_characters_stay_whole() -> None:
    text = "In Hebrew מִצְרַיִם means Egypt. İzmir lies elsewhere."
    for seed in range(20):
        spoken = as_spoken(paragraph(text, ("מִצְרַיִם", "İzmir")), random.Random(seed))
        assert [normalize(q.answers[0]) for q in spoken.questions] == [normalize("מִצְרַיִם"), normalize("İzmir")]


def test_about_the_share_of_an_article_is_spoken_and_always_the_same() -> None:
    article = Article("Towers", tuple(paragraph() for _ in range(200)))
    spoken = some_as_spoken(article, 0.25)
    assert spoken == some_as_spoken(article, 0.25)
    changed = [a is not b for a, b in zip(spoken.paragraphs, article.paragraphs, strict=True)]
    assert 0.15 < sum(changed) / 200 < 0.35
    assert some_as_spoken(article, 0.0) == article
