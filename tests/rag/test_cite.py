"""A citation is verified by comparison with what was claimed, field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer import Claim
from rag.cite import is_verified
from tests.rag.fakes import FakeRetriever, evidence_of

DOCUMENT = "Autograd records. The chain rule multiplies."
EVIDENCE = evidence_of("The chain rule multiplies.", DOCUMENT, 18)
CLAIM = Claim(EVIDENCE, 4, 14, ("chain", " rule"))
CITATION = FakeRetriever({"notes.md": DOCUMENT}).cite(EVIDENCE, 4, 14)


def test_the_same_words_at_the_same_place_are_verified() -> None:
    assert CITATION.quote == "chain rule" == DOCUMENT[CITATION.start : CITATION.end]
    assert is_verified(CITATION, CLAIM)


@pytest.mark.parametrize(
    "change",
    [
        {"quote": "chain rules"},
        {"quote": "Chain rule"},
        {"quote": ""},
        {"start": 21},
        {"end": 33},
        {"start": 4, "end": 14},
        {"document_id": "other"},
        {"sha256": "0" * 64},
    ],
    ids=str,
)
def test_anything_else_is_not(change: dict[str, object]) -> None:
    assert not is_verified(replace(CITATION, **change), CLAIM)


def test_words_beyond_the_passage_are_not_verified_even_if_they_are_there() -> None:
    shorter = replace(EVIDENCE, end=EVIDENCE.end - 15)
    assert not is_verified(CITATION, replace(CLAIM, evidence=shorter))
