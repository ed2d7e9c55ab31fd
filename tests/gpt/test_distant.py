"""Questions that came without passages, and the paragraphs that are found for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gpt.distant import OpenQuestion, distant_articles, found_file, load_open_questions
from gpt.errors import DataError
from gpt.squad import Article, load_articles, save_articles

FILLER = (
    "It is told in many books of the country, at length and in much detail, so that hardly anyone has read all of it."
)
LONG = f"{FILLER} {FILLER} {FILLER}"
TEXTS = (
    f"Stethoscope\n\nThe stethoscope was invented in France in 1816 by René Laennec. {FILLER}\nShort line.\n"
    f"Doctors listen with it to hearts. {LONG}\nNobody knows who sold the first. {LONG}",
    f"Paris\n\nWith a stethoscope René Laennec worked in Paris. {LONG}\nIT is a trade there. {LONG}",
)
LAENNEC = OpenQuestion(
    "Who invented the stethoscope in 1816?", ("Laennec", "René Laennec", "Laennec, René", "R. L. (doctor)")
)


class Pointing:
    """A reader that points at `words` wherever they stand, or at a passage's last three characters."""

    def __init__(self, words: str, score: float = 1.0):
        self.words, self.score = words, score

    def read_batch(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[Any]:
        found = [(text.find(self.words), len(text)) for _, [text] in asked]
        spans = [(at, at + len(self.words)) if at >= 0 else (n - 3, n) for at, n in found]
        return [SimpleNamespace(spans=[SimpleNamespace(start=a, end=b, score=self.score)]) for a, b in spans]


def asked_of(articles: list[Article]) -> list[tuple[str, str, str]]:
    """(title, question, answer) of every question; each answer stands where it is said to."""
    found = []
    for article in articles:
        for paragraph in article.paragraphs:
            for q in paragraph.questions:
                assert paragraph.context[q.answer_starts[0] :].startswith(q.answers[0])
                found.append((article.title, q.question, q.answers[0]))
    return found


def test_where_the_reader_points_at_the_answer_the_paragraph_is_taken_as_it_reads_it() -> None:
    reader: Any = Pointing(" René Laennec", score=-1.0)
    third = f"Rome\n\nOf him and of his instrument, the stethoscope, not of René Laennec alone, Rome speaks. {LONG}"
    articles = distant_articles([LAENNEC], [*TEXTS, third], reader)
    assert asked_of(articles) == [
        ("Stethoscope", LAENNEC.question, "René Laennec"),
        ("Paris", LAENNEC.question, "René Laennec"),
    ], "two paragraphs of a question at most"
    assert [len(article.paragraphs) for article in articles] == [2, 2], (
        "others of the article come along, as wrong ones"
    )


def test_an_unsure_reader_is_believed_only_where_much_is_shared() -> None:
    reader: Any = Pointing(" René Laennec", score=-9.0)
    assert asked_of(distant_articles([LAENNEC], TEXTS, reader)) == [("Stethoscope", LAENNEC.question, "René Laennec")]


def test_where_the_reader_does_not_agree_a_paragraph_that_shares_most_is_taken_with_the_answer_itself() -> None:
    reader: Any = Pointing("nowhere")
    assert asked_of(distant_articles([LAENNEC], TEXTS, reader)) == [("Stethoscope", LAENNEC.question, "René Laennec")]
    vague = OpenQuestion("Whose heart did the doctor listen to?", ("Laennec",))
    assert distant_articles([vague], TEXTS, reader) == []


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("What did Laennec invent?", ("Laennec",)),  # it names its own answer
        ("Who invented the stethoscope?", ("Nobody of that name",)),
        ("Who is it?", ("Laennec",)),  # it speaks of nothing
        ("Who invented the stethoscope?", ("?", "")),
        ("Who invented the stethoscope?", ("x" * 61,)),
        ('"* OR ( NEAR', ("Laennec",)),
        ("What is traded in Paris, in the trade of Paris?", ("It",)),  # a short answer keeps its capitals
    ],
)
def test_what_no_paragraph_answers_is_left_out(question: str, answers: tuple[str, ...]) -> None:
    reader: Any = Pointing("nowhere")
    assert distant_articles([OpenQuestion(question, answers)], TEXTS, reader) == []


def test_a_short_answer_is_found_by_its_capitals() -> None:
    reader: Any = Pointing("nowhere")
    asked = OpenQuestion("What trade is there in Paris?", ("IT",))
    assert asked_of(distant_articles([asked], TEXTS, reader)) == [("Paris", asked.question, "IT")]


def test_short_lines_are_joined_long_ones_cut_and_texts_without_a_title_read() -> None:
    reader: Any = Pointing("nowhere")
    long = " ".join(
        f"Sentence {i} says that Laennec invented the stethoscope in 1816, as everybody knows." for i in range(40)
    )
    [article] = distant_articles([LAENNEC], [long], reader)
    assert article.title == ""
    sizes = [len(p.context.split()) for p in article.paragraphs]
    assert max(sizes) <= 220
    assert min(sizes) >= 20
    assert all(p.context.startswith("Sentence") and p.context.endswith("knows.") for p in article.paragraphs)
    assert "Short line." in distant_articles([LAENNEC], TEXTS, reader)[0].paragraphs[0].context


def test_paragraphs_of_any_article_that_only_seem_to_answer_come_along_as_wrong_ones() -> None:
    reader: Any = Pointing("René Laennec")
    seeming = f"In 1816 a monaural stethoscope was thought to be invented already. {LONG}"
    by_surname = f"LAENNEC invented the stethoscope, in 1816 or so. {LONG}"
    strange = f"Nothing of the kind. {LONG}"
    texts = [*TEXTS, f"Myth\n\n{seeming}\n{by_surname}\n{strange}"]
    articles = distant_articles([LAENNEC], texts, reader)
    assert asked_of(articles) == asked_of(distant_articles([LAENNEC], TEXTS, reader))
    others = [[p.context for p in article.paragraphs if not p.questions] for article in articles]
    assert all(seeming in contexts for contexts in others)
    assert not {by_surname, strange} & {context for contexts in others for context in contexts}
    assert all(len(contexts) == len(set(contexts)) for contexts in others)


def test_articles_that_were_saved_are_read_again_as_they_were(tmp_path: Path) -> None:
    reader: Any = Pointing("René Laennec")
    articles = distant_articles([LAENNEC], TEXTS, reader)
    saved = found_file(tmp_path / "qa" / "open.jsonl")
    save_articles(saved, articles)
    assert saved == tmp_path / "qa" / "open.found.json.xz"
    assert load_articles(saved) == articles


def test_a_file_of_open_questions(tmp_path: Path) -> None:
    file = tmp_path / "open.jsonl"
    file.write_text(json.dumps({"question": " Who\n is it? ", "answers": ["A", "B"], "source": "me"}) + "\n\n")
    assert load_open_questions(file) == [OpenQuestion("Who is it?", ("A", "B"))]


@pytest.mark.parametrize(
    "row", [{"question": "Who?"}, {"question": 3, "answers": []}, {"question": "Who?", "answers": [1]}]
)
def test_a_row_that_is_no_open_question_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    file = tmp_path / "open.jsonl"
    file.write_text(json.dumps(row))
    with pytest.raises(
        DataError, match=r"open\.jsonl:1 is not an open question; give it a question and a list of answers"
    ):
        load_open_questions(file)
