"""Questions that documents ask themselves: true, answered in their passage, and none from what is no prose."""

from __future__ import annotations

import pytest

from gpt.self_made import ARTICLE_PASSAGES, Document, count_questions, is_prose, self_made_articles

REST = "It was found in the old notes, and nobody has said anything against it since that day in spring."
OTHER = "Nothing that could be asked about stands in here, because these words only fill the page with more words."


def asked(passage: str) -> list[tuple[str, str]]:
    (article,) = self_made_articles([Document("notes", (passage, OTHER))])
    for paragraph in article.paragraphs:
        for q in paragraph.questions:
            assert q.context == paragraph.context
            assert q.context[q.answer_starts[0] :].startswith(q.answers[0])
    return [(q.question, q.answers[0]) for p in article.paragraphs for q in p.questions]


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("A tensor is an array of numbers with axes.", "What is a tensor?", "an array of numbers with axes"),
        ("Entropy (in nats) is a measure of surprise.", "What is entropy?", "a measure of surprise"),
        ("Residual streams are the sums of all layers.", "What are residual streams?", "the sums of all layers"),
        ("LoRA denotes a product of two thin matrices.", "What is LoRA?", "a product of two thin matrices"),
    ],
)  # fmt: skip
def test_a_sentence_that_says_what_something_is_is_asked_for_it(sentence: str, question: str, answer: str) -> None:
    assert asked(f"{sentence} {REST}") == [(question, answer)]
    assert asked(f"{REST} {sentence} {REST}") == [(question, answer)]


@pytest.mark.parametrize(
    "sentence",
    [
        "It is a good idea to look at the losses.",
        "The rate is too large for the first steps.",
        "This is the whole of it.",
    ],
)
def test_a_sentence_about_nothing_in_particular_is_not(sentence: str) -> None:
    assert asked(f"{sentence} {REST}") == []


def test_code_tables_and_labels_are_left_out() -> None:
    code = "x = [i ** 2 for i in range(10)]; y = {k: v for k, v in zip(x, x[1:])}; print(x[0], y[x[1]], len(x), *y)"
    assert not is_prose(code)
    assert not is_prose("Chapter 3")
    assert is_prose(REST)
    assert self_made_articles([Document("a", (code, "A tensor is an array."))]) == []


def test_a_long_document_becomes_articles_of_neighbours() -> None:
    passages = tuple(f"A tensor{'x' * i} is an array of numbers. {REST}" for i in range(ARTICLE_PASSAGES + 2))
    articles = self_made_articles([Document("long", passages)])
    assert [len(a.paragraphs) for a in articles] == [ARTICLE_PASSAGES, 2]
    assert count_questions(articles) == ARTICLE_PASSAGES + 2
    assert self_made_articles([Document("long", passages)]) == articles
