"""A hit's neighbours are those of the very document that was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.context import Context
from indexer.index import Index
from tests.indexer.fakes import HashEmbedder

SECTIONS = [f"# Part {n}\n\nThe word of this part is secret{n}.\n" for n in range(5)]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path, embedder=HashEmbedder()) as index:
        index.add("book.md", "\n".join(SECTIONS).encode())
        index.add("other.md", b"# Another\n\nOther words.\n")
        yield index


def words(context: Context) -> tuple[list[str], list[str]]:
    return [" ".join(c.headings) for c in context.before], [" ".join(c.headings) for c in context.after]


def test_neighbours_stand_before_and_after_under_their_own_headings(index: Index) -> None:
    hit = index.search("secret2", mode="bm25").hits[0]
    assert words(index.context(hit)) == (["Part 1"], ["Part 3"])
    assert words(index.context(hit, 9)) == (["Part 0", "Part 1"], ["Part 3", "Part 4"])
    text = index.text(hit.document_id)
    assert all(text[c.start : c.end] == c.text for c in index.context(hit, 9).before)


def test_the_first_and_the_last_have_neighbours_on_one_side(index: Index) -> None:
    first, last = (index.search(word, mode="bm25").hits[0] for word in ("secret0", "secret4"))
    assert words(index.context(first)) == ([], ["Part 1"])
    assert words(index.context(last)) == (["Part 3"], [])


def test_a_document_that_has_changed_has_no_neighbours_for_an_old_hit(index: Index) -> None:
    hit = index.search("secret2", mode="bm25").hits[0]
    index.add("book.md", b"# New\n\nNothing of the old.\n")
    assert index.context(hit) == Context((), ())
    index.remove(hit.document_id)
    assert index.context(hit) == Context((), ())
