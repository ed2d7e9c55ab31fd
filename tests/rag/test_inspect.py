"""Looking into a reading: what is shown is what the pipeline shows the reader, and its places are the document's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.augment import augment
from rag.errors import EmptyQuestion, NotSeen
from rag.inspect import inspect, looks
from tests.rag.fakes import FakeGlass, evidence_of

DOCUMENT = "Intro.\n\n## Tea\n\nGreen **tea** is\n   brewed [warm](cups.md)."
EVIDENCE = evidence_of(DOCUMENT[8:], DOCUMENT, 8)


def test_the_reader_sees_the_passage_as_when_it_answers() -> None:
    [passage] = augment([EVIDENCE])
    tokens = inspect(FakeGlass(), " How is tea brewed? ", EVIDENCE).tokens
    assert "".join(t.text for t in tokens if t.part == "passage") == passage.text == "Green tea is brewed warm."
    assert "".join(t.text for t in tokens if t.part == "question") == "How is tea brewed?" * 2


def test_the_question_is_the_one_that_the_pipeline_asks() -> None:
    tokens = inspect(FakeGlass(), "Please tell me how tea is brewed", EVIDENCE).tokens
    assert "".join(t.text for t in tokens if t.part == "question") == "How is tea brewed?" * 2


def test_places_are_the_documents_own() -> None:
    found = inspect(FakeGlass(), "How is tea brewed?", EVIDENCE)
    for token in found.tokens:
        if token.part == "passage":  # each of its characters, in order, with what is not shown between them
            rest = iter(DOCUMENT[token.start : token.end])
            assert all(character in rest for character in token.text.strip())
    [span] = found.spans
    assert DOCUMENT[span.start : span.end] == " [warm](cups.md)."
    assert [t.start for t in found.tokens if t.part == "question"][:2] == [0, 3]  # the question's stay its own


def test_a_token_that_is_part_of_a_character_has_a_place_and_no_characters() -> None:
    class Split(FakeGlass):
        def inspect(self, question: str, passage: str):  # type: ignore[no-untyped-def]
            found = super().inspect(question, passage)
            half = [replace(t, start=t.end, text="") if t.part == "passage" else t for t in found.tokens]
            return replace(found, tokens=tuple(half))

    tokens = [t for t in inspect(Split(), "Tea?", EVIDENCE).tokens if t.part == "passage"]
    assert all(t.start == t.end for t in tokens)
    assert all(EVIDENCE.start <= t.start < EVIDENCE.end for t in tokens)


def test_attention_is_asked_of_the_same_prompt() -> None:
    n_tokens = len(inspect(FakeGlass(), "Tea?", EVIDENCE).tokens)
    found = looks(FakeGlass(), " Tea? ", EVIDENCE, 3)
    assert (found.token, len(found.weights[0][0])) == (3, n_tokens)
    with pytest.raises(NotSeen, match="token 99 does not exist"):
        looks(FakeGlass(), "Tea?", EVIDENCE, 99)


def test_nothing_to_ask_and_nothing_to_see_are_told() -> None:
    with pytest.raises(EmptyQuestion):
        inspect(FakeGlass(), " \n", EVIDENCE)
    with pytest.raises(NotSeen, match="white space alone"):
        inspect(FakeGlass(), "Tea?", evidence_of(" \n "))


def test_a_passage_that_no_window_holds_is_not_even_looked_through() -> None:
    with pytest.raises(NotSeen, match="a passage of 20001 characters is too long to look into; choose at most 20000"):
        inspect(FakeGlass(), "Tea?", evidence_of("t" * 20_001))
