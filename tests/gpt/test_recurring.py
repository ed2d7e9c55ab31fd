"""Reading made from text: what recurs is asked for with one sentence and found in another."""

from __future__ import annotations

from gpt.recurring import MAX_PASSAGE_CHARS, MIN_PASSAGE_CHARS, recurring_articles, windows_of

FILLER = "The weather of the coast is mild for most of the long summer, and rain falls on few of its days. " * 3
DOCUMENT = (
    "Arenby\n\nHistory.\n"
    "The old lighthouse of the harbour was built by Mary Holt in 1820. " + FILLER + "\n"
    "In later life Mary Holt told friends how the lighthouse and the harbour were paid for. " + FILLER + "\n"
    "Visitors still admire the lighthouse that Mary Holt left to the harbour people. " + FILLER + "\n"
)


def test_the_answer_stands_in_the_passage_and_the_asking_sentence_does_not() -> None:
    made = [a for seed in range(4) for a in recurring_articles([DOCUMENT], 10, seed)]
    questions = [q for a in made for p in a.paragraphs for q in p.questions]
    assert questions
    for q in questions:
        assert q.answers
        assert not q.is_impossible
        for answer, start in zip(q.answers, q.answer_starts, strict=True):
            assert q.context[start : start + len(answer)] == answer
        assert q.answers[0] not in q.question
    asked = {q.question: q.answers[0] for q in questions}
    assert any(answer == "Mary Holt" and "who" in question.lower() for question, answer in asked.items())


def test_the_asking_sentence_is_taken_out_of_its_own_passage() -> None:
    short = FILLER[:100].strip()
    text = (
        f"The old lighthouse of the harbour was built by Mary Holt. {short} Sailors praise Mary Holt and the old "
        f"harbour lighthouse. {short} Nobody else is praised along this coast so often, they say."
    )
    seen = set()
    for seed in range(10):
        for article in recurring_articles([text], 5, seed):
            for paragraph in article.paragraphs:
                for q in paragraph.questions:
                    seen.add(q.question)
                    assert paragraph.context.count("Mary Holt") == len(q.answers) == 1
                    assert "  " not in paragraph.context
    assert "Who was the old lighthouse of the harbour built by?" in seen


def test_spans_of_one_sentence_ask_nothing() -> None:
    assert recurring_articles(["Mary Holt came. " + FILLER], 10, 0) == []


def test_no_more_than_wanted_and_texts_are_read_only_as_far_as_needed() -> None:
    def texts() -> object:
        for i in range(40):
            yield DOCUMENT.replace("Mary Holt", f"Mary Holt{chr(97 + i % 26)}son")
        raise AssertionError("read on")

    articles = recurring_articles(texts(), 12, 0)  # type: ignore[arg-type]
    assert sum(len(p.questions) for a in articles for p in a.paragraphs) == 12


def test_the_seed_decides() -> None:
    texts = [DOCUMENT, DOCUMENT.replace("Mary Holt", "Anna Reed")]
    assert recurring_articles(texts, 20, 1) == recurring_articles(texts, 20, 1)


def test_windows_are_passages_without_headings() -> None:
    windows = windows_of(DOCUMENT + "See also\n" + FILLER * 20)
    assert windows
    assert all(MIN_PASSAGE_CHARS <= len(w) <= MAX_PASSAGE_CHARS for w in windows)
    assert not any("History." in w or "See also" in w for w in windows)
    assert " ".join(windows).startswith("The old lighthouse")
