"""The short form: some files of every format, changed at random, the same ones each time."""

from __future__ import annotations

import random

import pytest

from indexer.loaders import SUFFIXES
from indexer.loaders.source_languages import LANGUAGES
from tests.indexer.fuzz.seeds import PARSERS
from tests.indexer.fuzz.target import examine, mutated

ALIKE = {".htm": ".html", ".xhtml": ".html", ".markdown": ".md", ".text": ".txt", ".tsv": ".csv"}


@pytest.mark.parametrize("name", PARSERS)
def test_the_seeds_are_documents(name: str) -> None:
    assert [examine(PARSERS[name], seed) for seed in PARSERS[name].seeds] == [True] * len(PARSERS[name].seeds)


@pytest.mark.parametrize("name", PARSERS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    for number in range(60):
        examine(PARSERS[name], mutated(PARSERS[name], random.Random(f"{name} {number}")))


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_more_of_them(name: str) -> None:
    for number in range(60, 20_000):
        examine(PARSERS[name], mutated(PARSERS[name], random.Random(f"{name} {number}")))


def test_every_format_is_fuzzed() -> None:
    fuzzed = {parser.suffix for parser in PARSERS.values()}
    assert {ALIKE.get(suffix, suffix) for suffix in SUFFIXES} - set(LANGUAGES) - fuzzed == set()
