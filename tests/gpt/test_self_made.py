"""Questions that documents ask themselves: true, answered in their passage, and none from what is no prose."""

from __future__ import annotations

import re

import pytest

from gpt.self_made import (
    ARTICLE_PASSAGES,
    MAX_CLOZES,
    Document,
    count_questions,
    is_prose,
    passage_articles,
    self_made_articles,
)

REST = "It was found in the old notes, and nobody has said anything against it since that day in spring."
OTHER = "Nothing that could be asked about stands in here, because these words only fill the page with more words."


def asked(passage: str) -> list[tuple[str, str]]:
    (article,) = passage_articles(Document("notes", (passage, OTHER)))
    for paragraph in article.paragraphs:
        for q in paragraph.questions:
            assert q.context == paragraph.context
            assert q.context[q.answer_starts[0] :].startswith(q.answers[0])
    found = [(q.question, q.answers[0]) for p in article.paragraphs for q in p.questions]
    return [(question, answer) for question, answer in found if re.match(r"What (is|are) [^.]{1,30}\?$", question)]


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
    assert self_made_articles([Document("a", (code, "A tensor is an array."))], 99) == []


def test_a_long_document_becomes_articles_of_neighbours() -> None:
    passages = tuple(f"A tensor{'x' * i} is an array of numbers. {REST}" for i in range(ARTICLE_PASSAGES + 2))
    articles = list(passage_articles(Document("long", passages)))
    assert [len(a.paragraphs) for a in articles] == [ARTICLE_PASSAGES, 2]
    assert count_questions(articles) >= ARTICLE_PASSAGES + 2


def test_spans_that_recur_are_asked_for_too_and_no_more_than_wanted() -> None:
    passages = tuple(
        f"The warden of the northern harbour in year {i} was Henry Adams, who kept {i} boats for the men of the bay. {REST} "
        f"In the same harbour the boats of the fishermen were painted by Henry Adams, and {i} of them had a name. {REST}"
        for i in range(3, 9)
    )
    document = Document("harbour", passages)
    made = self_made_articles([document], 99)
    assert count_questions(made) >= 3
    assert made == self_made_articles([document], 99)
    assert count_questions(self_made_articles([document], 2)) <= 2
    for q in (q for a in made for p in a.paragraphs for q in p.questions):
        assert q.context[q.answer_starts[0] :].startswith(q.answers[0])


def test_a_sentence_is_asked_for_the_name_or_the_term_in_it() -> None:
    passages = tuple(
        f"In part {i} the learning rate {verb} how far we go. {OTHER} It was first seen by Henry Adams in the harbour."
        for i, verb in enumerate(("decides", "limits", "governs", "tells", "says", "shows"))
    )
    found = {
        q.answers[0] for a in passage_articles(Document("rates", passages)) for p in a.paragraphs for q in p.questions
    }
    assert {"learning rate", "Henry Adams"} <= found
    articles = list(passage_articles(Document("rates", passages)))
    assert max(len(p.questions) for a in articles for p in a.paragraphs) <= MAX_CLOZES
