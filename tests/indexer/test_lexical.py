"""Any string is a valid query, and BM25 ranks as its formula says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.filter import Scope
from indexer.index import Index
from indexer.lexical import bm25_of, search_bm25
from indexer.query import parse, plain
from indexer.store import Store
from indexer.types import Filter
from tests.indexer.fakes import HashEmbedder

NOTES = {
    "cats.txt": "cats purr and cats sleep",
    "dogs.txt": "dogs bark while cats sleep all day long on the warm red sofa",
    "fish.txt": "fish swim",
    "naive.txt": "a naïve café",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lexical")
    with Index.open(folder, embedder=HashEmbedder()) as index:
        for name, text in NOTES.items():
            index.add(name, text.encode(), collection="b" if name == "fish.txt" else "a")
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    store = Store(folder)
    yield store
    store.close()


def found(store: Store, query: str, collection: str | None = None) -> list[str]:
    with store.read() as reading:
        scores = search_bm25(reading, parse(query), 10, Scope(reading, Filter(collection)))
        return [hit.path for hit in reading.hits(scores)]


def test_a_query_without_words_finds_nothing(store: Store) -> None:
    assert found(store, " ?! ") == []


def test_any_term_counts_and_inflection_case_and_accents_do_not(store: Store) -> None:
    assert found(store, "sleeping CAT") == ["cats.txt", "dogs.txt"]
    assert found(store, "naive cafe") == ["naive.txt"]


def test_only_the_collection_asked_for_is_searched(store: Store) -> None:
    assert found(store, "fish", "b") == ["fish.txt"]
    assert found(store, "fish", "a") == []
    assert found(store, "fish") == ["fish.txt"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"cats sleep"', {"cats.txt", "dogs.txt"}),
        ('"sleep cats"', set()),
        ("purr AND sleep", {"cats.txt"}),
        ("cats -purr", {"dogs.txt"}),
        ("cats NOT dogs", {"cats.txt"}),
        ("purr OR swim", {"cats.txt", "fish.txt"}),
        ("swi*", {"fish.txt"}),
        ("naiv* AND cafe OR purr sofa", {"naive.txt", "cats.txt", "dogs.txt"}),
        ('"warm red sofa" -"day long"', set()),
        ("purr, swim", {"cats.txt", "fish.txt"}),
    ],
)
def test_phrases_prefixes_and_boolean_words_mean_what_they_say(store: Store, query: str, expected: set[str]) -> None:
    assert set(found(store, query)) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40))
@example('"')
@example('cats" OR "dogs')
@example("cats AND (dogs NOT *")
@example("NEAR(cats dogs) ^cats text:cats {text} : -cats")
@example("_ __ 'cats' \x00 \\")
@example("²½ٮ _²_")
@example('"" AND _* NOT "_" OR -"cats"')
@example('"cats" NOT _ OR "²"* AND ²')
def test_any_string_is_a_valid_query(store: Store, query: str) -> None:
    found(store, query)


def test_scores_follow_the_formula(store: Store) -> None:
    """BM25 by hand: k1 = 1.2, b = 0.75 over the words of a row, all columns together (no headings; title = stem)."""
    rows = {name: [*text.split(), Path(name).stem] for name, text in NOTES.items()}
    average = sum(map(len, rows.values())) / len(rows)
    containing = sum("sleep" in words for words in rows.values())
    idf = math.log((len(rows) - containing + 0.5) / (containing + 0.5))
    with store.read() as reading:
        scores = search_bm25(reading, plain("sleep"), 10, Scope(reading, Filter()))
        by_path = {hit.path: hit.score for hit in reading.hits(scores)}
    for name, score in by_path.items():
        frequency, length = rows[name].count("sleep"), len(rows[name])
        expected = max(idf, 1e-6) * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / average))
        assert score == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("query", ["cats sleep", "sleep -purr", '"cats sleep"', "sw*", " ?! "])
def test_chosen_chunks_have_the_scores_that_a_search_gives_them(store: Store, query: str) -> None:
    with store.read() as reading:
        every = search_bm25(reading, parse(query), 10, Scope(reading, Filter()))
        ids = [row[0] for row in reading.connection.execute("SELECT chunk_id FROM chunk")]
        assert bm25_of(reading, parse(query), every) == every
        some = bm25_of(reading, parse(query), ids[::2])
        assert {chunk: score for chunk, score in every.items() if chunk in ids[::2]}.items() <= some.items()
        assert set(some) <= set(ids[::2])
        assert bm25_of(reading, parse(query), []) == {}
