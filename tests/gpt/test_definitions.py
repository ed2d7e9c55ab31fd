"""Definitions read from text: what is asked, what answers it, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpt.definitions import (
    ARTICLE_SIZE,
    MAX_CLAUSE_CHARS,
    MAX_MENTIONS,
    MAX_PASSAGE_CHARS,
    define,
    load_definitions,
    mentions,
)
from gpt.errors import DataError

REST = " It was first described long ago, and has been used ever since in many fields of study by many people."


def clause(term: str, text: str) -> str | None:
    definition = define(term, text)
    return None if definition is None else definition.passage[definition.start : definition.end]


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("Entropy", "Entropy is a measure of disorder." + REST, "a measure of disorder"),
        (
            "Tensor (mathematics)",
            "In algebra, a tensor is an array of numbers; it has a rank." + REST,
            "an array of numbers",
        ),
        (
            "Recall",
            "Recall is defined as the share of relevant items found." + REST,
            "the share of relevant items found",
        ),
        (
            "perplexity",
            "<statistics> (Or PPL) The exponential of the {entropy}." + REST,
            "The exponential of the entropy",
        ),
        ("Lorne", "Lorne is a town of the coast, e.g. for sailors." + REST, "a town of the coast, e.g. for sailors"),
        (
            "Arenby",
            "Arenby is a harbour town (and a parish) on the northern coast of the long island, which was built by the many "
            "sailors of the old merchant fleet." + REST,
            "a harbour town (and a parish) on the northern coast of the long island",
        ),
        (
            "delint",
            "/dee-lint/ To change a {program} so that it has no fault." + REST,
            "To change a program so that it has no fault",
        ),
    ],
)
def test_the_defining_clause_is_found(term: str, text: str, expected: str) -> None:
    assert clause(term, text) == expected


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("Entropy", "short gloss"),
        ("Entropy", "Disorder is measured by the logarithm of states." + REST),
        ("", "Nothing is named here, so that nothing can be asked about it." + REST),
        ("Entropy", "Entropy is big." + REST),
        ("Entropy", "Entropy is used in many fields of study." + REST),
        ("Entropy", "Entropy is not a measure of order." + REST),
        ("Entropy", "Entropy rises as time goes by, says a law. It is a law that nobody has broken." + REST),
    ],
)
def test_what_does_not_read_as_a_definition_is_left_alone(term: str, text: str) -> None:
    assert define(term, text) is None


def test_a_long_clause_ends_at_a_joint_and_a_long_passage_is_cut() -> None:
    long = "Entropy is " + "a measure of the disorder of systems, " * 60
    definition = define("Entropy", long)
    assert definition is not None
    assert len(definition.passage) <= MAX_PASSAGE_CHARS
    answer = definition.passage[definition.start : definition.end]
    assert MAX_CLAUSE_CHARS // 2 < len(answer) <= MAX_CLAUSE_CHARS
    assert answer.endswith("systems")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "terms.jsonl"
    terms = [f"Term{i:03d}" for i in range(60)]
    path.write_text(
        "\n".join(json.dumps({"title": t, "text": f"{t} is a thing of kind {t[4:]} and size." + REST}) for t in terms)
    )
    return path


def test_articles_hold_neighbours_and_every_answer_stands_where_it_says(file: Path) -> None:
    articles = load_definitions([file], limit=50)
    paragraphs = [p for article in articles for p in article.paragraphs]
    assert len(paragraphs) == 50
    assert [len(a.paragraphs) for a in articles] == [ARTICLE_SIZE, ARTICLE_SIZE, 10]
    titles = [p.questions[0].title for p in paragraphs]
    assert titles == sorted(titles)
    for paragraph in paragraphs:
        (question,) = paragraph.questions
        start = question.answer_starts[0]
        assert paragraph.context[start : start + len(question.answers[0])] == question.answers[0]
        assert question.answers[0] == f"a thing of kind {question.title[4:]} and size"
        assert question.title.lower() in question.question.lower()


LINE = (
    "{} It was first described long ago, and has been used ever since in many fields of study by many people, of whom a few "
    "became known for it, and the others were forgotten in the course of the years that followed the great fire of the town."
)


def test_passages_that_speak_of_a_term_and_do_not_say_what_it_is_come_along() -> None:
    says, speaks, often, useful, silent = (
        LINE.format(begin)
        for begin in (
            "In short, entropy of this kind is a measure of disorder.",
            "Many were led astray by entropy in those days of the coast.",
            "The entropy of the gas rises, and with it the entropy of the engine.",
            "Entropy is rather useful to the engineers of the coast.",
            "Nobody spoke of disorder in the harbour of the northern town.",
        )
    )
    first = LINE.format("Entropy is a measure of the disorder of a system.")
    pad = f"{LINE.format('Nobody spoke of it.')} {LINE.format('Nobody ever spoke of it.')}"  # each has its passage
    text = "\n".join([first, pad, says, pad, speaks, pad, often, pad, useful, pad, silent, pad])
    definition = define("Entropy", text)
    assert definition is not None
    found = mentions(definition, text)
    assert len(found) == MAX_MENTIONS
    assert "rather useful" in found[0]  # the most like a definition
    assert "entropy of the engine" in found[1]  # and then what speaks of it most
    assert mentions(definition, first) == []


def test_an_article_holds_what_only_speaks_of_its_terms_without_a_question(tmp_path: Path) -> None:
    path = tmp_path / "wiki.jsonl"
    body = "\n".join(LINE.format(f"The way of Entropy led to place {n}, and further on.") for n in range(9))
    path.write_text(
        json.dumps({"title": "Entropy", "text": f"{LINE.format('Entropy is a measure of disorder.')}\n{body}"})
    )
    (article,) = load_definitions([path], limit=10)
    assert [len(p.questions) for p in article.paragraphs] == [1] + [0] * MAX_MENTIONS


def test_the_same_seed_makes_the_same_questions(file: Path) -> None:
    assert load_definitions([file], 50, seed=3) == load_definitions([file], 50, seed=3)
    assert load_definitions([file], 50, seed=3) != load_definitions([file], 50, seed=4)


def test_a_missing_file_or_a_broken_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no definition file at"):
        load_definitions([tmp_path / "none.jsonl"], 10)
    (tmp_path / "bad.jsonl").write_text('{"term": "a", "definition": "b"}\n[1]\n')
    with pytest.raises(DataError, match=r"bad\.jsonl:2"):
        load_definitions([tmp_path / "bad.jsonl"], 10)
